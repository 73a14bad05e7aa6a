/**
 * logout.test.ts: a device changes hands: what the last user had leaves it, and nothing of that is a deletion that
 * others would follow. And the other switches that have to hold for every connection.
 */
import { expect, test } from 'vitest';
import { Device, failureOf } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const SCHEMA = `
  CREATE TABLE lists(id TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE);
  CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, list TEXT REFERENCES lists(id) ON DELETE RESTRICT, body TEXT);
  CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='rowid');
  CREATE TRIGGER fts_insert AFTER INSERT ON notes BEGIN
    INSERT INTO notes_fts(rowid, body) VALUES (NEW.rowid, NEW.body); END;
  CREATE TRIGGER fts_delete AFTER DELETE ON notes BEGIN
    INSERT INTO notes_fts(notes_fts, rowid, body) VALUES ('delete', OLD.rowid, OLD.body); END;`;

function device(name: string, database: string): Device {
  const made = new Device(workspace.path(`${database}-${name}`)).run(`${SCHEMA} PRAGMA foreign_keys = ON`);
  for (const table of ['lists', 'notes']) made.value('SELECT cloudsync_init(?)', table);
  return made.connect(workspace.server, database);
}

const found = (one: Device, word: string) =>
  one.value('SELECT count(*) FROM notes_fts WHERE notes_fts MATCH ?', word);

test('logout refuses while there are unsent changes, and loses nothing then', () => {
  const a = device('a', 'unsent');
  a.run("INSERT INTO lists VALUES('1', 'mine')");
  const site = a.site;
  expect(failureOf(() => a.value('SELECT cloudsync_network_logout()'))).toMatch(
    /changes that have not been sent; sync first, or lose them with cloudsync_network_logout\(1\)/,
  );
  expect(a.rows('SELECT id FROM lists')).toEqual(['1']);
  expect(a.site).toBe(site);
  expect(failureOf(() => a.value("SELECT cloudsync_network_logout('yes')"))).toMatch(
    /force must be an integer/,
  );
  expect(failureOf(() => a.value('SELECT cloudsync_network_logout(2)'))).toMatch(
    /force must be an integer from 0/,
  );
  a.sync();
  expect(a.value('SELECT cloudsync_network_logout()')).toBe(1);
  a.close();
});

test('after a logout the device is another one, and the others keep everything', () => {
  const [a, b] = [device('a', 'first'), device('b', 'first')];
  a.run("INSERT INTO lists VALUES('1', 'groceries'); INSERT INTO notes VALUES('n', '1', 'secret recipe')");
  a.sync();
  b.run("INSERT INTO lists VALUES('2', 'groceries')");
  for (const one of [b, a, b]) one.sync();
  expect(a.value('SELECT count(*) FROM cloudsync_held')).toBe(1);
  expect(found(a, 'secret')).toBe(1);
  const site = a.site;
  const second = new Device(a.file);
  expect(a.value('SELECT cloudsync_network_logout()')).toBe(1);
  for (const one of [a, second]) {
    expect(one.site).not.toBe(site);
    for (const table of ['lists', 'notes', 'cloudsync_held', 'notes_cloudsync', 'notes_cloudsync_log']) {
      expect(one.value(`SELECT count(*) FROM ${table}`), table).toBe(0);
    }
    expect(found(one, 'secret')).toBe(0);
    expect(failureOf(() => one.sync())).toMatch(/cloudsync_network_init/);
  }
  // The next user, with a database of his own; writes in between belong to him.
  a.run("INSERT INTO lists VALUES('9', 'next user')");
  a.connect(workspace.server, 'second').sync();
  b.sync();
  expect(b.rows('SELECT id FROM lists')).toEqual(['1']);
  expect(b.rows('SELECT id FROM notes')).toEqual(['n']);
  expect(a.rows('SELECT id FROM lists')).toEqual(['9']);
  const other = device('c', 'second');
  other.sync();
  expect(other.rows('SELECT id FROM lists')).toEqual(['9']);
  // And the first user again, on the same device.
  a.value('SELECT cloudsync_network_logout()');
  a.connect(workspace.server, 'first').sync();
  expect(a.rows('SELECT body FROM notes')).toEqual(['secret recipe']);
  expect(found(a, 'secret')).toBe(1);
  for (const one of [a, b, second, other]) one.close();
});

test('a forced logout gives unsent changes up, also where a trigger forbids deletions', () => {
  const a = device('a', 'forced');
  a.run(`INSERT INTO lists VALUES('1', 'mine');
    CREATE TRIGGER keep BEFORE DELETE ON lists BEGIN SELECT RAISE(ABORT, 'lists are for ever'); END`);
  expect(a.value('SELECT cloudsync_network_logout(1)')).toBe(1);
  expect(a.value('SELECT count(*) FROM lists')).toBe(0);
  expect(a.value('SELECT count(*) FROM lists_cloudsync_log')).toBe(0);
  a.run("INSERT INTO lists VALUES('2', 'new')");
  expect(failureOf(() => a.run('DELETE FROM lists'))).toMatch(/for ever/);
  a.connect(workspace.server, 'forced').sync();
  const b = device('b', 'forced');
  b.sync();
  expect(b.rows('SELECT id FROM lists')).toEqual(['2']);
  for (const one of [a, b]) one.close();
});

test('a logout inside a transaction that is rolled back has not happened', () => {
  const a = device('a', 'undone');
  a.run("INSERT INTO lists VALUES('1', 'mine')");
  a.sync();
  const site = a.site;
  a.run('BEGIN');
  a.value('SELECT cloudsync_network_logout()');
  a.run('ROLLBACK');
  expect(a.site).toBe(site);
  expect(a.rows('SELECT id FROM lists')).toEqual(['1']);
  a.close();
});

test('cloudsync_network_reset_sync_version sends and receives everything again, and changes nothing', () => {
  const [a, b] = [device('a', 'reset'), device('b', 'reset')];
  a.run("INSERT INTO lists VALUES('1', 'mine'), ('2', 'other')");
  for (const one of [a, b]) one.sync();
  const version = b.value('SELECT cloudsync_db_version()');
  expect(b.value('SELECT cloudsync_network_reset_sync_version()')).toBe(1);
  b.run("UPDATE lists SET name = 'changed' WHERE id = '1'");
  expect(b.sync().received.rows).toBe(1);
  expect(Number(b.value('SELECT cloudsync_db_version()'))).toBe(Number(version) + 1);
  a.sync();
  expect(a.rows('SELECT name FROM lists')).toEqual(['changed', 'other']);
  for (const one of [a, b]) one.close();
});
