/**
 * The state of a replica as the tests see it: rows as packets carry them, the lines that tables show, the held
 * rows; and the knowledge about stamps that all replicas of one history share.
 */
import { rowName } from '../model/constraints.js';
import { describeData, describeRow } from '../model/describe.js';
import { isAlive, mergeRow } from '../model/merge.js';
import { readItem } from '../packet/msgpack.js';
import type { Packet, Row, Stamp, Table } from '../packet/packet.js';
import { blob, identity, integer, literal, NULL, real, text, type Value } from '../packet/value.js';
import type { Connection } from '../support/database.js';

/** Tables by name, their rows by key. */
export type State = Map<string, { table: Table; rows: Map<string, Row> }>;

/** Gathers packets into a state. A row that is in several packets is joined. */
export function stateOf(packets: readonly Packet[]): State {
  const state: State = new Map();
  for (const table of packets.flatMap(({ tables }) => tables)) {
    const entry = state.get(table.name) ?? { table, rows: new Map<string, Row>() };
    state.set(table.name, entry);
    for (const row of table.rows) {
      const place = identity(row.key);
      entry.rows.set(
        place,
        mergeRow(table.algorithm, table.columns.length === 0, entry.rows.get(place), row),
      );
    }
  }
  return state;
}

export function rowsByTable(state: State): Map<string, Row[]> {
  return new Map([...state].map(([name, { rows }]) => [name, [...rows.values()]]));
}

/** The state as sorted lines. */
export function describeState(state: State): string[] {
  return [...state.values()]
    .flatMap(({ table, rows }) => [...rows.values()].map((row) => describeRow(table, row)))
    .sort();
}

/**
 * What a state lacks of rows that the replica must know: merging them again would change it.
 * @returns lines for a message; none when nothing is lacking
 */
export function lacking(state: State, known: State): string[] {
  const lines: string[] = [];
  for (const [name, { table, rows }] of known) {
    for (const [place, row] of rows) {
      const now = state.get(name)?.rows.get(place);
      const joined = mergeRow(table.algorithm, table.columns.length === 0, now, row);
      const wanted = describeRow(table, joined);
      const got = now ? describeRow(table, now) : 'nothing';
      if (wanted !== got) lines.push(`  must know ${wanted}\n  knows     ${got}`);
    }
  }
  return lines;
}

/** Every stamp that was ever seen in a history, with its value: the same stamp never has two. */
export class StampRegister {
  private readonly values = new Map<string, string>();

  /**
   * Enters the stamps of a state. Returns those that are new.
   * @throws Error when a stamp is known with another value
   */
  enter(state: State): Array<{ stamp: Stamp; place: string }> {
    const fresh: Array<{ stamp: Stamp; place: string }> = [];
    for (const [name, { rows }] of state) {
      for (const row of rows.values()) {
        const place = `${rowName(name, row.key)} cl=${row.cl}`;
        const cells: Array<[string, Stamp, string]> = [...row.columns].map(([column, cell]) => [
          column,
          cell.stamp,
          literal(cell.value),
        ]);
        if (!isAlive(row) || cells.length === 0) cells.push(['the row', row.stamp, '']);
        for (const [column, stamp, value] of cells) {
          const label = `${place} ${column} ${stamp.clock}@${stamp.site}`;
          const known = this.values.get(label);
          if (known === undefined) {
            this.values.set(label, value);
            fresh.push({ stamp, place: `${place} ${column}` });
          } else if (known !== value) {
            throw new Error(`one stamp, two values: ${label} is ${known} elsewhere and ${value} here`);
          }
        }
      }
    }
    return fresh;
  }
}

/** A value as better-sqlite3 reads it. (The values of these tests are valid UTF-8.) */
export function readValue(value: unknown): Value {
  if (typeof value === 'bigint') return integer(value);
  if (typeof value === 'number') return real(value);
  if (typeof value === 'string') return text(value);
  return Buffer.isBuffer(value) ? blob(value) : NULL;
}

/** The rows of a data table, each under its name, as a line. */
export function readLines(
  db: Connection,
  table: string,
  keyColumns: readonly string[],
  columns: readonly string[],
): Map<string, string> {
  const names = [...keyColumns, ...columns].join(', ');
  const rows = db.prepare(`SELECT ${names} FROM ${table}`).raw().all() as unknown[][];
  return new Map(
    rows.map((row) => {
      const values = row.map(readValue);
      const key = values.slice(0, keyColumns.length);
      const cells = columns.map((name, i) => [name, values[keyColumns.length + i] ?? NULL] as const);
      return [rowName(table, key), `${table} ${describeData(key, cells)}`];
    }),
  );
}

/**
 * The names of the rows in cloudsync_held.
 * @param keyWidth how many key columns a table has
 */
export function readHeld(db: Connection, keyWidth: (table: string) => number): string[] {
  const rows = db.prepare('SELECT tbl, pk, waits FROM cloudsync_held').all() as Array<{
    tbl: string;
    pk: Buffer;
    waits: bigint;
  }>;
  const names = rows.map(({ tbl, pk, waits }) => {
    // The key is stored as MessagePack items one after another; with the head of an array it is one item.
    const item = readItem(Buffer.concat([Buffer.from([0x90 | keyWidth(tbl)]), pk]));
    const name = rowName(tbl, item.type === 'array' ? (item.items as Value[]) : []);
    return waits === 0n ? name : `${name} waits=${waits}`;
  });
  return names.sort();
}
