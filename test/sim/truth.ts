/**
 * truth.ts: what must hold at the end of a history, noted while it is played: every value that anybody wrote, when
 * each cell was last written, and what rows look like that only one device has written.
 */
import type Database from 'better-sqlite3';

/** Columns with their values as SQL literals. */
export type Row = ReadonlyMap<string, string>;
/** Rows by table and key. */
export type Content = ReadonlyMap<string, Row>;

interface Known {
  /** Devices that wrote it; a device that was set back counts as another one. */
  writers: Set<string>;
  /** As its newest writer left it; undefined when it deleted the row. */
  row: Row | undefined;
  /** Writes may have been lost with the file that held them. */
  isLossy: boolean;
  /**
   * Time of the newest write by column and writer, in microseconds. Who deletes the row takes what it wrote there
   * back: nobody may ever have heard of it.
   */
  written: Map<string, Map<string, number>>;
}

export function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : `${value}`;
  return Buffer.isBuffer(value) ? `x'${value.toString('hex')}'` : `${value}`;
}

const statements = new WeakMap<Database.Database, Map<string, Database.Statement>>();

interface ComparedTable {
  name: string;
  keys: readonly string[];
}

/** All rows of these tables, or of each those that a condition is true of. */
export function contentOf<Table extends ComparedTable>(
  db: Database.Database,
  tables: readonly Table[],
  where?: (table: Table) => string,
): Map<string, Row> {
  let known = statements.get(db);
  if (known === undefined) {
    known = new Map();
    statements.set(db, known);
  }
  const content = new Map<string, Row>();
  for (const table of tables) {
    const { name, keys } = table;
    const sql = `SELECT * FROM ${name}${where === undefined ? '' : ` WHERE ${where(table)}`}`;
    let statement = known.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql).safeIntegers();
      known.set(sql, statement);
    }
    for (const row of statement.all() as Record<string, unknown>[]) {
      const values = new Map(Object.entries(row).map(([column, value]) => [column, literal(value)]));
      content.set(placeOf(name, keys, values), values);
    }
  }
  return content;
}

/** What a row is called in a content. */
function placeOf(table: string, keys: readonly string[], row: Row): string {
  return `${table} ${keys.map((key) => row.get(key)).join(',')}`;
}

export function sameRow(a: Row | undefined, b: Row | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && [...a].every(([column, value]) => b.get(column) === value);
}

export function sameContent(a: Content, b: Content): boolean {
  return a.size === b.size && [...a].every(([place, row]) => sameRow(row, b.get(place)));
}

/** Places of the rows that differ. */
export function changedPlaces(before: Content, after: Content): string[] {
  const places = [...new Set([...before.keys(), ...after.keys()])];
  return places.filter((place) => !sameRow(before.get(place), after.get(place)));
}

export class Truth {
  readonly rows = new Map<string, Known>();
  /** Values that were ever in a cell, by place and column. */
  readonly #values = new Map<string, Set<string>>();
  /** Committed transactions that changed something. */
  transactions = 0;

  /** Notes a committed transaction of a device. */
  committed(writer: string, time: number, before: Content, after: Content): void {
    let changed = false;
    for (const place of changedPlaces(before, after)) {
      const [old, row] = [before.get(place), after.get(place)];
      changed = true;
      const known = this.#known(place);
      known.writers.add(writer);
      known.row = row;
      if (row === undefined) for (const times of known.written.values()) times.delete(writer);
      for (const [column, value] of row ?? []) {
        if (old !== undefined && old.get(column) === value) continue;
        const times = known.written.get(column) ?? new Map<string, number>();
        known.written.set(column, times.set(writer, time));
        this.#valuesOf(place, column).add(value);
      }
    }
    if (changed) this.transactions += 1;
  }

  /** Notes values of a transaction of which nobody knows whether it was committed. */
  attempted(after: Content): void {
    for (const [place, row] of after) {
      for (const [column, value] of row) this.#valuesOf(place, column).add(value);
    }
  }

  /** A device has lost writes, or may have. */
  lost(writer: string): void {
    for (const known of this.rows.values()) if (known.writers.has(writer)) known.isLossy = true;
  }

  /**
   * What the copy of a device sends, because the server does not have it yet, counts as written by the copy too, at a
   * time between then and now.
   */
  copied(writer: string, copy: string): void {
    for (const known of this.rows.values()) if (known.writers.has(writer)) known.writers.add(copy);
  }

  wasWritten(place: string, column: string, value: string): boolean {
    return this.#values.get(`${place} ${column}`)?.has(value) ?? false;
  }

  #known(place: string): Known {
    let known = this.rows.get(place);
    if (known === undefined) {
      known = { writers: new Set(), row: undefined, isLossy: false, written: new Map() };
      this.rows.set(place, known);
    }
    return known;
  }

  #valuesOf(place: string, column: string): Set<string> {
    let values = this.#values.get(`${place} ${column}`);
    if (values === undefined) {
      values = new Set();
      this.#values.set(`${place} ${column}`, values);
    }
    return values;
  }
}
