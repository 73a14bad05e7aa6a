/**
 * Fold, feed and merge guess that the next row they want is the next one in its table (src/core/clock/trail.ts). Here
 * rows come in long runs in that order, and the runs are broken in every way: rows between that were updated, deleted,
 * replaced, given another key or moved by a merge; keys that are equal and not the same bytes; tables without rowids.
 * Whatever is guessed: each living row has its clocks, replicas are equal, a fresh copy is equal, and a payload that is
 * applied again changes nothing.
 */
import { describe, expect, test } from 'vitest';
import { randomNumbers } from '../schemas/random-numbers.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';

const TABLES: Record<string, string> = {
  'one key': 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b TEXT DEFAULT 7)',
  'a key of any type': 'CREATE TABLE t(id PRIMARY KEY NOT NULL, a, b TEXT DEFAULT 7)',
  'two keys': 'CREATE TABLE t(k INTEGER NOT NULL DEFAULT 3, id TEXT NOT NULL, a, b, PRIMARY KEY(id, k))',
  'a column called _rowid_': 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b, _rowid_ TEXT)',
  'without rowid': 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b) WITHOUT ROWID',
  'an integer key': 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)',
  'only a key': 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL)',
};

/** More rows than a chunk of the fold is long. */
const KEYS = 6000;

type Random = () => number;

/** Bulk writes over a range of rows in the order of their keys, which is that of their first insertion. */
class Writer {
  private readonly columns: string[];

  constructor(
    private readonly db: Connection,
    private readonly random: Random,
    private readonly keyOf: (index: number) => unknown,
  ) {
    this.columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('t') as string[];
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** A range of rows, now and then with a gap. */
  private *range(): Generator<unknown> {
    const start = this.below(KEYS);
    const end = Math.min(KEYS, start + 1 + this.below(this.random() < 0.2 ? KEYS : 200));
    const gaps = this.random() < 0.5 ? 0.05 : 0;
    for (let i = start; i < end; i++) if (this.random() >= gaps) yield this.keyOf(i);
  }

  insert(verb: string): void {
    const insert = this.columns.includes('a')
      ? this.db.prepare(`${verb} INTO t(id, a, b) VALUES (?, ?, ?)`)
      : this.db.prepare(`${verb} INTO t(id) SELECT ? WHERE ? >= 0 OR ? IS NULL`);
    for (const key of this.range()) insert.run(key, this.random(), `text ${this.below(9)}`);
  }

  update(): void {
    if (!this.columns.includes('a')) return;
    const update = this.db.prepare('UPDATE t SET a = ? WHERE id = ?');
    for (const key of this.range()) update.run(this.below(5), key);
  }

  remove(): void {
    const remove = this.db.prepare('DELETE FROM t WHERE id = ?');
    for (const key of this.range()) remove.run(key);
  }

  rename(): void {
    const rename = this.db.prepare('UPDATE OR IGNORE t SET id = ? WHERE id = ?');
    for (let i = this.below(10); i > 0; i--)
      rename.run(this.keyOf(this.below(KEYS)), this.keyOf(this.below(KEYS)));
  }

  one(): void {
    const choice = this.random();
    this.db.transaction(() => {
      if (choice < 0.5) this.insert(choice < 0.1 ? 'INSERT OR REPLACE' : 'INSERT OR IGNORE');
      else if (choice < 0.75) this.update();
      else if (choice < 0.9) this.remove();
      else this.rename();
    })();
  }
}

function expectClocks(db: Connection): void {
  arrivalNumber(db);
  const living = single(db, 'SELECT count(*) FROM t_cloudsync WHERE cl % 2 = 1');
  expect(living).toBe(single(db, 'SELECT count(*) FROM t'));
  const without = `SELECT count(*) FROM t WHERE NOT EXISTS(SELECT 1 FROM t_cloudsync WHERE pk0 = t.id AND cl % 2 = 1)`;
  expect(single(db, without)).toBe(0n);
}

function playHistory(sql: string, random: Random, keyOf: (index: number) => unknown): void {
  const replicas = [0, 1, 2].map(() => {
    const db = openDatabase();
    db.exec(sql);
    initTable(db, 't', 'cls', true);
    return db;
  });
  const [first, second, fresh] = replicas as [Connection, Connection, Connection];
  const writers = [first, second].map((db) => new Writer(db, random, keyOf));
  for (let round = 0; round < 4; round++) {
    for (const writer of writers) for (let i = 1 + Math.floor(random() * 5); i > 0; i--) writer.one();
    for (const db of [first, second]) expectClocks(db);
    exchangeAll([first, second]);
    expect(dumpTable(second, 't')).toEqual(dumpTable(first, 't'));
    expect(dumpMetadata(second)).toEqual(dumpMetadata(first));
    const number = arrivalNumber(second);
    applyPayload(second, encodePayload(first));
    expect(arrivalNumber(second)).toBe(number);
  }
  applyPayload(fresh, encodePayload(first));
  expect(dumpTable(fresh, 't')).toEqual(dumpTable(first, 't'));
  for (const db of replicas) expectClocks(db);
  for (const db of replicas) db.close();
}

/** Keys in ascending order; of any type also integers beside reals and texts that look like them. */
function keysFor(table: string): (index: number) => unknown {
  if (table === 'an integer key') return (index) => BigInt(index * 3);
  if (table !== 'a key of any type') return (index) => `key ${String(index).padStart(6, '0')}`;
  return (index) => (index % 3 === 0 ? BigInt(index) : index % 3 === 1 ? index : `${index}`);
}

describe('rows in the order of writing, and out of it', () => {
  test.each(Object.entries(TABLES))(
    '%s',
    (table, sql) => {
      const { seed, numRuns } = propertyOptions(`rows in order, ${table}`, 3);
      for (let run = 0; run < numRuns; run++) playHistory(sql, randomNumbers(seed + run), keysFor(table));
    },
    600_000,
  );
});
