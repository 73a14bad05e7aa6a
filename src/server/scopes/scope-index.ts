/**
 * scope-index.ts: keeps the scope index up to date. A scope is a set of rows that some principals see together; the
 * index has one entry per scope and row, with the row's last event there:
 *
 *   first_seq  when the row was first in the scope; it stays when the row leaves and comes back, because an old
 *              device still has to be told that the row has left
 *   enter_seq  when it last came in: a reader that has been at the end before that does not have the row
 *   seq        when it last changed, came in or left: the reading order is (seq, entry)
 *   live       whether it is in
 *
 * So the index is as large as the data however long it lives, and a new reader of a scope reads exactly its rows.
 * What has left is told from the entries themselves: the keys that a row had can no longer be computed when the rows
 * that gave them to it are gone.
 */
import type { Branch } from '../policies/compiled.js';
import type { SyncDatabase } from '../store/database.js';
import { createIndex, hasIndex, readState, writeState } from './layout.js';
import { affectedRows, type Link, linksOf, rebuildLinks } from './links.js';
import { principalTables } from './principal-tables.js';
import { branchesText, rebuild } from './rebuild.js';
import { internScope } from './scope-numbers.js';
import type { Scoped } from './scoped.js';
import { policyRows, type RowKey, type TrackedTable } from './tracked-tables.js';
import { encodeValues } from './values.js';

interface DirtyRow extends RowKey {
  table: TrackedTable;
  /** Whether its own values or clocks have changed, and not only, perhaps, its keys. */
  hasChanged: boolean;
}

/** The rows to look at, each once. */
class DirtyRows {
  readonly #rows = new Map<string, DirtyRow>();

  add(table: TrackedTable, { values, pk }: RowKey, hasChanged: boolean): void {
    const name = `${table.id} ${pk.toString('latin1')}`;
    const known = this.#rows.get(name);
    if (known === undefined) this.#rows.set(name, { table, values, pk, hasChanged });
    else known.hasChanged ||= hasChanged;
  }

  all(): Iterable<DirtyRow> {
    return this.#rows.values();
  }
}

/**
 * Brings the index to the present state of the tables and to the policies in force, inside a transaction that writes.
 *
 * @returns the seq up to which the index is complete now
 */
export function updateIndex(scoped: Scoped): number {
  const { database } = scoped;
  const isNew = !hasIndex(database);
  if (isNew) createIndex(database);
  const state = readState(database);
  const head = database.head();
  const branches = branchesText(scoped);
  const isDeployed = isNew || branches !== state.branches;
  if (head === state.head && !isDeployed) {
    database.touched.move(head, head);
    return head;
  }
  const seq = isDeployed ? nextSeq(database) : head;
  if (isDeployed) {
    rebuild(scoped, seq);
    database.touched.addAny();
  }
  const dirty = isNew ? new DirtyRows() : dirtyRows(scoped, state.head);
  if (isDeployed) {
    // Not before the changes were looked at, which have to be found by the values of before as well.
    rebuildLinks(scoped);
    writeState(database, 'branches', branches);
  }
  addHeldRows(scoped, dirty);
  for (const row of dirty.all()) refreshRow(scoped, row, seq);
  writeState(database, 'head', seq);
  database.touched.move(state.head, seq);
  return seq;
}

/**
 * Takes the next seq for changes of the index to which no change of a row belongs: positions of readers lie before
 * it, and changes of rows will come after it.
 */
function nextSeq(database: SyncDatabase): number {
  database.prepare("UPDATE cloudsync_settings SET value = value + 1 WHERE key = 'seq'").run();
  return database.head();
}

/** How the policies read tables: which rows lead to others, and which tables give scopes to principals. */
interface Readings {
  links: Map<TrackedTable, Link[]>;
  grants: ReadonlySet<string>;
}

const READINGS = new WeakMap<Scoped, Readings>();

function readingsOf(scoped: Scoped): Readings {
  const known = READINGS.get(scoped);
  if (known !== undefined) return known;
  const readings = { links: linksOf(scoped), grants: principalTables(scoped) };
  READINGS.set(scoped, readings);
  return readings;
}

function dirtyRows(scoped: Scoped, since: number): DirtyRows {
  const dirty = new DirtyRows();
  const { links, grants } = readingsOf(scoped);
  for (const table of scoped.tables.all) {
    const changed = table.changedAfter(since);
    if (changed.length > 0 && grants.has(table.foldedName)) scoped.database.touched.addAny();
    for (const row of changed) {
      dirty.add(table, row, true);
      for (const link of links.get(table) ?? []) {
        for (const { table: target, values } of affectedRows(scoped, table, link, row)) {
          dirty.add(target, { values, pk: encodeValues(values) }, false);
        }
      }
    }
  }
  return dirty;
}

/**
 * Adds the rows that a constraint has begun or ceased to keep out of their table: the change of another row does that,
 * and their own clocks tell nothing of it.
 */
function addHeldRows({ database, tables }: Scoped, dirty: DirtyRows): void {
  const held = 'SELECT table_id AS tbl, pk FROM cloudsync_held WHERE table_id IS NOT NULL';
  const known = 'SELECT tbl, pk FROM cloudsync_scope_held';
  const differences = `SELECT * FROM (${held} EXCEPT ${known}) UNION SELECT * FROM (${known} EXCEPT ${held})`;
  const rows = database.prepare<[], { tbl: number; pk: Buffer }>(differences).all();
  if (rows.length === 0) return;
  for (const { tbl, pk } of rows) {
    const table = tables.byId(tbl);
    const row = table?.findClockOf(pk);
    if (table !== undefined && row !== undefined) dirty.add(table, row, true);
  }
  database.prepare('DELETE FROM cloudsync_scope_held').run();
  database.prepare(`INSERT INTO cloudsync_scope_held ${held}`).run();
}

/** Compares the scopes that a row is in with those where its entries are live. */
function refreshRow({ compiled, database }: Scoped, row: DirtyRow, seq: number): void {
  const branches = compiled.tables.get(row.table.foldedName)?.branches ?? [];
  const present = new Set(branches.flatMap((branch) => scopesOfRow(database, branch, row)));
  const sql = 'SELECT entry, scope FROM cloudsync_scope_rows WHERE tbl = ? AND pk = ? AND live = 1';
  const entries = database
    .prepare<unknown[], { entry: number; scope: number }>(sql)
    .all(row.table.id, row.pk);
  for (const { entry, scope } of entries) {
    const isIn = present.delete(scope);
    if (isIn && !row.hasChanged) continue;
    const change = 'UPDATE cloudsync_scope_rows SET seq = ?, live = ? WHERE entry = ?';
    database.prepare(change).run(seq, isIn ? 1 : 0, entry);
    database.touched.add(scope);
  }
  for (const scope of present) {
    const enter =
      'INSERT INTO cloudsync_scope_rows(scope, tbl, pk, first_seq, enter_seq, seq, live)' +
      ' VALUES (@scope, @table, @pk, @seq, @seq, @seq, 1)' +
      ' ON CONFLICT(tbl, pk, scope) DO UPDATE SET enter_seq = @seq, seq = @seq, live = 1';
    database.prepare(enter).run({ scope, table: row.table.id, pk: row.pk, seq });
    database.touched.add(scope);
  }
}

function scopesOfRow(database: SyncDatabase, branch: Branch, row: RowKey): number[] {
  const keys = policyRows(database, branch.rowKeys, row.values) ?? [];
  return keys.map((key) => internScope(database, branch.id, encodeValues(key)));
}
