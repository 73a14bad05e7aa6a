/**
 * hostile.test.ts: cloudsync_changes and the packets of picked rows under wrong input: cells of wrong
 * types, values beyond every limit, damaged rows, a database file whose views and triggers reach for the
 * table.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Connection, initTable, openDatabase, single, snapshot } from '../support/database.js';
import { propertyOptions } from '../support/random.js';
import { ENCODE, readChanges } from './rows.js';

let db: Connection;
let site: Buffer;

beforeEach(() => {
  db = openDatabase();
  db.exec(
    'CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title); CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL)',
  );
  site = Buffer.from(initTable(db, 'todos'), 'hex');
  initTable(db, 'tags');
  db.exec("INSERT INTO todos VALUES('a', 1)");
});

afterEach(() => {
  db.close();
});

const GOOD: readonly unknown[] = ['todos', Buffer.from('a161', 'hex'), 'title', 5n, 10n, 1n, 'SITE', 1n, 1n];

/** Encodes one row: the good one with some cells exchanged. */
function encode(changed: Record<number, unknown> = {}): Buffer {
  const row = GOOD.map((cell, i) => (i in changed ? changed[i] : cell)).map((cell) =>
    cell === 'SITE' ? site : cell,
  );
  return single(db, 'SELECT cloudsync_payload_encode(?, ?, ?, ?, ?, ?, ?, ?, ?)', ...row) as Buffer;
}

describe('a picked row', () => {
  test('is encoded when it is good', () => {
    expect(encode().length).toBeGreaterThan(24);
    expect(encode({ 3: null }).length).toBeGreaterThan(24);
    expect(encode({ 2: null, 3: null, 7: 2n }).length).toBeGreaterThan(24);
    expect(encode({ 0: 'tags', 2: null, 3: null }).length).toBeGreaterThan(24);
    expect(encode({ 5: 'ignored', 8: null }).length).toBeGreaterThan(24);
  });

  test.each<[string, Record<number, unknown>, RegExp]>([
    ['tbl NULL', { 0: null }, /tbl of a change must be a text/],
    ['tbl a number', { 0: 5n }, /tbl of a change must be a text/],
    ['tbl unknown', { 0: 'nothing' }, /'nothing' is not synchronised/],
    ['tbl too long', { 0: 'x'.repeat(2000) }, /larger than a packet can carry/],
    ['pk NULL', { 1: null }, /pk of a change/],
    ['pk a text', { 1: 'a' }, /pk of a change/],
    ['pk empty', { 1: Buffer.alloc(0) }, /pk of a change/],
    ['pk nil', { 1: Buffer.from('c0', 'hex') }, /pk of a change/],
    ['pk of two values', { 1: Buffer.from('a161a162', 'hex') }, /pk of a change/],
    ['pk cut off', { 1: Buffer.from('a961', 'hex') }, /pk of a change/],
    ['pk a map', { 1: Buffer.from('80', 'hex') }, /pk of a change/],
    ['col_name a number', { 2: 5n }, /col_name of a change/],
    ['col_name unknown', { 2: 'none' }, /has no column 'none'/],
    ['col_name a key column', { 2: 'id' }, /has no column 'id'/],
    ['col_name NULL in a living row', { 2: null, 3: null }, /col_name of a change/],
    ['col_name in a deletion', { 7: 2n }, /col_name of a change/],
    ['col_name of a table without', { 0: 'tags' }, /has no column 'title'/],
    ['col_value without a column', { 2: null, 7: 2n }, /col_value of a change/],
    ['col_value too large', { 3: Buffer.alloc(17 * 1024 * 1024) }, /larger than a packet can carry/],
    ['col_version 0', { 4: 0n }, /col_version of a change/],
    ['col_version negative', { 4: -1n }, /col_version of a change/],
    ['col_version 2^53', { 4: 2n ** 53n }, /col_version of a change/],
    ['col_version 2^63-1', { 4: 2n ** 63n - 1n }, /col_version of a change/],
    ['col_version a real', { 4: 1.5 }, /col_version of a change/],
    ['col_version a text', { 4: '10' }, /col_version of a change/],
    ['site_id NULL', { 6: null }, /site_id of a change must be a blob/],
    ['site_id short', { 6: Buffer.alloc(15) }, /site_id of a change must be a blob/],
    ['site_id unknown', { 6: Buffer.alloc(16, 7) }, /site_id of a change must be a site/],
    ['cl 0', { 7: 0n }, /cl of a change/],
    ['cl 2^41', { 7: 2n ** 41n + 1n }, /cl of a change/],
    ['cl NULL', { 7: null }, /cl of a change/],
  ])('%s', (_name, changed, message) => {
    const before = snapshot(db, ['todos', 'tags']);
    expect(() => encode(changed)).toThrow(message);
    expect(snapshot(db, ['todos', 'tags'])).toBe(before);
    expect(encode().length).toBeGreaterThan(24);
  });

  test('a stamp far ahead is refused by the database that merges it', () => {
    const packet = encode({ 4: 2n ** 53n - 1n });
    expect(() => single(db, 'SELECT cloudsync_payload_apply(?)', packet)).toThrow(/more than a day ahead/);
  });

  test('it is an aggregate of exactly nine arguments, and needs a database with tables', () => {
    expect(() => single(db, 'SELECT cloudsync_payload_encode(1, 2, 3)')).toThrow(/wrong number of arguments/);
    const empty = openDatabase();
    expect(() => single(empty, `SELECT ${ENCODE} FROM cloudsync_changes`)).toThrow(/cloudsync_init/);
    empty.close();
  });
});

test('damaged rows are refused, whatever is in them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5), (bytes, type) => {
      const rows = Buffer.from(bytes);
      if (rows.length > 0) rows[0] = type;
      try {
        single(db, 'SELECT cloudsync_changes_encode(?)', rows);
        expect(rows.length).toBe(0);
      } catch (error) {
        expect((error as Error).message).toMatch(/^cloudsync: (?!internal)/);
      }
    }),
    propertyOptions('damaged rows of changes', 300),
  );
  expect(() => single(db, 'SELECT cloudsync_changes_encode(NULL)')).toThrow(/must be a blob/);
});

describe('the table', () => {
  test.each([
    ["tbl = 5 OR tbl = x'00'", 0],
    ["site_id = 'text'", 0],
    ['site_id = zeroblob(5000)', 0],
    ['tbl = zeroblob(20000)', 0],
    ["tbl = ''", 0],
    ["db_version > 'x'", 0],
    ['db_version > NULL', 0],
    ['db_version > -9223372036854775808', 1],
    ['db_version >= -9223372036854775808', 1],
    ['db_version > 9223372036854775807', 0],
    ['db_version >= 0.5', 1],
    ['db_version > 1.5', 0],
    ["db_version >= '1'", 1],
    ['db_version IN (1, 2, NULL)', 1],
    ["tbl IN ('todos', 'tags', 'todos')", 1],
    ['db_version > 0 AND db_version > 1', 0],
  ])('WHERE %s', (where, count) => {
    expect(readChanges(db, `WHERE ${where}`)).toHaveLength(count);
  });

  test('is empty where no table is tracked', () => {
    const empty = openDatabase();
    expect(readChanges(empty)).toEqual([]);
    empty.close();
  });

  test('cannot be written, created or dropped', () => {
    expect(() => db.exec('DELETE FROM cloudsync_changes')).toThrow(/may not be modified/);
    expect(() => db.exec('INSERT INTO cloudsync_changes(tbl) VALUES(1)')).toThrow(/may not be modified/);
    expect(() => db.exec('CREATE VIRTUAL TABLE c USING cloudsync_changes')).toThrow(/no such module/);
    expect(() => db.exec('DROP TABLE cloudsync_changes')).toThrow();
  });

  test.each([0, 1])('views and triggers of a file cannot use it, trusted_schema = %i', (trusted) => {
    db.pragma(`trusted_schema = ${trusted}`);
    const unsafe = /unsafe use of (virtual table "cloudsync_changes"|cloudsync_payload_encode\(\))/;
    db.exec('CREATE VIEW seen AS SELECT col_value FROM cloudsync_changes');
    expect(() => db.prepare('SELECT * FROM seen')).toThrow(unsafe);
    db.exec('CREATE TABLE plain(a)');
    db.exec('CREATE TRIGGER reach AFTER INSERT ON plain BEGIN SELECT * FROM cloudsync_changes; END');
    expect(() => db.exec('INSERT INTO plain VALUES(1)')).toThrow(unsafe);
    const nine = 'cloudsync_payload_encode(1, 2, 3, 4, 5, 6, 7, 8, 9)';
    db.exec(`CREATE VIEW packed AS SELECT ${nine} AS packet`);
    expect(() => db.prepare('SELECT * FROM packed')).toThrow(unsafe);
  });

  test('a connection that may only read sees what is folded', () => {
    readChanges(db);
    const copy = openDatabase({ source: db.serialize() });
    copy.pragma('query_only = ON');
    expect(readChanges(copy)).toHaveLength(1);
    copy.close();
  });
});
