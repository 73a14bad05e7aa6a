/**
 * names-and-tables.test.ts: the section "Keys and values" of the hazards, the lines about names and kinds of
 * tables: every legal name and every kind of table works, and two names never mix.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { dumpTable, encodePayload, initTable, quoted, single } from '../support/database.js';
import { deliver, exchangeAll } from '../support/exchange.js';
import { closeAll, expectEqual, logged, MODES, open, pair, replica, syncAndCompare } from './replicas.js';

afterEach(closeAll);

/** Names that are hard to quote, look like patterns, or look like names of cloudsync's own. */
const NAMES = [
  'with space',
  'double"quote',
  '"',
  "single'quote",
  '[brackets]',
  'back`tick',
  'semi;colon -- comment',
  'line\nbreak',
  'select',
  'table',
  'rowid',
  '\u{1f600}\u{1f469}‍\u{1f680}',
  'ünïcödé',
  '_',
  '%',
  'a_b',
  'axb',
  'a%b',
  'aXXb',
  't_cloudsync',
  't_cloudsync_log',
  't_cloudsync_log_cloudsync',
  '_cloudsync',
  'cloudsyncs',
  '0',
  '?1',
  ':name',
  'x'.repeat(200),
];

describe('names', () => {
  test('a table of each name, all in one database', () => {
    const schema = NAMES.map((name) => `CREATE TABLE ${quoted(name)}(id TEXT PRIMARY KEY NOT NULL, v)`).join(
      ';',
    );
    const both = pair(schema, NAMES);
    NAMES.forEach((name, i) => {
      both[i % 2 ? 1 : 0].prepare(`INSERT INTO ${quoted(name)} VALUES('k', ?)`).run(name);
    });
    exchangeAll(both);
    expectEqual(both, ...NAMES);
    for (const name of NAMES) expect(single(both[0], `SELECT v FROM ${quoted(name)}`)).toBe(name);
    NAMES.forEach((name, i) => {
      const table = quoted(name);
      both[i % 2 ? 1 : 0].exec(i % 3 ? `UPDATE ${table} SET v = 'changed'` : `DELETE FROM ${table}`);
    });
    exchangeAll(both);
    expectEqual(both, ...NAMES);
    NAMES.forEach((name, i) => {
      expect([name, dumpTable(both[1], name)]).toEqual([name, i % 3 ? ["('k') v='changed'"] : []]);
    });
  });

  test('columns of each name, as key and as values, in one table', () => {
    const columns = NAMES.map(quoted);
    const schema = `CREATE TABLE t(${columns.join(',')}, k1 TEXT NOT NULL, "key ""2" TEXT NOT NULL,
      PRIMARY KEY("key ""2", k1))`;
    const both = pair(schema, ['t']);
    both[0].exec(`INSERT INTO t VALUES(${NAMES.map((_, i) => i)}, 'one', 'two')`);
    syncAndCompare(both, 't');
    NAMES.forEach((name, i) => {
      both[i % 2 ? 1 : 0].prepare(`UPDATE t SET ${quoted(name)} = ?`).run(name);
    });
    expect(syncAndCompare(both, 't').length).toBe(1);
    const [row] = both[0].prepare('SELECT * FROM t').all() as Array<Record<string, unknown>>;
    for (const name of NAMES) expect(row?.[name]).toBe(name);
  });

  test.each(NAMES)('a key column of the name %j', (name) => {
    const both = pair(`CREATE TABLE t(v, ${quoted(name)} TEXT PRIMARY KEY NOT NULL)`, ['t']);
    both[0].exec("INSERT INTO t VALUES(1, 'a'), (2, 'b')");
    syncAndCompare(both, 't');
    both[1].exec(`UPDATE t SET v = 3 WHERE ${quoted(name)} = 'a'; DELETE FROM t WHERE v = 2`);
    expect(syncAndCompare(both, 't')).toEqual(["('a') v=3"]);
  });

  test('names of the columns of our own tables', () => {
    const names = [
      'seq',
      'mask',
      'mask1',
      'at',
      'pk0',
      'pk1',
      'cl',
      'clock',
      'site',
      'cols',
      'key',
      'value',
      'old',
      'new',
    ];
    const both = pair(`CREATE TABLE t(${names.join(',')}, id NOT NULL, PRIMARY KEY(id, seq, pk0))`, ['t']);
    both[0].exec(`INSERT INTO t VALUES(${names.map((_, i) => i)}, 'id')`);
    both[1].exec(`INSERT INTO t VALUES(${names.map((_, i) => i + 100)}, 'id')`);
    expect(syncAndCompare(both, 't').length).toBe(2);
    both[0].exec('UPDATE t SET cl = 5, clock = clock + 1, site = NULL, at = 7');
    both[1].exec('UPDATE t SET cols = 8, new = 9; DELETE FROM t WHERE pk0 = 4');
    expect(syncAndCompare(both, 't').length).toBe(1);
  });

  test('a_b beside axb: a write to one is no write to the other, _ and % are no patterns', () => {
    const schema =
      'CREATE TABLE a_b(id TEXT PRIMARY KEY NOT NULL, v); CREATE TABLE axb(id TEXT PRIMARY KEY NOT NULL, v)';
    const [left, right] = pair(schema, ['a_b', 'axb']);
    left.exec("INSERT INTO axb VALUES('k', 1)");
    expect([logged(left, 'a_b'), logged(left, 'axb')]).toEqual([0, 1]);
    deliver(left, right);
    left.exec("SELECT cloudsync_cleanup('a_b'); UPDATE axb SET v = 2");
    deliver(left, right);
    expect(dumpTable(right, 'axb')).toEqual(["('k') v=2"]);
    expect(() => single(left, "SELECT cloudsync_disable('a_b')")).toThrow(/'a_b' is not synchronised/);
  });

  test('names that differ by case only are one table, as in SQLite', () => {
    const left = replica('CREATE TABLE Task(Id TEXT PRIMARY KEY NOT NULL, Title)', ['TASK']);
    const right = replica('CREATE TABLE task(id TEXT PRIMARY KEY NOT NULL, title)', ['task']);
    expect(initTable(left, 'task')).toBe(initTable(left, 'Task'));
    left.exec("INSERT INTO tAsK VALUES('k', 1)");
    exchangeAll([left, right]);
    expect(dumpTable(right, 'task')).toEqual(["('k') title=1"]);
    right.exec("UPDATE TASK SET TITLE = 2 WHERE ID = 'k'");
    exchangeAll([left, right]);
    expect(dumpTable(left, 'task')).toEqual(["('k') Title=2"]);
  });

  test.each([1_000, 2_000])('%i columns', (count) => {
    const last = count - 2;
    const names = Array.from({ length: count - 1 }, (_, i) => `c${i}`);
    const both = pair(`CREATE TABLE t(${names.join(',')}, id TEXT PRIMARY KEY NOT NULL)`, ['t']);
    both[0].exec(`INSERT INTO t(id, c0, c${last}) VALUES('k', 'first', 'last')`);
    exchangeAll(both);
    const changed = [0, 1, 61, 62, 63, 123, 124, 700, last];
    for (const i of changed) both[i % 2 ? 1 : 0].exec(`UPDATE t SET c${i} = ${i}`);
    exchangeAll(both);
    expectEqual(both);
    for (const db of both) {
      const row = db.prepare('SELECT * FROM t').get() as Record<string, unknown>;
      for (const [i, name] of names.entries()) expect(row[name]).toBe(changed.includes(i) ? BigInt(i) : null);
      expect(row['id']).toBe('k');
    }
  });

  test('a trigger of the application that has the name of one of ours does not stop init', () => {
    const db = open();
    db.exec(`CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, v);
      CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL);
      CREATE TRIGGER t_cloudsync_insert AFTER INSERT ON notes BEGIN SELECT 1; END`);
    initTable(db, 't');
    db.exec("INSERT INTO t VALUES('k', 1)");
    const other = replica('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, v)', ['t']);
    expect(syncAndCompare([db, other], 't')).toEqual(["('k') v=1"]);
    single(db, "SELECT cloudsync_cleanup('t')");
    expect(db.prepare("SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger'").pluck().all()).toEqual([
      'notes',
    ]);
  });

  test('objects of the application that are in the place of ours are left alone', () => {
    const db = open();
    db.exec(`CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, v); CREATE TABLE t_cloudsync(mine);
      CREATE VIEW t_cloudsync_log AS SELECT 1 AS mine; CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL);
      CREATE TRIGGER t_cloudsync_insert AFTER INSERT ON notes BEGIN SELECT 1; END;
      CREATE INDEX t_cloudsync2 ON notes(id)`);
    initTable(db, 't');
    db.exec("INSERT INTO t_cloudsync VALUES('still here'); INSERT INTO t VALUES('k', 1)");
    const other = replica('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, v)', ['t']);
    expect(syncAndCompare([db, other], 't')).toEqual(["('k') v=1"]);
    single(db, "SELECT cloudsync_cleanup('t')");
    expect(single(db, 'SELECT mine FROM t_cloudsync')).toBe('still here');
    expect(single(db, 'SELECT mine FROM t_cloudsync_log')).toBe(1n);
    expect(single(db, "SELECT count(*) FROM sqlite_schema WHERE name = 't_cloudsync_insert'")).toBe(1n);
  });
});

describe.each(MODES)('kinds of tables: $name', (mode) => {
  test('WITHOUT ROWID and STRICT', () => {
    const schema = `CREATE TABLE w(v, id BLOB PRIMARY KEY NOT NULL) WITHOUT ROWID;
      CREATE TABLE s(id TEXT PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT;
      CREATE TABLE ws(a ANY NOT NULL, b ANY NOT NULL, c ANY, PRIMARY KEY(b, a)) STRICT, WITHOUT ROWID`;
    const both = pair(schema, ['w', 's', 'ws'], mode);
    both[0].exec(`INSERT INTO w VALUES(1, x'00'), (2, x''); INSERT INTO s VALUES('k', 1, 1, '1', x'31', 1.0);
      INSERT INTO ws VALUES('1', 1, 1), (1, '1', 2)`);
    both[1].exec("INSERT INTO ws VALUES(1.5, x'31', -0.0)");
    syncAndCompare(both, 'w', 's', 'ws');
    both[1].exec(
      `UPDATE w SET v = x'ff' WHERE id = x''; UPDATE s SET a = '1', r = 0.1; DELETE FROM ws WHERE a = '1'`,
    );
    expect(syncAndCompare(both, 'w', 's', 'ws')).toEqual(["(x'') v=x'ff'", "(x'00') v=1"]);
    expect(dumpTable(both[0], 's')).toEqual(["('k') i=1 r=1e-1 t='1' b=x'31' a='1'"]);
    expect(dumpTable(both[0], 'ws')).toEqual(["('1', 1) c=2", "(x'31', 1.5e+0) c=-0.0"]);
  });

  test('generated columns are computed, not sent', () => {
    const columns = (
      factor: number,
    ) => `CREATE TABLE t(g INTEGER AS (v * ${factor}) VIRTUAL, id TEXT PRIMARY KEY NOT NULL,
      s TEXT GENERATED ALWAYS AS (id || v) STORED, v INTEGER, w)`;
    const left = replica(columns(2), ['t'], mode);
    const right = replica(columns(3), ['t'], mode);
    left.exec("INSERT INTO t(id, v, w) VALUES('k', 1, 2)");
    exchangeAll([left, right]);
    expect(right.prepare('SELECT g, id, s, v, w FROM t').raw().all()).toEqual([[3n, 'k', 'k1', 1n, 2n]]);
    right.exec('UPDATE t SET v = 10');
    exchangeAll([left, right]);
    expect(left.prepare('SELECT g, id, s, v, w FROM t').raw().all()).toEqual([[20n, 'k', 'k10', 10n, 2n]]);
    expectEqual([left, right]);
  });

  test('key-only and junction tables', () => {
    const schema = `CREATE TABLE tag(name TEXT PRIMARY KEY NOT NULL);
      CREATE TABLE note(id TEXT PRIMARY KEY NOT NULL, body TEXT);
      CREATE TABLE note_tag(note TEXT NOT NULL REFERENCES note,
        tag TEXT NOT NULL REFERENCES tag ON DELETE CASCADE,
        PRIMARY KEY(tag, note)) WITHOUT ROWID`;
    const tables = ['note', 'tag', 'note_tag'];
    // Children are tracked first: the order of the packets must come from the foreign keys.
    const both = pair(schema, ['note_tag', 'tag', 'note'], mode);
    both[0].exec("INSERT INTO tag VALUES('red'), ('blue'); INSERT INTO note VALUES('n', 'text')");
    both[0].exec("INSERT INTO note_tag VALUES('n', 'red'), ('n', 'blue')");
    both[1].exec("INSERT INTO tag VALUES('red'), ('green')");
    syncAndCompare(both, ...tables);
    expect(dumpTable(both[1], 'note_tag').length).toBe(2);
    both[1].exec("DELETE FROM note_tag WHERE tag = 'red'; DELETE FROM tag WHERE name = 'red'");
    both[0].exec("INSERT INTO note_tag VALUES('n', 'green')");
    syncAndCompare(both, ...tables);
    expect(dumpTable(both[0], 'note_tag')).toEqual(["('blue', 'n')", "('green', 'n')"]);
    both[0].exec("INSERT INTO tag VALUES('red')");
    syncAndCompare(both, ...tables);
    both[1].exec("UPDATE note_tag SET tag = 'red' WHERE tag = 'blue'");
    syncAndCompare(both, ...tables);
    expect(dumpTable(both[0], 'note_tag')).toEqual(["('green', 'n')", "('red', 'n')"]);
  });
});

describe('a TEMP table or an attached database with the same table name', () => {
  const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, v)';

  test('a TEMP table of the name is refused; the main one is tracked beside it', () => {
    const db = open();
    db.exec(SCHEMA.replace('TABLE', 'TEMP TABLE'));
    expect(() => initTable(db, 't')).toThrow(/'t' is no table of the main database/);
    db.exec(SCHEMA.replace('TABLE t', 'TABLE main.t'));
    initTable(db, 't');
    db.exec("INSERT INTO temp.t VALUES('temp', 1); INSERT INTO main.t VALUES('main', 2)");
    const other = replica(SCHEMA, ['t']);
    exchangeAll([db, other]);
    expect(dumpTable(other, 't')).toEqual(["('main') v=2"]);
    other.exec("UPDATE t SET v = 3; INSERT INTO t VALUES('temp', 4)");
    exchangeAll([db, other]);
    expect(db.prepare('SELECT id, v FROM main.t ORDER BY id').raw().all()).toEqual([
      ['main', 3n],
      ['temp', 4n],
    ]);
    expect(db.prepare('SELECT id, v FROM temp.t').raw().all()).toEqual([['temp', 1n]]);
  });

  test('TEMP tables that hide each of our own tables change nothing', () => {
    const [db, other] = pair(SCHEMA, ['t']);
    db.exec("INSERT INTO t VALUES('before', 1)");
    const ours = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%cloudsync%'")
      .pluck()
      .all();
    expect(ours.length).toBeGreaterThanOrEqual(8);
    for (const name of ours as string[])
      db.exec(`CREATE TEMP TABLE ${quoted(name)}(key, value, enabled, id, site)`);
    db.exec(SCHEMA.replace('TABLE', 'TEMP TABLE'));
    db.exec("INSERT INTO main.t VALUES('after', 2); INSERT INTO temp.t VALUES('temp', 3)");
    other.exec("INSERT INTO t VALUES('other', 4)");
    exchangeAll([db, other]);
    expect(dumpTable(other, 't')).toEqual(["('after') v=2", "('before') v=1", "('other') v=4"]);
    expect(db.prepare('SELECT id FROM main.t ORDER BY id').pluck().all()).toEqual([
      'after',
      'before',
      'other',
    ]);
    for (const name of ours)
      expect(single(db, `SELECT count(*) FROM temp.${quoted(name as string)}`)).toBe(0n);
  });

  test('an attached database with the same tables neither captures nor receives writes', () => {
    const [db, other] = pair(SCHEMA, ['t']);
    db.exec("ATTACH ':memory:' AS second; CREATE TABLE second.t(id TEXT PRIMARY KEY NOT NULL, v)");
    db.exec(
      "CREATE TABLE second.only(id TEXT PRIMARY KEY NOT NULL); INSERT INTO second.t VALUES('second', 1)",
    );
    expect(logged(db, 't')).toBe(0);
    expect(() => initTable(db, 'only')).toThrow(/'only' is no table of the main database/);
    other.exec("INSERT INTO t VALUES('other', 2)");
    exchangeAll([db, other]);
    expect(single(db, 'SELECT group_concat(id) FROM second.t')).toBe('second');
    expectEqual([db, other], 't');
    db.exec('DETACH second');
    expect(encodePayload(db).length).toBeGreaterThan(0);
  });
});
