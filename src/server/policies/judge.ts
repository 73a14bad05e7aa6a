/**
 * judge.ts: asks SQLite whether a principal may write a row. OLD is the row in its table; NEW is put into a temporary
 * table whose columns have the types and collations of the real ones, because comparisons depend on them and values
 * that are bound to a query would have none.
 */
import Database from 'better-sqlite3';
import { quoteName } from '../store/tables.js';
import type { TablePolicies } from './compiled.js';
import { SchemaView, type TableView } from './compiler/schema-view.js';

/** A row that would be written. */
export type Write =
  | { command: 'insert'; image: readonly unknown[] }
  | { command: 'update'; key: readonly unknown[]; image: readonly unknown[] }
  | { command: 'delete'; key: readonly unknown[] };

export class WriteJudge {
  readonly #sqlite: Database.Database;
  #schema: SchemaView;
  #version: unknown;
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();

  /** @param sqlite a connection with the auth functions */
  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite;
    this.#schema = new SchemaView(sqlite);
  }

  /**
   * Whether the policies of its table allow a write. Asked within a transaction, as the principal, while the
   * database is as it was before the write. An expression that fails allows nothing.
   *
   * @param write `key`: the values of the key of the row as it is; `image`: the row as it would be, as SELECT *
   *   gives it (with safeIntegers)
   */
  allows(policies: TablePolicies, write: Write): boolean {
    const table = this.#table(policies.table);
    const expression = expressionFor(policies, write);
    if (table === undefined || expression === null) return false;
    const from: string[] = [];
    if (write.command !== 'delete') from.push(this.#putImage(table, write.image));
    if (write.command !== 'insert') from.push(`${quoteName(table.name)} AS OLD`);
    const isRow = table.key.map(({ name }) => `OLD.${quoteName(name)} = ?`).join(' AND ');
    const where = write.command === 'insert' ? '' : ` WHERE ${isRow}`;
    const sql = `SELECT CASE WHEN ${expression} THEN 1 ELSE 0 END FROM ${from.join(', ')}${where}`;
    try {
      const statement = this.#prepare(sql);
      return statement.pluck().get(...(write.command === 'insert' ? [] : write.key)) === 1;
    } catch (error) {
      // What the row holds can make an expression fail, for example a text that is no JSON.
      if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return false;
      throw error;
    }
  }

  #table(name: string): TableView | undefined {
    const version = this.#prepare('PRAGMA main.schema_version').pluck().get();
    if (version !== this.#version) {
      this.#schema = new SchemaView(this.#sqlite);
      this.#version = version;
    }
    return this.#schema.table(name);
  }

  /** Makes an image the only row of the temporary table; returns the FROM item. */
  #putImage({ name, columns }: TableView, image: readonly unknown[]): string {
    const temporary = `temp.${quoteName(`cloudsync_new_${this.#version}_${name}`)}`;
    const list = [...columns.values()].map((column) => {
      return `${quoteName(column.name)} ${column.type} COLLATE ${quoteName(column.collation)}`;
    });
    this.#sqlite.exec(`CREATE TABLE IF NOT EXISTS ${temporary}(${list.join(', ')})`);
    this.#prepare(`DELETE FROM ${temporary}`).run();
    this.#prepare(`INSERT INTO ${temporary} VALUES (${list.map(() => '?').join(', ')})`).run(...image);
    return `${temporary} AS NEW`;
  }

  #prepare(sql: string): Database.Statement<unknown[]> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#sqlite.prepare<unknown[]>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function expressionFor(policies: TablePolicies, { command }: Write): string | null {
  if (command === 'insert') return policies.insertCheck;
  if (command === 'delete') return policies.deleteUsing;
  const { updateUsing, updateCheck } = policies;
  return updateUsing === null || updateCheck === null ? null : `(${updateUsing}) AND (${updateCheck})`;
}
