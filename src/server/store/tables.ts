/**
 * tables.ts: looks at tables as SQLite sees them: names compare without regard to the case of ASCII letters,
 * hidden and generated columns are told apart.
 */
import type Database from 'better-sqlite3';

export interface Column {
  name: string;
  type: string;
  isNotNull: boolean;
  /** The text of the DEFAULT expression. */
  defaultText: string | null;
  /** Position in the primary key from 1, or 0. */
  keyPosition: number;
  isGenerated: boolean;
}

export interface RealTable {
  /** The name as it was created. */
  name: string;
  columns: Column[];
  /** Whether the extension keeps clocks for it. */
  isTracked: boolean;
}

interface ColumnRow {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
  hidden: number;
}

/** What these functions need of a connection: a plain one, or an open database of the server. */
export interface StatementSource {
  prepare<Parameters extends unknown[], Row>(sql: string): Database.Statement<Parameters, Row>;
}

/** A name in the form in which SQLite compares names. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The table of that name, or undefined. */
export function findTable(source: StatementSource, name: string): RealTable | undefined {
  const existing = tableName(source, name);
  if (existing === undefined) return undefined;
  const rows = source
    .prepare<[string], ColumnRow>(
      'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
    )
    .all(existing);
  const columns = rows.map((row) => ({
    name: row.name,
    type: row.type,
    isNotNull: row.notnull !== 0,
    defaultText: row.dflt_value,
    keyPosition: row.pk,
    isGenerated: row.hidden !== 0,
  }));
  return { name: existing, columns, isTracked: isTracked(source, existing) };
}

/**
 * The extension lists the tables that it tracks in `cloudsync_tables`, which it makes with the first of them.
 */
function isTracked(source: StatementSource, name: string): boolean {
  if (tableName(source, 'cloudsync_tables') === undefined) return false;
  const sql = 'SELECT 1 FROM cloudsync_tables WHERE name = ?';
  return source.prepare<[string], unknown>(sql).get(name) !== undefined;
}

/** The tracked table whose clocks or log are kept in the table called `name`, or undefined. */
export function tableWithMetadata(source: StatementSource, name: string): string | undefined {
  if (tableName(source, 'cloudsync_tables') === undefined) return undefined;
  const sql = 'SELECT name FROM cloudsync_tables WHERE ? COLLATE NOCASE IN (clock_table, log_table)';
  return source.prepare<[string], { name: string }>(sql).get(name)?.name;
}

/** The name as it was created of the table that is called `name` in any case of letters. */
export function tableName(source: StatementSource, name: string): string | undefined {
  const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
  return source.prepare<[string], { name: string }>(sql).get(name)?.name;
}

/** The names of the primary key's columns in key order, folded. */
export function keyColumns(table: RealTable): string[] {
  const key = table.columns.filter((column) => column.keyPosition > 0);
  key.sort((left, right) => left.keyPosition - right.keyPosition);
  return key.map((column) => foldName(column.name));
}

/** Quotes a name for use in SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
