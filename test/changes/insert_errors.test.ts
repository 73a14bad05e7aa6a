/**
 * insert_errors.test.ts: rows for cloudsync_changes that cannot be merged are refused at once or held with the reason,
 * and never stop anything.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  arrivalNumber,
  type Connection,
  heldChanges,
  initTable,
  single,
  snapshot,
} from '../support/database.js';
import { closeAll, open } from './history.js';
import { INSERT, inboxSize, readChanges } from './rows.js';
import { rowWith, WRONG } from './wrong_rows.js';

afterEach(closeAll);

describe('what cannot be merged', () => {
  let db: Connection;
  let site: Buffer;

  beforeEach(() => {
    db = open();
    db.exec(
      'CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title); CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL)',
    );
    site = Buffer.from(initTable(db, 'todos'), 'hex');
    initTable(db, 'tags');
  });

  const insert = (changed: Record<number, unknown> = {}) => db.prepare(INSERT).run(...rowWith(site, changed));

  test.each(WRONG)('is refused at once: %s', (_name, changed, message) => {
    const before = snapshot(db, ['todos', 'tags']);
    expect(() => insert(changed)).toThrow(message);
    expect(inboxSize(db)).toBe(0n);
    expect(snapshot(db, ['todos', 'tags'])).toBe(before);
    insert();
    expect(inboxSize(db)).toBe(1n);
  });

  test.each<[string, Record<number, unknown>, RegExp]>([
    ['a stamp far ahead', { 4: 2n ** 53n - 1n }, /more than a day ahead/],
    [
      'together too large',
      {
        1: Buffer.concat([Buffer.from('db01000000', 'hex'), Buffer.alloc(2 ** 24, 97)]),
        3: Buffer.alloc(2 ** 23),
      },
      /larger than a packet can carry/,
    ],
    ['too many key values', { 0: 'none', 1: Buffer.alloc(65, 1) }, /pk of a change/],
  ])('is refused at once: %s', (_name, changed, message) => {
    expect(() => insert(changed)).toThrow(message);
    expect(inboxSize(db)).toBe(0n);
  });

  test('a database without tracked tables says what to do', () => {
    const empty = open();
    expect(() => empty.prepare(INSERT).run(...rowWith(site, {}))).toThrow(
      /call cloudsync_init\('table'\) first/,
    );
  });

  test('db_version and seq do not matter, nor does the order of columns in the statement', () => {
    insert({ 5: 'ignored', 8: Buffer.alloc(100) });
    db.prepare(`INSERT INTO cloudsync_changes(cl, tbl, pk, site_id, col_version, col_value, col_name)
      VALUES(1, 'todos', ?, ?, 11, 'second', 'title')`).run(Buffer.from('a162', 'hex'), site);
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([
      ['a', 5n],
      ['b', 'second'],
    ]);
  });

  test('a site that nobody has met is met', () => {
    insert({ 6: Buffer.alloc(16, 7) });
    expect(readChanges(db).map((row) => row.site_id)).toEqual([Buffer.alloc(16, 7)]);
  });

  test('a table that is not there yet: held, once, shown when it is there', () => {
    for (const version of [1n, 2n]) insert({ 0: 'later', 5: version });
    insert({ 0: 'later', 2: 'note', 3: 'x' });
    expect(arrivalNumber(db)).toBe(0n);
    const held = [
      {
        tbl: 'later',
        columns: 'title',
        reason: "table 'later' is not synchronised: call cloudsync_init('later') first",
      },
      {
        tbl: 'later',
        columns: 'note',
        reason: "table 'later' is not synchronised: call cloudsync_init('later') first",
      },
    ];
    expect(heldChanges(db)).toMatchObject(held);
    expect(inboxSize(db)).toBe(0n);
    db.exec('CREATE TABLE later(id TEXT PRIMARY KEY NOT NULL, title, note)');
    initTable(db, 'later', 'aws');
    expect(db.prepare('SELECT * FROM later').raw().all()).toEqual([['a', 5n, 'x']]);
    expect(heldChanges(db)).toEqual([]);
    const everything = "SELECT value FROM cloudsync_settings WHERE key = 'network.everything'";
    expect(single(db, everything)).toBe(arrivalNumber(db));
  });

  test('a column that is not there yet: held, shown when it is there', () => {
    insert();
    insert({ 2: 'note', 3: 'x' });
    insert({ 0: 'tags', 2: 'colour', 3: 'red' });
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' does not have yet: note",
      "table 'tags' does not have yet: colour",
    ]);
    db.exec('ALTER TABLE todos ADD COLUMN note; ALTER TABLE tags ADD COLUMN colour');
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n, 'x']]);
    expect(db.prepare('SELECT * FROM tags').raw().all()).toEqual([['a', 'red']]);
    expect(heldChanges(db)).toEqual([]);
  });

  test('a table that is being altered or paused: held until that is over', () => {
    db.exec('BEGIN');
    single(db, "SELECT cloudsync_begin_alter('todos')");
    insert();
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' is being altered on this device: call cloudsync_commit_alter first",
    ]);
    single(db, "SELECT cloudsync_commit_alter('todos')");
    db.exec('COMMIT');
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n]]);
    single(db, "SELECT cloudsync_disable('todos')");
    insert({ 1: Buffer.from('a162', 'hex') });
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual(["table 'todos' is disabled on this device"]);
    single(db, "SELECT cloudsync_enable('todos')");
    expect(db.prepare('SELECT id FROM todos').pluck().all()).toEqual(['a', 'b']);
    expect(heldChanges(db)).toEqual([]);
  });

  test('what the merge refuses is held with its reason and stops nothing else', () => {
    insert({ 7: 2n ** 40n - 1n });
    insert({ 1: Buffer.from('a162', 'hex') });
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['b', 5n]]);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      'the packet has a causal length that no sequence of deletes and inserts can have reached',
    ]);
    expect(inboxSize(db)).toBe(0n);
    db.exec("INSERT INTO todos VALUES('c', 1)");
    expect(readChanges(db)).toHaveLength(2);
  });

  test('rows that fit no more when they are merged are held', () => {
    insert();
    insert({ 1: Buffer.from('a162', 'hex') });
    db.exec('ALTER TABLE todos RENAME COLUMN title TO caption');
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' does not have yet: title",
      "table 'todos' does not have yet: title",
    ]);
  });

  test('a damaged inbox stops nothing', () => {
    db.exec("INSERT INTO cloudsync_inbox(change) VALUES(x''), (x'03'), (zeroblob(500))");
    insert();
    arrivalNumber(db);
    expect(inboxSize(db)).toBe(0n);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n]]);
  });

  test.each([0, 1])('triggers and views of a file cannot insert, trusted_schema = %i', (trusted) => {
    db.pragma(`trusted_schema = ${trusted}`);
    db.exec('CREATE TABLE plain(a); CREATE VIEW shown AS SELECT 1 AS a');
    const into = "INSERT INTO cloudsync_changes(tbl, cl) VALUES('todos', 1)";
    db.exec(`CREATE TRIGGER reach AFTER INSERT ON plain BEGIN ${into}; END;
      CREATE TRIGGER instead INSTEAD OF INSERT ON shown BEGIN ${into}; END;
      CREATE TEMP TRIGGER temporary AFTER UPDATE ON plain BEGIN ${into}; END`);
    for (const sql of [
      'INSERT INTO plain VALUES(1)',
      'INSERT INTO shown VALUES(1)',
      'UPDATE plain SET a = 2',
    ])
      expect(() => db.exec(sql)).toThrow(/unsafe use of virtual table "cloudsync_changes"/);
    db.exec("CREATE TRIGGER direct AFTER DELETE ON plain BEGIN SELECT cloudsync_changes_insert(x''); END");
    expect(() => db.exec('DELETE FROM plain')).toThrow(/unsafe use of cloudsync_changes_insert/);
  });
});
