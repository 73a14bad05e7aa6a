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
import { rowWith, WRONG } from './wrong_rows.js';

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

/** Encodes one row: the good one with some cells exchanged. */
function encode(changed: Record<number, unknown> = {}): Buffer {
  const row = rowWith(site, changed);
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
    ...WRONG,
    ['tbl unknown', { 0: 'nothing' }, /'nothing' is not synchronised/],
    ['col_name unknown', { 2: 'none' }, /has no column 'none'/],
    ['col_name of a table without', { 0: 'tags' }, /has no column 'title'/],
    ['site_id unknown', { 6: Buffer.alloc(16, 7) }, /site_id of a change must be a site/],
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

  test('cannot be updated, deleted from, created or dropped', () => {
    readChanges(db);
    const message = /cannot be updated or deleted: .* INSERT merges one; write to the table that tbl names/;
    expect(() => db.exec('DELETE FROM cloudsync_changes')).toThrow(message);
    expect(() => db.exec("UPDATE cloudsync_changes SET col_value = 2 WHERE tbl = 'todos'")).toThrow(message);
    expect(readChanges(db)).toHaveLength(1);
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
