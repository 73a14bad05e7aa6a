/**
 * replicas.ts: two or three databases of one schema that exchange payloads, for the hazard tests. After an
 * exchange they must be equal row by row, with exact storage classes, in data and in metadata, and nothing
 * may be held.
 */
import { expect } from 'vitest';
import {
  type Connection,
  dumpMetadata,
  dumpTable,
  heldChanges,
  initTable,
  type OpenOptions,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

/** The settings of a connection that applications choose differently. */
export type Mode = Required<Pick<OpenOptions, 'recursiveTriggers' | 'foreignKeys'>>;

/** All four combinations, each with a name for `describe.each`. */
export const MODES: ReadonlyArray<Mode & { name: string }> = [false, true].flatMap((recursiveTriggers) =>
  [false, true].map((foreignKeys) => ({
    name: `recursive_triggers=${Number(recursiveTriggers)} foreign_keys=${Number(foreignKeys)}`,
    recursiveTriggers,
    foreignKeys,
  })),
);

/** A tracked table; `force` is for lone integer keys. */
export interface Tracked {
  table: string;
  force?: boolean;
}

const opened: Connection[] = [];

/** Closes everything that this module has opened; call it after each test. */
export function closeAll(): void {
  for (const db of opened.splice(0)) db.close();
}

/** Opens a database that `closeAll` closes. */
export function open(options: OpenOptions = {}): Connection {
  const db = openDatabase(options);
  opened.push(db);
  return db;
}

/** Opens a database, runs the schema and tracks the tables. */
export function replica(
  schema: string,
  tracked: ReadonlyArray<string | Tracked>,
  options: OpenOptions = {},
): Connection {
  const db = open(options);
  db.exec(schema);
  for (const one of tracked) {
    const { table, force = false } = typeof one === 'string' ? { table: one } : one;
    initTable(db, table, 'cls', force);
  }
  return db;
}

/** Two replicas of one schema. */
export function pair(
  schema: string,
  tracked: ReadonlyArray<string | Tracked>,
  options: OpenOptions = {},
): [Connection, Connection] {
  return [replica(schema, tracked, options), replica(schema, tracked, options)];
}

/** Exchanges everything both ways, then compares the tables. Returns the rows of the first table. */
export function syncAndCompare(databases: readonly Connection[], ...tables: string[]): string[] {
  exchangeAll(databases);
  expectEqual(databases, ...tables);
  return dumpTable(databases[0] as Connection, tables[0] as string);
}

/** All databases hold the same rows and the same metadata, and none holds anything back. */
export function expectEqual(databases: readonly Connection[], ...tables: string[]): void {
  const [first, ...others] = databases as [Connection, ...Connection[]];
  for (const db of databases) expect(heldChanges(db)).toEqual([]);
  for (const other of others) {
    for (const table of tables) expect(dumpTable(other, table)).toEqual(dumpTable(first, table));
    expect(dumpMetadata(other)).toEqual(dumpMetadata(first));
  }
}

/** A table expression n(i) with the numbers 1 to `count`, to put before INSERT ... SELECT ... FROM n. */
export function numbers(count: number): string {
  return `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count})`;
}

/**
 * Number of log entries that wait to be folded in a table named like an identifier, without those that only
 * say that a row may have been evicted: of a row that is still there they are nothing.
 */
export function logged(db: Connection, table: string): number {
  return Number(single(db, `SELECT count(*) FROM "${table}_cloudsync_log" WHERE mask <> -3`));
}
