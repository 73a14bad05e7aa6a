/**
 * operator.ts: somebody who works with an application at one device: picks rows as a screen would offer
 * them, and carries out what the business asks for, one transaction for each piece of work. What the
 * database refuses is undone as a whole and counted: in life, too, the one who tries learns that the name is
 * taken.
 */
import Database from 'better-sqlite3';
import type { Connection } from '../support/database.js';

export type Row = Record<string, unknown>;

/** A piece of work: one transaction. The operator may find nothing to work on; then it does nothing. */
export interface Work {
  name: string;
  /** How often it is chosen, against the others. */
  weight: number;
  /** There is something to do only after others have sent their changes. */
  needsOthers?: boolean;
  perform(operator: Operator): void;
}

/** How often a piece of work was done, and how often refused. */
export interface Tally {
  done: number;
  refused: number;
}

const WORDS =
  'apple river paper window summer letter garden bridge copper winter mirror candle harbour meadow basket ' +
  'ticket silver forest lantern violin';

export const VOCABULARY: readonly string[] = WORDS.split(' ');

export class Operator {
  readonly tallies = new Map<string, Tally>();
  /** Rows that the work done here has added to the journal. */
  entries = 0;
  private made = 0;
  private readonly statements = new Map<string, Database.Statement>();

  /**
   * @param number tells this device from the others of the test: new keys begin with it
   * @param journal a table that only work may fill
   */
  constructor(
    readonly db: Connection,
    readonly number: number,
    private readonly random: () => number,
    private readonly journal?: string,
  ) {}

  /** Does one piece of work, chosen at random, now and then in vain. */
  work(works: readonly Work[]): void {
    this.attempt(this.choose(works), this.chance(0.05));
  }

  /** One transaction. `regrets`: somebody changes their mind at the end. */
  attempt(work: Work, regrets = false): void {
    const tally = this.tallies.get(work.name) ?? { done: 0, refused: 0 };
    this.tallies.set(work.name, tally);
    const before = this.changes();
    const entriesBefore = this.journalLength();
    this.db.exec('BEGIN IMMEDIATE');
    try {
      work.perform(this);
      const written = this.journalLength() - entriesBefore;
      this.db.exec(regrets ? 'ROLLBACK' : 'COMMIT');
      if (regrets) return;
      this.entries += written;
      if (this.changes() > before) tally.done++;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.db.exec('ROLLBACK');
      tally.refused++;
    }
  }

  private choose(works: readonly Work[]): Work {
    let at = this.random() * works.reduce((sum, { weight }) => sum + weight, 0);
    for (const work of works) {
      at -= work.weight;
      if (at < 0) return work;
    }
    return works[0] as Work;
  }

  private changes(): bigint {
    return this.value('SELECT total_changes()') as bigint;
  }

  private journalLength(): number {
    return this.journal === undefined ? 0 : Number(this.value(`SELECT count(*) FROM ${this.journal}`));
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  newId(prefix: string): string {
    return `${prefix}${this.number}-${this.newNumber()}`;
  }

  /** A number that this device has not given before. */
  newNumber(): number {
    return ++this.made;
  }

  /** Words of the vocabulary; the same ones come again, so that names meet. */
  words(count: number): string {
    return Array.from({ length: count }, () => this.pick(VOCABULARY)).join(' ');
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(most + 1) }, () => this.below(256)));
  }

  /** Runs a statement. Returns how many rows it has changed. */
  run(sql: string, ...parameters: unknown[]): number {
    return this.prepare(sql).run(parameters).changes;
  }

  /** The first column of the first row of a query. */
  value(sql: string, ...parameters: unknown[]): unknown {
    const row = this.row(sql, ...parameters);
    return row === undefined ? undefined : Object.values(row)[0];
  }

  row(sql: string, ...parameters: unknown[]): Row | undefined {
    return this.prepare(sql).get(parameters) as Row | undefined;
  }

  rows(sql: string, ...parameters: unknown[]): Row[] {
    return this.prepare(sql).all(parameters) as Row[];
  }

  /** Looks what is held of a table, and gives any one of these rows another value. */
  settle(table: string, column: string, value: unknown): void {
    // What has been written here since may have settled it already.
    this.value('SELECT cloudsync_db_version()');
    const held = this.any('cloudsync_held', 'pk, id', 'tbl = ?', table);
    if (held !== undefined) this.value('SELECT cloudsync_resolve(?, ?, ?)', held['id'], column, value);
  }

  /**
   * Any row of a table, so that the same seed chooses the same one.
   * @param order the columns of its key
   */
  any(table: string, order: string, where = '1', ...parameters: unknown[]): Row | undefined {
    const source = `FROM ${table} WHERE ${where}`;
    const count = Number(this.value(`SELECT count(*) ${source}`, ...parameters));
    if (count === 0) return undefined;
    return this.row(
      `SELECT * ${source} ORDER BY ${order} LIMIT 1 OFFSET ?`,
      ...parameters,
      this.below(count),
    );
  }

  /**
   * Statements are kept: preparing them would take most of the time. SQLite prepares anew after a change of
   * the schema.
   */
  private prepare(sql: string): Database.Statement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/** A constraint or a RAISE of the schema: everything else is a defect. */
function isRefusal(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT');
}
