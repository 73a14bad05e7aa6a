/**
 * schema-view.ts: what policies need to know about the tables of a database: columns with their affinities and
 * collations, which columns are unique alone, the key.
 */
import Database from 'better-sqlite3';
import { findTable, foldName, keyColumns, quoteName, type RealTable } from '../../store/tables.js';

/** blob: columns without a type; none: expressions that are no column. SQLite compares by these classes. */
export type Affinity = 'numeric' | 'text' | 'blob' | 'none';
type StorageType = 'INTEGER' | 'REAL' | 'NUMERIC' | 'TEXT' | 'BLOB';

export interface ColumnView {
  name: string;
  /** A type with the affinity of the declared one. */
  type: StorageType;
  affinity: Affinity;
  collation: string;
  /** Whether a value occurs at most once in it. */
  isUnique: boolean;
}

export interface TableView {
  /** As it was created. */
  name: string;
  /** By folded name. */
  columns: ReadonlyMap<string, ColumnView>;
  /** The columns of its key, in key order. */
  key: readonly ColumnView[];
  isTracked: boolean;
}

const TABLE_SQL = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?";

/** The tables of one database, looked at when they are asked for, as they were then. */
export class SchemaView {
  readonly #sqlite: Database.Database;
  readonly #tables = new Map<string, TableView | undefined>();

  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite;
  }

  table(name: string): TableView | undefined {
    const folded = foldName(name);
    if (!this.#tables.has(folded)) {
      const real = findTable(this.#sqlite, name);
      this.#tables.set(folded, real && this.#view(real));
    }
    return this.#tables.get(folded);
  }

  #view(real: RealTable): TableView {
    const isStrict =
      this.#sqlite.prepare('SELECT strict FROM pragma_table_list WHERE name = ?').pluck().get(real.name) ===
      1;
    const collations = this.#collations(real);
    const unique = this.#uniqueColumns(real);
    const columns = new Map<string, ColumnView>();
    for (const column of real.columns) {
      const folded = foldName(column.name);
      const type = storageType(column.type, isStrict);
      const collation = collations.get(folded) ?? '';
      const isUnique = unique.has(folded);
      columns.set(folded, { name: column.name, type, affinity: affinityOf(type), collation, isUnique });
    }
    const key = keyColumns(real).flatMap((name) => columns.get(name) ?? []);
    return { name: real.name, columns, key, isTracked: real.isTracked };
  }

  /** SQLite tells the collation of a column only where an index has it, so a copy of the table gets one. */
  #collations({ name, columns }: RealTable): Map<string, string> {
    const scratch = new Database(':memory:');
    try {
      scratch.exec(String(this.#sqlite.prepare(TABLE_SQL).pluck().get(name)));
      const entries = columns.map((column): [string, string] => {
        scratch.exec(`CREATE INDEX cloudsync_probe ON ${quoteName(name)}(${quoteName(column.name)})`);
        const sql = "SELECT coll FROM pragma_index_xinfo('cloudsync_probe') WHERE seqno = 0";
        const collation = String(scratch.prepare(sql).pluck().get());
        scratch.exec('DROP INDEX cloudsync_probe');
        return [foldName(column.name), collation];
      });
      return new Map(entries);
    } finally {
      scratch.close();
    }
  }

  #uniqueColumns(real: RealTable): Set<string> {
    const key = keyColumns(real);
    const unique = new Set(key.length === 1 ? key : []);
    const indexes = this.#sqlite
      .prepare<[string], string>('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial')
      .pluck()
      .all(real.name);
    const columnsOf = this.#sqlite.prepare<[string], { name: string | null; coll: string }>(
      'SELECT name, coll FROM pragma_index_xinfo(?) WHERE key',
    );
    for (const index of indexes) {
      const [only, ...more] = columnsOf.all(index);
      const isAlone = only !== undefined && more.length === 0 && only.coll === 'BINARY';
      if (isAlone && only.name !== null) unique.add(foldName(only.name));
    }
    return unique;
  }
}

/** SQLite's rules for the affinity of a declared type. */
function storageType(declared: string, isStrict: boolean): StorageType {
  const upper = declared.toUpperCase();
  if (isStrict && upper === 'ANY') return 'BLOB';
  if (upper.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(upper)) return 'TEXT';
  if (upper === '' || upper.includes('BLOB')) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(upper) ? 'REAL' : 'NUMERIC';
}

function affinityOf(type: StorageType): Affinity {
  if (type === 'TEXT') return 'text';
  return type === 'BLOB' ? 'blob' : 'numeric';
}

/** The affinity of CAST(.. AS type). */
export function affinityOfType(type: string): Affinity {
  return affinityOf(storageType(type, false));
}
