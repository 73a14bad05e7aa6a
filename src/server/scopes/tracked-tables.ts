/**
 * tracked-tables.ts: the synchronised tables of a database, as the scopes need them: by the id and the names that the
 * extension gave them, with the statements on one row.
 */
import Database from 'better-sqlite3';
import type { SyncDatabase } from '../store/database.js';
import { findTable, foldName, quoteName } from '../store/tables.js';
import { decodeValues, encodeValues, type SqlValue } from './values.js';

/** A row by the values of its key, and by the same as bytes. */
export interface RowKey {
  values: readonly SqlValue[];
  pk: Buffer;
}

/** A row of a clock table. */
export interface ClockRow extends RowKey {
  causalLength: number;
}

export class TrackedTable {
  readonly id: number;
  readonly name: string;
  readonly foldedName: string;
  /** The algorithm of rows, by its number in packets. */
  readonly algorithm: number;
  readonly clockTable: string;
  /** Names of the key columns in key order, as created. */
  readonly keyColumns: readonly string[];
  readonly #database: SyncDatabase;

  constructor(database: SyncDatabase, row: TableRow) {
    const table = findTable(database, row.name);
    const columns = table?.columns ?? [];
    const keys = columns.filter((column) => column.keyPosition > 0);
    keys.sort((left, right) => left.keyPosition - right.keyPosition);
    this.id = row.id;
    this.name = row.name;
    this.foldedName = foldName(row.name);
    this.algorithm = row.algorithm;
    this.clockTable = row.clock_table;
    this.keyColumns = keys.map((column) => column.name);
    this.#database = database;
  }

  /** The rows whose clocks have changed after `seq`, in the order of their changes. */
  changedAfter(seq: number): ClockRow[] {
    const sql =
      `SELECT cl, ${this.#keyNames()} FROM main.${quoteName(this.clockTable)}` +
      ' WHERE seq > ? ORDER BY seq';
    return this.#raw(sql, [BigInt(seq)]).map(clockRow);
  }

  /** The clock row of a key in whatever spelling of its values; undefined when the row was never known. */
  findClock(values: readonly SqlValue[]): ClockRow | undefined {
    const where = this.keyColumns.map((_, index) => `pk${index} = ?`).join(' AND ');
    const sql = `SELECT cl, ${this.#keyNames()} FROM main.${quoteName(this.clockTable)} WHERE ${where}`;
    return this.#raw(sql, values).map(clockRow)[0];
  }

  /** The same for a key as bytes, which may be spelled otherwise there than in the clock table. */
  findClockOf(pk: Buffer): ClockRow | undefined {
    return this.findClock(decodeValues(pk));
  }

  /** The key values of all rows in the table. */
  allKeys(): SqlValue[][] {
    const names = this.keyColumns.map(quoteName).join(', ');
    return this.#raw(`SELECT ${names} FROM main.${quoteName(this.name)}`, []);
  }

  /** The row as SELECT * gives it; undefined when it is not in the table. */
  image(values: readonly SqlValue[]): SqlValue[] | undefined {
    return this.#find('*', values);
  }

  /** The values of some columns of a row; undefined when it is not in the table. */
  valuesOf(values: readonly SqlValue[], columns: readonly string[]): SqlValue[] | undefined {
    return this.#find(columns.map(quoteName).join(', '), values);
  }

  #find(what: string, values: readonly SqlValue[]): SqlValue[] | undefined {
    const where = this.keyColumns.map((name) => `${quoteName(name)} = ?`).join(' AND ');
    const sql = `SELECT ${what} FROM main.${quoteName(this.name)} WHERE ${where}`;
    return this.#raw(sql, values)[0];
  }

  #keyNames(): string {
    return this.keyColumns.map((_, index) => `pk${index}`).join(', ');
  }

  #raw(sql: string, parameters: readonly SqlValue[]): SqlValue[][] {
    return rawStatement(this.#database, sql).all(...parameters);
  }
}

interface TableRow {
  id: number;
  name: string;
  algorithm: number;
  clock_table: string;
}

/** A statement whose rows are arrays of exact values. */
export function rawStatement(
  database: SyncDatabase,
  sql: string,
): Database.Statement<SqlValue[], SqlValue[]> {
  return database.prepare<SqlValue[], SqlValue[]>(sql).raw().safeIntegers();
}

/**
 * The rows of a query of the policies. One that fails on what a row holds (a text that is no JSON) finds nothing: a row
 * that cannot be judged is not shown, and must not stop the others.
 */
export function policyRows(
  database: SyncDatabase,
  sql: string,
  parameters: readonly SqlValue[] = [],
): SqlValue[][] | undefined {
  try {
    return rawStatement(database, sql).all(...parameters);
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return undefined;
    throw error;
  }
}

function clockRow([cl, ...values]: SqlValue[]): ClockRow {
  return { causalLength: Number(cl), values, pk: encodeValues(values) };
}

/** Whether a row with that causal length is alive. */
export function isAlive(causalLength: number): boolean {
  return causalLength % 2 === 1;
}

/** The synchronised tables, by id and by folded name. */
export class TrackedTables {
  readonly all: readonly TrackedTable[];
  readonly #byId = new Map<number, TrackedTable>();
  readonly #byName = new Map<string, TrackedTable>();

  constructor(database: SyncDatabase) {
    const sql = 'SELECT id, name, algorithm, clock_table FROM cloudsync_tables ORDER BY id';
    const rows = database.hasTables() ? database.prepare<[], TableRow>(sql).all() : [];
    this.all = rows.map((row) => new TrackedTable(database, row));
    for (const table of this.all) {
      this.#byId.set(table.id, table);
      this.#byName.set(table.foldedName, table);
    }
  }

  byId(id: number): TrackedTable | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): TrackedTable | undefined {
    return this.#byName.get(foldName(name));
  }
}
