/**
 * constraints.ts: rows that a constraint of the server's tables keeps out. Between devices such a row is held
 * everywhere until the conflict is over. A restricted device must not do that to rows which it may not even see, and
 * must not have a row that nobody else will: so the row that it brings is refused.
 */
import { quoteName } from '../store/tables.js';
import { rowName } from './row-list.js';
import type { Scoped } from './scoped.js';
import { isAlive, rawStatement, type TrackedTable } from './tracked-tables.js';
import type { ChangedRow, Objection } from './trial.js';
import { decodeValue, encodeValues, type SqlValue } from './values.js';

/** A living row that is not in its table, with its values there in cloudsync_held.content. */
export interface HeldRow {
  table: TrackedTable;
  pk: Buffer;
  content: Buffer;
}

/** The rows that are alive and not in their table, by name. */
export function heldRows({ database, tables }: Scoped): Map<string, HeldRow> {
  const sql = 'SELECT table_id, pk, content FROM cloudsync_held WHERE table_id IS NOT NULL';
  const rows = database.prepare<[], { table_id: number; pk: Buffer; content: Buffer }>(sql).all();
  const held = new Map<string, HeldRow>();
  for (const { table_id, pk, content } of rows) {
    const table = tables.byId(table_id);
    const row = table?.findClockOf(pk);
    if (table !== undefined && row !== undefined) {
      held.set(rowName(table.id, row.pk), { table, pk: row.pk, content });
    }
  }
  return held;
}

/**
 * The changed rows that cannot be in their table, or that have driven another row out of it. Runs while the merge
 * stands; `before` is what was held before it.
 */
export function findCulprits(
  scoped: Scoped,
  changed: readonly ChangedRow[],
  before: ReadonlyMap<string, unknown>,
): Objection[] {
  const keptOut = changed.filter((row) => isAlive(row.causalLength) && row.image === undefined);
  const brought = new Map(changed.map((row) => [row.name, row]));
  const culprits = [...heldRows(scoped)]
    .filter(([name]) => !before.has(name) && !brought.has(name))
    .flatMap(([, victim]) => {
      const others = claimants(scoped, victim).flatMap((name) => brought.get(name) ?? []);
      // What its unique columns do not tell (an index over expressions) must not be let through for that.
      return others.length > 0 ? others : changed.filter((row) => row.table === victim.table);
    });
  return [...keptOut, ...culprits].map(objection);
}

function objection({ table, pk }: ChangedRow): Objection {
  return { table: table.name, pk, code: 'constraint', reason: 'a constraint of its table does not allow it' };
}

/** Names of the rows that have a unique value of a row that is held. */
function claimants(scoped: Scoped, victim: HeldRow): string[] {
  const { table } = victim;
  const values = valuesOf(scoped, victim);
  return uniqueColumns(scoped, table).flatMap((columns) => {
    const wanted = columns.map((column) => values.get(column) ?? null);
    const where = columns.map((column) => `${quoteName(column)} = ?`).join(' AND ');
    const keys = table.keyColumns.map(quoteName).join(', ');
    const sql = `SELECT ${keys} FROM main.${quoteName(table.name)} WHERE ${where}`;
    const rows = wanted.includes(null) ? [] : rawStatement(scoped.database, sql).all(...wanted);
    return rows.map((key) => rowName(table.id, encodeValues(key)));
  });
}

/** The columns of each unique index that has plain columns only. */
function uniqueColumns({ database }: Scoped, table: TrackedTable): string[][] {
  const sql =
    'SELECT list.name, info.name AS "column" FROM pragma_index_list(?) AS list' +
    ' JOIN pragma_index_info(list.name) AS info WHERE list."unique" = 1 ORDER BY list.seq, info.seqno';
  const indexes = new Map<string, (string | null)[]>();
  for (const row of database
    .prepare<[string], { name: string; column: string | null }>(sql)
    .all(table.name)) {
    indexes.set(row.name, [...(indexes.get(row.name) ?? []), row.column]);
  }
  return [...indexes.values()].filter((columns): columns is string[] => !columns.includes(null));
}

/** The values of a held row by the names of their columns: of the key, and of the others as they are kept. */
function valuesOf({ database }: Scoped, { table, pk, content }: HeldRow): Map<string, SqlValue> {
  const sql = 'SELECT id, name FROM cloudsync_columns WHERE table_id = ?';
  const rows = database.prepare<[number], { id: number; name: string }>(sql).all(table.id);
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  const values = new Map<string, SqlValue>();
  let at = 0;
  for (const name of table.keyColumns) {
    const { value, next } = decodeValue(pk, at);
    values.set(name, value);
    at = next;
  }
  for (at = 0; at < content.length; ) {
    let column = 0;
    for (let scale = 1; ; scale *= 0x80, at += 1) {
      const byte = content.readUInt8(at);
      column += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const { value, next } = decodeValue(content, at + 1);
    const name = names.get(column);
    if (name !== undefined) values.set(name, value);
    at = next;
  }
  return values;
}
