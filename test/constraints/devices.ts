/**
 * Devices for tests of single situations: databases of one schema, writes at a time that the test chooses, payloads
 * whole or row by row, and the comparison of everything at once.
 */
import { expect } from 'vitest';
import { rowName } from '../model/constraints.js';
import { decodePayload } from '../packet/decode.js';
import { encodePacket } from '../packet/encode.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  encodePayload,
  initTable,
  openDatabase,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { readHeld } from './state.js';

export interface Schema {
  sql: string;
  /** Tracked tables, with the number of their key columns. */
  tables: Readonly<Record<string, number>>;
}

/** Clocks start here, in the future of the wall time, so that they say what the test says. */
const BEGINNING = BigInt(Date.now() + 3_600_000) * 1000n;

const opened: Connection[] = [];

export function closeAll(): void {
  for (const db of opened.splice(0)) db.close();
}

export function devices(
  count: number,
  schema: Schema,
  options: { foreignKeys?: boolean; recursiveTriggers?: boolean } = { foreignKeys: true },
): Connection[] {
  return Array.from({ length: count }, () => {
    const db = openDatabase(options);
    opened.push(db);
    db.exec(schema.sql);
    for (const table of Object.keys(schema.tables)) initTable(db, table);
    return db;
  });
}

/** Writes at a moment: its stamps are older than those of later moments, on whatever device. */
export function at(db: Connection, moment: number, sql: string): void {
  const before = BEGINNING + BigInt(moment) * 1000n;
  arrivalNumber(db);
  db.exec(`UPDATE cloudsync_settings SET value = max(value, ${before}) WHERE key = 'clock'`);
  db.exec(sql);
  arrivalNumber(db);
}

/** Sends everything that one device knows to others. */
export function send(from: Connection, ...to: Connection[]): void {
  const payload = encodePayload(from);
  for (const db of to) applyPayload(db, payload);
}

/** Everything that a device knows, as packets of one row each. */
export function singleRows(db: Connection): Buffer[] {
  return decodePayload(encodePayload(db)).flatMap(({ site, tables }) =>
    tables.flatMap((table) =>
      table.rows.map((row) =>
        encodePacket({ site, since: 0n, upto: 0n, tables: [{ ...table, rows: [row] }] }),
      ),
    ),
  );
}

export function everyOrder<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => everyOrder(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** The rows of a table as arrays, by key. */
export function rows(db: Connection, table: string): unknown[] {
  return db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw().all();
}

export function held(db: Connection, schema: Schema): string[] {
  return readHeld(db, (table) => schema.tables[table] ?? 0);
}

export function heldName(table: string, ...key: string[]): string {
  return rowName(
    table,
    key.map((value) => ({ type: 'text', bytes: Buffer.from(value) })),
  );
}

/** Every table and the held rows of every device are as expected, and no reference is broken. */
export function expectAll(
  dbs: readonly Connection[],
  schema: Schema,
  expected: { held?: string[]; tables: Record<string, unknown[]> },
): void {
  for (const db of dbs) {
    for (const [table, wanted] of Object.entries(expected.tables)) expect(rows(db, table)).toEqual(wanted);
    expect(held(db, schema)).toEqual(expected.held ?? []);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    if (db.pragma('foreign_keys', { simple: true })) expect(db.pragma('foreign_key_check')).toEqual([]);
  }
}

/** Exchanges everything until nothing moves; then all metadata is equal too. */
export function exchange(dbs: readonly Connection[]): void {
  exchangeAll(dbs);
  const metadata = dbs.map(dumpMetadata);
  for (const other of metadata) expect(other).toEqual(metadata[0]);
}
