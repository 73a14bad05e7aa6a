/**
 * schema.ts: what a real schema looks like from its own catalog: tables, columns, keys and foreign keys, as
 * far as random edits need to know them.
 */
import { type Connection, quoted } from '../support/database.js';

export interface SchemaColumn {
  name: string;
  isKey: boolean;
  nullable: boolean;
  /** The column refers to another table. */
  refers: boolean;
}

export interface SchemaTable {
  name: string;
  columns: readonly SchemaColumn[];
  /** In the order of the PRIMARY KEY. */
  keys: readonly string[];
  /** The key is one INTEGER column: the table must be forced. */
  hasIntegerKey: boolean;
  /** No other table refers to it, so its rows can be deleted without leaving an orphan. */
  isLeaf: boolean;
}

interface ColumnInfo {
  name: string;
  type: string;
  notnull: bigint;
  pk: bigint;
}

/** All tables of the application in the order of their creation. */
export function readSchema(db: Connection): SchemaTable[] {
  const ofApplication = "type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%cloudsync%'";
  const names = db
    .prepare(`SELECT name FROM sqlite_schema WHERE ${ofApplication} ORDER BY rowid`)
    .pluck()
    .all() as string[];
  const foreignKeys = new Map(
    names.map((name) => [
      name,
      db.pragma(`foreign_key_list(${quoted(name)})`) as Array<{ table: string; from: string }>,
    ]),
  );
  const targets = new Set([...foreignKeys.values()].flat().map(({ table }) => table.toLowerCase()));
  return names.map((name) => {
    const info = db.pragma(`table_info(${quoted(name)})`) as ColumnInfo[];
    const referring = new Set(foreignKeys.get(name)?.map(({ from }) => from.toLowerCase()));
    const keyColumns = info.filter(({ pk }) => pk > 0n).sort((a, b) => Number(a.pk - b.pk));
    return {
      name,
      columns: info.map((column) => ({
        name: column.name,
        isKey: column.pk > 0n,
        nullable: column.notnull === 0n,
        refers: referring.has(column.name.toLowerCase()),
      })),
      keys: keyColumns.map((column) => column.name),
      hasIntegerKey: keyColumns.length === 1 && /^int(eger)?$/i.test(keyColumns[0]?.type ?? ''),
      isLeaf: !targets.has(name.toLowerCase()),
    };
  });
}

/** The statements that create the schema without its rows. */
export function schemaSql(db: Connection): string {
  const ofApplication = "sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%cloudsync%'";
  const order = "CASE type WHEN 'table' THEN 0 ELSE 1 END, rowid";
  const statements = db
    .prepare(`SELECT sql FROM sqlite_schema WHERE ${ofApplication} ORDER BY ${order}`)
    .pluck()
    .all();
  return statements.join(';\n');
}
