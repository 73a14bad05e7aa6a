/**
 * judge.ts: asks SQLite whether a principal may make a change: evaluates the expressions of the policies with the row
 * as it was (OLD) and as it would be (NEW).
 *
 * Both images lie in tables of their own with the definition of the real one, in two attached databases in memory
 * called "old" and "new": so columns have the affinity and collation there that the policies were written for, and
 * generated columns have values. Everything else that an expression names is found in the real database.
 */
import Database from 'better-sqlite3';
import type { Principal } from '../principal.js';
import type { SyncDatabase } from '../store/database.js';
import { quoteName } from '../store/tables.js';
import type { Scoped } from './scoped.js';
import { rawStatement, type TrackedTable } from './tracked-tables.js';
import type { SqlValue } from './values.js';

export type Operation = 'insert' | 'update' | 'delete';

/** A row as it is and as it would be; undefined where it is not there. */
export interface Change {
  table: TrackedTable;
  old: readonly SqlValue[] | undefined;
  new: readonly SqlValue[] | undefined;
}

const SIDES = ['old', 'new'] as const;

/** Attaches the databases for the images; outside of a transaction, and once per connection. */
export function attachImages(sqlite: Database.Database): void {
  for (const side of SIDES) sqlite.exec(`ATTACH ':memory:' AS ${quoteName(side)}`);
}

/** What a change is, as the server sees it; undefined when the row neither was there nor would be. */
export function operationOf(change: Change): Operation | undefined {
  if (change.old === undefined) return change.new === undefined ? undefined : 'insert';
  return change.new === undefined ? 'delete' : 'update';
}

/** Whether the policies allow a principal a change, in the present state of the database. */
export function isAllowed(scoped: Scoped, principal: Principal, change: Change): boolean {
  const policies = scoped.compiled.tables.get(change.table.foldedName);
  const operation = operationOf(change);
  if (policies === undefined || operation === undefined) return false;
  const checks = {
    insert: [policies.insertCheck],
    update: [policies.updateUsing, policies.updateCheck],
    delete: [policies.deleteUsing],
  }[operation];
  const expressions = checks.filter((check) => check !== null);
  if (expressions.length < checks.length) return false;
  for (const side of SIDES) fillImage(scoped.database, side, change.table, change[side]);
  return scoped.asPrincipal(principal, () =>
    expressions.every((expression) => evaluate(scoped.database, change.table, expression)),
  );
}

function evaluate(database: SyncDatabase, table: TrackedTable, expression: string): boolean {
  const name = quoteName(table.name);
  const sql =
    `SELECT (${expression}) IS TRUE AS allowed FROM (SELECT 1)` +
    ` LEFT JOIN "old".${name} AS OLD LEFT JOIN "new".${name} AS NEW`;
  try {
    return database.prepare<[], { allowed: number }>(sql).get()?.allowed === 1;
  } catch (error) {
    // An expression that fails on this row (malformed JSON) allows nothing. Trouble of the machine has other codes.
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return false;
    throw error;
  }
}

/** Makes a row the only one of its image table, or leaves that empty. */
function fillImage(
  database: SyncDatabase,
  side: (typeof SIDES)[number],
  table: TrackedTable,
  image: readonly SqlValue[] | undefined,
): void {
  const name = `${quoteName(side)}.${quoteName(table.name)}`;
  requireImageTable(database, side, table);
  database.prepare(`DELETE FROM ${name}`).run();
  if (image === undefined) return;
  const columns = table.columns.map(quoteName).join(', ');
  const places = table.columns.map(() => '?').join(', ');
  rawInsert(database, `INSERT INTO ${name}(${columns}) VALUES (${places})`, image);
}

function rawInsert(database: SyncDatabase, sql: string, values: readonly SqlValue[]): void {
  database.prepare<SqlValue[], unknown>(sql).run(...values);
}

/** Makes the image table as the real one is defined now; a transaction that was undone may have taken it away. */
function requireImageTable(database: SyncDatabase, side: (typeof SIDES)[number], table: TrackedTable): void {
  const schema = `${quoteName(side)}.sqlite_schema`;
  const sql = (source: string) => `SELECT sql FROM ${source} WHERE type = 'table' AND name = ?`;
  const [real] = rawStatement(database, sql('main.sqlite_schema')).get(table.name) ?? [];
  const [image] = rawStatement(database, sql(schema)).get(table.name) ?? [];
  if (real === image || typeof real !== 'string') return;
  const name = `${quoteName(side)}.${quoteName(table.name)}`;
  // SQLite keeps the text from the name on, as it was written, behind these words.
  const definition = real.replace(/^CREATE TABLE /, `CREATE TABLE ${quoteName(side)}.`);
  database.sqlite.exec(`DROP TABLE IF EXISTS ${name}; ${definition}`);
}
