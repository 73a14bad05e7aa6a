/**
 * damages.ts: every way to damage one of our own tables in a database file: each table, each of its columns, each kind
 * of wrong value, in one row or in all of them; rows that are gone or doubled; tables, columns and indexes that are
 * gone.
 */
import type { Connection } from '../../support/database.js';

export interface Damage {
  name: string;
  /** Statements that do it, on a connection that lets everything be written. */
  sql: string[];
}

/** Values that do not belong where they stand, as SQL; `c` is the column. */
const VALUES: Record<string, string> = {
  NULL: 'NULL',
  zero: '0',
  negative: '-1',
  huge: '9223372036854775807',
  'the least': '(-9223372036854775807 - 1)',
  'past 32 bits': '4294967297',
  'a real': '1.5e300',
  'empty text': "''",
  text: "'wrong'",
  'text with NUL': "CAST(x'610062ff' AS TEXT)",
  'empty blob': "x''",
  blob: "x'00ff80'",
  'long blob': 'zeroblob(100000)',
  // The exceptions of a clock row (src/core/clock/row_clock.ts) name a column whose number has more than 31 bits.
  'a column that cannot be': "x'000180808080080101000000'",
  'numbers that are too large': "x'00808080801000ffffffffffffffff7f'",
  'numbers that do not end': "x'ffffffffffffffffffffffffffffff'",
};

/** Changes of the bytes that are there. */
const CHANGES: Record<string, (column: string) => string> = {
  'cut off': (c) => `CAST(substr(${c}, 1, length(${c}) - 1) AS BLOB)`,
  lengthened: (c) => `CAST(${c} || x'01' AS BLOB)`,
  'one more': (c) => `${c} + 1`,
  'one less': (c) => `${c} - 1`,
  'first byte': (c) => `CAST(x'ff' || substr(CAST(${c} AS BLOB), 2) AS BLOB)`,
  'last byte': (c) =>
    `CAST(substr(CAST(${c} AS BLOB), 1, max(length(CAST(${c} AS BLOB)) - 1, 0)) || x'7f' AS BLOB)`,
};

interface OwnTable {
  name: string;
  columns: string[];
  /** Of the primary key; empty where it is the rowid. */
  keys: string[];
  rows: number;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Our tables, the clocks and logs among them. */
export function ownTables(db: Connection): string[] {
  return db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%cloudsync%' ORDER BY name")
    .pluck()
    .all() as string[];
}

/** The condition that chooses the i-th row by its key. */
function isRow(table: string, keys: readonly string[], i: number): string {
  const key = keys.length > 0 ? keys.map(quoted).join() : 'rowid';
  return `(${key}) IN (SELECT ${key} FROM main.${quoted(table)} LIMIT 1 OFFSET ${i})`;
}

/** Settings are one per row, so all of them are damaged singly; of other tables two rows are enough. */
function rowsToDamage(table: string, rows: number): number[] {
  const length = table === 'cloudsync_settings' ? rows : Math.min(rows, 2);
  return Array.from({ length }, (_, i) => i);
}

function valueDamages({ name: table, keys, rows }: OwnTable, column: string): Damage[] {
  const expressions = {
    ...VALUES,
    ...Object.fromEntries(Object.entries(CHANGES).map(([name, change]) => [name, change(quoted(column))])),
    'the value of another row': `(SELECT ${quoted(column)} FROM ${quoted(table)} ORDER BY 1 DESC LIMIT 1)`,
  };
  return Object.entries(expressions).flatMap(([name, expression]) => {
    const set = `UPDATE OR REPLACE main.${quoted(table)} SET ${quoted(column)} = ${expression}`;
    const every = { name: `${table}.${column} in every row: ${name}`, sql: [set] };
    const single = rowsToDamage(table, rows).map((i) => ({
      name: `${table}.${column} in row ${i}: ${name}`,
      sql: [`${set} WHERE ${isRow(table, keys, i)}`],
    }));
    return [every, ...single];
  });
}

function tableDamages({ name: table, columns, keys, rows }: OwnTable): Damage[] {
  const name = quoted(table);
  const without = columns.map((column) => ({
    name: `${table} without column ${column}`,
    sql: [
      `CREATE TABLE rebuilt AS SELECT ${
        columns
          .filter((other) => other !== column)
          .map(quoted)
          .join() || '1'
      } FROM ${name}`,
      `DROP TABLE ${name}`,
      `ALTER TABLE rebuilt RENAME TO ${name}`,
    ],
  }));
  const deleted = Array.from({ length: rows }, (_, i) => ({
    name: `${table} without row ${i}`,
    sql: [`DELETE FROM ${name} WHERE ${isRow(table, keys, i)}`],
  }));
  const loose = [
    'CREATE TABLE rebuilt AS SELECT * FROM T',
    'DROP TABLE T',
    'ALTER TABLE rebuilt RENAME TO T',
  ];
  const rebuilt = loose.map((sql) => sql.replace(' T', ` ${name}`));
  return [
    { name: `${table} is missing`, sql: [`DROP TABLE ${name}`] },
    { name: `${table} is empty`, sql: [`DELETE FROM ${name}`] },
    { name: `${table} without its constraints`, sql: rebuilt },
    { name: `${table} with every row twice`, sql: [...rebuilt, `INSERT INTO ${name} SELECT * FROM ${name}`] },
    {
      name: `${table} is a view`,
      sql: [...rebuilt.slice(0, 2), `CREATE VIEW ${name} AS SELECT * FROM rebuilt`],
    },
    { name: `${table} has another column`, sql: [`ALTER TABLE ${name} ADD COLUMN surprise DEFAULT 5`] },
    ...without,
    ...deleted,
  ];
}

/** All single damages of a database. */
export function allDamages(db: Connection): Damage[] {
  return ownTables(db).flatMap((name) => {
    const info = db.prepare('SELECT name, pk FROM pragma_table_info(?)').all(name) as Array<{
      name: string;
      pk: bigint;
    }>;
    const columns = info.map((column) => column.name);
    const keys = info.filter(({ pk }) => pk > 0n).map((column) => column.name);
    const rows = Number(
      db
        .prepare(`SELECT count(*) FROM ${quoted(name)}`)
        .pluck()
        .get(),
    );
    const table = { name, columns, keys, rows };
    return [...tableDamages(table), ...columns.flatMap((column) => valueDamages(table, column))];
  });
}
