/**
 * What cloudsync_set_filter accepts as an expression, and what it refuses: with the reason, and without any
 * effect.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Connection,
  dumpMetadata,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

let db: Connection;

beforeEach(() => {
  db = openDatabase();
  db.exec(`
    CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT, "odd ""name" INTEGER, size AS (length(state)));
    INSERT INTO notes VALUES('a', 'open', 1), ('b', 'shut', 2), ('c', NULL, NULL);
    CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL)`);
  initTable(db, 'notes');
});

afterEach(() => {
  db.close();
});

const setFilter = (expression: unknown) => single(db, "SELECT cloudsync_set_filter('notes', ?)", expression);

describe('accepted', () => {
  test.each([
    ["state = 'open'", 'a'],
    ['state', ''],
    ["\"state\" = 'it''s' OR [state] = 'open'", 'a'],
    ['"odd ""name" > 1', 'b'],
    ['notes.state IN (\'open\', \'shut\') AND NOT "odd ""name" BETWEEN 2 AND 3', 'a'],
    ['state IS NULL', 'c'],
    ['main.notes.id = `id` AND size = 4', 'ab'],
    ["CASE WHEN state LIKE 'o%' THEN 1 ELSE coalesce(max(0, 0), 0) END", 'a'],
    ["state = '; -- /* ? ( \" SELECT'", ''],
    ["CAST(state AS BLOB) = x'6f70656e'", 'a'],
    ['1', 'abc'],
    [' NULL ', ''],
    ["(id) <> lower ( 'B' )", 'ac'],
  ])('%s', (expression, expected) => {
    expect(setFilter(expression)).toBe(1n);
    const sent = openDatabase();
    sent.exec('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT, "odd ""name" INTEGER)');
    initTable(sent, 'notes');
    single(sent, 'SELECT cloudsync_payload_apply(?)', encodePayload(db));
    expect(
      single(sent, "SELECT coalesce(group_concat(id, ''), '') FROM (SELECT id FROM notes ORDER BY id)"),
    ).toBe(expected);
    sent.close();
  });

  test('of tables with the names that we use ourselves', () => {
    db.exec(`
      CREATE TABLE c(pk0 TEXT PRIMARY KEY NOT NULL, seq INTEGER, "match", outside, cl);
      INSERT INTO c VALUES('a', 1, 0, 1, 2), ('b', 0, 1, 0, 1)`);
    initTable(db, 'c');
    expect(single(db, "SELECT cloudsync_set_filter('c', 'seq = 1 AND c.outside AND cl = 2')")).toBe(1n);
    expect(dumpMetadata(db).filter((line) => line.startsWith('c '))).toEqual([
      expect.stringContaining("'a'"),
    ]);
  });
});

describe('refused, with the reason and without effect', () => {
  test.each([
    ['state = ', /incomplete input|syntax error/],
    ['   ', /syntax error/],
    ['state = = 1', /syntax error/],
    ['stat = 1', /no such column: stat/],
    ['"stat" = 1', /no such column: stat/],
    ['other.id = 1', /no such column: other.id/],
    ['(SELECT 1)', /SELECT cannot be used/],
    ['id IN other', /IN needs a list in parentheses/],
    ['id IN main.other', /IN needs a list/],
    ['id in', /IN needs a list/],
    ['exists(values(1))', /exists cannot be used/],
    ['id IN (VALUES(1))', /VALUES cannot be used/],
    ['max(id) = 1', /misuse of aggregate/],
    ['count(*) > 1', /function 'count' cannot be used/],
    ['row_number() OVER () = 1', /function 'row_number' cannot be used/],
    ['max(state) OVER () = 1', /OVER cannot be used/],
    ['state = ?', /parameters have no value/],
    ['state = :name', /parameters have no value/],
    ['state = @name', /parameters have no value/],
    ['state = $name', /parameters have no value/],
    ['random() > 0', /function 'random' cannot be used/],
    ["date('now') > state", /function 'date' cannot be used/],
    ['state < CURRENT_TIMESTAMP', /CURRENT_TIMESTAMP cannot be used/],
    ["cloudsync_is_sync('notes')", /function 'cloudsync_is_sync' cannot be used/],
    ['cloudsync_version() = 1', /function 'cloudsync_version' cannot be used/],
    ["load_extension('x')", /function 'load_extension' cannot be used/],
    ['"load_extension"(\'x\')', /function must not be named in quotes/],
    ["state REGEXP 'x'", /REGEXP cannot be used/],
    ['RAISE(IGNORE)', /RAISE cannot be used/],
    ['1; DELETE FROM notes', /one expression only/],
    ['1;', /one expression only/],
    ['1 -- all', /comments are not allowed/],
    ['1 /* all', /comments are not allowed/],
    ['1) OR (1', /closed that was not opened/],
    ['(1', /not closed/],
    ["state = 'open", /a quote is not closed/],
    ['"state = 1', /a quote is not closed/],
    ['[state = 1', /a quote is not closed/],
    ['state, id', /row value misused/],
    ['abs(-9223372036854775807 - "odd ""name")', /integer overflow/],
    ['\u0001state = 1', /control character/],
  ])('%s', (expression, reason) => {
    setFilter("state = 'open'");
    const before = encodePayload(db);
    const settings = db.prepare('SELECT * FROM cloudsync_settings ORDER BY key').all();
    expect(() => setFilter(expression)).toThrow(reason);
    expect(() => setFilter(expression)).toThrow(/cloudsync: the filter for table 'notes' is refused/);
    expect(encodePayload(db).equals(before)).toBe(true);
    expect(db.prepare('SELECT * FROM cloudsync_settings ORDER BY key').all()).toEqual(settings);
  });

  test('a first filter that is refused leaves no column behind', () => {
    const schema = () => db.prepare('SELECT sql FROM sqlite_schema ORDER BY name').pluck().all();
    const before = schema();
    expect(() => setFilter('abs(-9223372036854775807 - "odd ""name")')).toThrow(/integer overflow/);
    expect(schema()).toEqual(before);
  });

  test.each([
    ["cloudsync_set_filter('plain', '1')", /'plain' is not synchronised/],
    ["cloudsync_clear_filter('plain')", /'plain' is not synchronised/],
    ["cloudsync_set_filter('notes', NULL)", /the filter must be a text/],
    ["cloudsync_set_filter('notes', '')", /a text of 1 to 16384 bytes/],
    ["cloudsync_set_filter(1, '1')", /the table must be a text/],
    ['cloudsync_clear_filter(NULL)', /the table must be a text/],
  ])('%s', (call, reason) => {
    expect(() => single(db, `SELECT ${call}`)).toThrow(reason);
  });
});
