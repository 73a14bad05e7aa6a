/**
 * Databases for tests: better-sqlite3 with the real extension, and dumps of data and metadata in a canonical
 * form that can be compared and printed. Integers are read as bigint, so that nothing is lost on the way to
 * the comparison.
 */
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import { describeData, describePackets } from '../model/describe.js';
import { decodePayload } from '../packet/decode.js';
import type { Algorithm, Packet } from '../packet/packet.js';
import { blob, integer, NULL, real, text, type Value } from '../packet/value.js';

export type Connection = Database.Database;

export interface OpenOptions {
  /** A file, or the bytes of a database (`serialize()`); without it a database in memory. */
  source?: string | Buffer;
  /** SQLite's own default is off, better-sqlite3's is on; applications run with both. */
  recursiveTriggers?: boolean;
  foreignKeys?: boolean;
  /** false opens a connection that knows nothing of cloudsync, as a foreign tool does. */
  extension?: boolean;
}

/** Opens a database. The caller closes it. */
export function openDatabase(options: OpenOptions = {}): Connection {
  const db = new Database(options.source ?? ':memory:');
  db.defaultSafeIntegers(true);
  db.pragma(`recursive_triggers = ${options.recursiveTriggers ? 1 : 0}`);
  db.pragma(`foreign_keys = ${options.foreignKeys ? 1 : 0}`);
  db.pragma('synchronous = OFF');
  if (options.extension !== false) load(db);
  return db;
}

/** The first column of the first row of a query. */
export function single(db: Connection, sql: string, ...parameters: unknown[]): unknown {
  return db.prepare(sql).pluck().get(parameters);
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Tracks a table. Returns the site id in hex. */
export function initTable(
  db: Connection,
  table: string,
  algorithm: Algorithm = 'cls',
  force = false,
): string {
  return single(db, 'SELECT cloudsync_init(?, ?, ?)', table, algorithm, force ? 1n : 0n) as string;
}

/** One row of a data table with the storage class of every value. */
export interface DataRow {
  key: Value[];
  columns: Map<string, Value>;
}

interface ColumnInfo {
  name: string;
  pk: bigint;
}

/** All rows of a table, its key in the order of the PRIMARY KEY, its columns as declared. */
export function readTable(db: Connection, table: string): DataRow[] {
  const info = db.pragma(`table_info(${quoted(table)})`) as ColumnInfo[];
  // TEXT is read as bytes: as a string it would lose what is not valid UTF-8.
  const cells = info.map(({ name }) => {
    const column = quoted(name);
    return `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`;
  });
  const rows = db
    .prepare(`SELECT ${cells.join(', ')} FROM ${quoted(table)}`)
    .raw()
    .all() as unknown[][];
  const order = (column: ColumnInfo) => Number(column.pk);
  const keyColumns = info.filter((column) => column.pk > 0n).sort((a, b) => order(a) - order(b));
  return rows.map((row) => {
    const values = new Map(info.map(({ name }, i) => [name, toValue(row[2 * i] as string, row[2 * i + 1])]));
    const key = keyColumns.map(({ name }) => values.get(name) ?? NULL);
    for (const { name } of keyColumns) values.delete(name);
    return { key, columns: values };
  });
}

function toValue(type: string, value: unknown): Value {
  switch (type) {
    case 'integer':
      return integer(value as bigint);
    case 'real':
      return real(value as number);
    case 'text':
      return text(value as Buffer);
    case 'blob':
      return blob(value as Buffer);
    default:
      return NULL;
  }
}

/** A data table as sorted lines. */
export function dumpTable(db: Connection, table: string): string[] {
  return readTable(db, table)
    .map(({ key, columns }) => describeData(key, [...columns]))
    .sort();
}

/** All tracked state of a database as packets. */
export function fullState(db: Connection): Packet[] {
  return decodePayload(encodePayload(db));
}

/** All tracked state of a database as sorted lines. */
export function dumpMetadata(db: Connection): string[] {
  return describePackets(fullState(db));
}

/** cloudsync_payload_encode: the changes after `since`. */
export function encodePayload(db: Connection, since: bigint = 0n): Buffer {
  return single(db, 'SELECT cloudsync_payload_encode(?)', since) as Buffer;
}

/** cloudsync_payload_apply. Returns what it returns, the number of rows. */
export function applyPayload(db: Connection, payload: Buffer): bigint {
  return single(db, 'SELECT cloudsync_payload_apply(?)', payload) as bigint;
}

/** cloudsync_db_version: the highest arrival number. */
export function arrivalNumber(db: Connection): bigint {
  return single(db, 'SELECT cloudsync_db_version()') as bigint;
}

/** A change that waits, as the table cloudsync_held shows it. */
export interface HeldChange {
  id: bigint;
  tbl: string;
  /** Names of the columns that wait; empty when the whole row does. */
  columns: string;
  reason: string;
}

export function heldChanges(db: Connection): HeldChange[] {
  return db.prepare('SELECT id, tbl, columns, reason FROM cloudsync_held ORDER BY id').all() as HeldChange[];
}

/** Everything that a packet could change, as one text: data, metadata, held changes, arrival number. */
export function snapshot(db: Connection, tables: readonly string[]): string {
  const parts = tables.flatMap((table) => [`-- ${table}`, ...dumpTable(db, table)]);
  const held = heldChanges(db).map(({ tbl, reason }) => `held ${tbl}: ${reason}`);
  return [...parts, '-- metadata', ...dumpMetadata(db), ...held, `-- version ${arrivalNumber(db)}`].join(
    '\n',
  );
}
