/**
 * edits.ts: random edits of any schema that break no constraint whatever the other device does at the same
 * time: values come from other rows of the same column, new rows are copies with a new key, and only rows
 * that nothing refers to are deleted. What happens when edits contradict a constraint is another test's
 * subject.
 */
import { type Connection, quoted } from '../support/database.js';
import type { SchemaTable } from './schema.js';

/** How often each kind of edit took effect, so that a test can tell that it has edited at all. */
export interface EditCounts {
  updates: number;
  inserts: number;
  deletes: number;
  moves: number;
}

type Row = Record<string, unknown>;

/** Edits one database. Two editors of one test need different numbers. */
export class Editor {
  readonly counts: EditCounts = { updates: 0, inserts: 0, deletes: 0, moves: 0 };
  private made = 0;

  constructor(
    private readonly db: Connection,
    private readonly tables: readonly SchemaTable[],
    private readonly number: number,
    private readonly random: () => number,
  ) {}

  /** Makes `count` edits, in transactions of up to ten; some are rolled back. */
  edit(count: number): void {
    for (let done = 0; done < count; ) {
      const batch = 1 + this.below(10);
      const kept = this.random() < 0.9;
      const before = { ...this.counts };
      this.db.exec('BEGIN');
      for (let i = 0; i < batch; i++) this.editOnce();
      this.db.exec(kept ? 'COMMIT' : 'ROLLBACK');
      if (!kept) Object.assign(this.counts, before);
      done += batch;
    }
  }

  private editOnce(): void {
    const table = this.pick(this.tables);
    const chance = this.random();
    if (chance < 0.55) this.counts.updates += this.update(table);
    else if (chance < 0.75) this.counts.inserts += this.insert(table);
    else if (table.isLeaf && chance < 0.9) this.counts.deletes += this.remove(table);
    else if (table.isLeaf) this.counts.moves += this.move(table);
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** Any row, in the order of the key, so that the same seed chooses the same row. */
  private row(table: SchemaTable): Row | undefined {
    const count = this.db
      .prepare(`SELECT count(*) FROM ${quoted(table.name)}`)
      .pluck()
      .get() as bigint;
    if (count === 0n) return undefined;
    const order = table.keys.map(quoted).join(', ');
    const sql = `SELECT * FROM ${quoted(table.name)} ORDER BY ${order} LIMIT 1 OFFSET ?`;
    return this.db.prepare(sql).get(this.below(Number(count))) as Row;
  }

  private whereKey(table: SchemaTable): string {
    return table.keys.map((key) => `${quoted(key)} = ?`).join(' AND ');
  }

  private keyOf(table: SchemaTable, row: Row): unknown[] {
    return table.keys.map((key) => row[key]);
  }

  private update(table: SchemaTable): number {
    const columns = table.columns.filter(({ isKey }) => !isKey);
    const [row, source] = [this.row(table), this.row(table)];
    if (columns.length === 0 || row === undefined || source === undefined) return 0;
    const chosen = Array.from({ length: 1 + this.below(3) }, () => this.pick(columns));
    const set = chosen.map(({ name }) => `${quoted(name)} = ?`).join(', ');
    const values = chosen.map(({ name, nullable, refers }) => {
      const value = source[name];
      if (nullable && this.random() < 0.1) return null;
      return typeof value === 'string' && !refers && this.random() < 0.5 ? this.text(value) : value;
    });
    const sql = `UPDATE ${quoted(table.name)} SET ${set} WHERE ${this.whereKey(table)}`;
    return this.db.prepare(sql).run(...values, ...this.keyOf(table, row)).changes;
  }

  private text(value: string): string {
    return `${value.slice(0, 40)} é\u{1f600}${this.number}.${++this.made}`;
  }

  private insert(table: SchemaTable): number {
    const row = this.row(table);
    if (row === undefined) return 0;
    for (const [name, value] of Object.entries(this.newKey(table))) row[name] = value;
    const names = Object.keys(row);
    const values = names.map(() => '?');
    const sql = `INSERT OR IGNORE INTO ${quoted(table.name)}(${names.map(quoted)}) VALUES(${values})`;
    return this.db.prepare(sql).run(...Object.values(row)).changes;
  }

  /**
   * A key of this editor's own; columns of it that refer to another table take values from other rows
   * instead.
   */
  private newKey(table: SchemaTable): Row {
    const key: Row = {};
    for (const column of table.columns.filter(({ isKey }) => isKey)) {
      if (column.refers) key[column.name] = this.row(table)?.[column.name];
      else if (table.hasIntegerKey) key[column.name] = BigInt(this.number * 1_000_000 + ++this.made);
      else key[column.name] = `${this.number}-${++this.made}`;
    }
    return key;
  }

  private remove(table: SchemaTable): number {
    const row = this.row(table);
    if (row === undefined) return 0;
    const sql = `DELETE FROM ${quoted(table.name)} WHERE ${this.whereKey(table)}`;
    return this.db.prepare(sql).run(...this.keyOf(table, row)).changes;
  }

  /** Gives a row a new key. */
  private move(table: SchemaTable): number {
    const row = this.row(table);
    if (row === undefined) return 0;
    const key = this.newKey(table);
    const set = Object.keys(key).map((name) => `${quoted(name)} = ?`);
    const sql = `UPDATE OR IGNORE ${quoted(table.name)} SET ${set} WHERE ${this.whereKey(table)}`;
    return this.db.prepare(sql).run(...Object.values(key), ...this.keyOf(table, row)).changes;
  }
}
