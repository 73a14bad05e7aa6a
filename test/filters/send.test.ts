/**
 * Tables and columns that are kept on a device ('send', 'off'), and what is told when they are sent again.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
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

let here: Connection;
let there: Connection;
let cursor: bigint;

function database(): Connection {
  const db = openDatabase();
  db.exec('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT, draft TEXT)');
  initTable(db, 'notes');
  return db;
}

beforeEach(() => {
  here = database();
  there = database();
  cursor = 0n;
});

afterEach(() => {
  here.close();
  there.close();
});

function send(): unknown {
  applyPayload(there, encodePayload(here, cursor));
  cursor = arrivalNumber(here);
  return single(
    there,
    `SELECT coalesce(group_concat(id || ':' || title || ':' || coalesce(draft, 'NULL'), ' '), '')
      FROM (SELECT * FROM notes ORDER BY id)`,
  );
}

const column = (value: string) =>
  single(here, "SELECT cloudsync_set_column('notes', 'draft', 'send', ?)", value);
const table = (value: string) => single(here, "SELECT cloudsync_set_table('notes', 'send', ?)", value);

function expectEqual(): void {
  expect(dumpTable(there, 'notes')).toEqual(dumpTable(here, 'notes'));
  expect(dumpMetadata(there)).toEqual(dumpMetadata(here));
}

test('a column that is sent again: what changed meanwhile is told', () => {
  here.exec("INSERT INTO notes VALUES('a', '1', 'x'), ('b', '1', 'x')");
  send();
  column('off');
  here.exec("UPDATE notes SET draft = 'y' WHERE id = 'a'; INSERT INTO notes VALUES('c', '1', 'z')");
  here.exec("UPDATE notes SET title = '2'");
  expect(send()).toBe('a:2:x b:2:x c:2:NULL');
  column('off');
  expect(send()).toBe('a:2:x b:2:x c:2:NULL');
  column('on');
  expect(send()).toBe('a:2:y b:2:x c:2:z');
  expectEqual();
  const before = arrivalNumber(here);
  column('1');
  expect(arrivalNumber(here)).toBe(before);
});

test('a column: what was written before and not read yet is told too', () => {
  here.exec("INSERT INTO notes VALUES('a', '1', 'x')");
  column('0');
  expect(send()).toBe('a:1:NULL');
  column('on');
  expect(send()).toBe('a:1:x');
  expectEqual();
});

test('a table that is sent again: inserts, edits and deletions are told', () => {
  here.exec("INSERT INTO notes VALUES('a', '1', 'x'), ('b', '1', 'x')");
  send();
  table('off');
  here.exec("UPDATE notes SET title = '2' WHERE id = 'a'; DELETE FROM notes WHERE id = 'b'");
  here.exec("INSERT INTO notes VALUES('c', '1', 'z')");
  expect(send()).toBe('a:1:x b:1:x');
  table('on');
  expect(send()).toBe('a:2:x c:1:z');
  expectEqual();
});

test('table and column together, in any order', () => {
  here.exec("INSERT INTO notes VALUES('a', '1', 'x')");
  send();
  column('off');
  table('off');
  here.exec("UPDATE notes SET title = '2', draft = 'y'");
  expect(send()).toBe('a:1:x');
  table('on');
  expect(send()).toBe('a:2:x');
  column('on');
  expect(send()).toBe('a:2:y');
  expectEqual();
});

test('with a filter: a row that went outside is told up to there and no further', () => {
  here.exec("INSERT INTO notes VALUES('a', '1', 'x')");
  single(here, "SELECT cloudsync_set_filter('notes', 'title < 5')");
  send();
  table('off');
  here.exec("UPDATE notes SET title = '7'");
  send();
  here.exec("UPDATE notes SET draft = 'secret'");
  send();
  table('on');
  expect(send()).toBe('a:7:x');
  column('off');
  column('on');
  expect(send()).toBe('a:7:x');
  here.exec("UPDATE notes SET title = '3'");
  expect(send()).toBe('a:3:secret');
  expectEqual();
});

test('a table that is tracked anew under the same number does not inherit the setting', () => {
  table('off');
  column('off');
  single(here, "SELECT cloudsync_cleanup('notes')");
  initTable(here, 'notes');
  here.exec("INSERT INTO notes VALUES('a', '1', 'x')");
  expect(send()).toBe('a:1:x');
});
