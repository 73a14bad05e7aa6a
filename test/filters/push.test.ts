/**
 * Filters and kept columns with a real server: what a push sends, and what another server gets.
 */
import { expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { addKey } from '../support/server.js';

const workspace = useWorkspace();

function device(name: string, database: string): Device {
  const key = addKey(workspace.server.dataDirectory, '--role', 'schema');
  const made = new Device(workspace.path(name)).connect(workspace.server, database, key);
  made.run('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT)');
  made.value("SELECT cloudsync_init('notes')");
  return made;
}

const rows = (one: Device) =>
  one.value(
    "SELECT group_concat(id || ':' || state || ':' || body, ' ') FROM (SELECT * FROM notes ORDER BY id)",
  );

test('pushes hold what matches, edits of both sides meet, and clearing the filter makes all equal', () => {
  const phone = device('phone', 'filtered');
  const laptop = device('laptop', 'filtered');
  phone.value("SELECT cloudsync_set_filter('notes', 'state <> ''private''')");
  phone.run("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'private', '1')");
  phone.sync();
  laptop.sync();
  expect(rows(laptop)).toBe('a:open:1');
  laptop.run("UPDATE notes SET body = '2'; INSERT INTO notes VALUES('c', 'private', '2')");
  laptop.sync();
  phone.run("UPDATE notes SET state = 'private' WHERE id = 'a'");
  phone.sync();
  expect(rows(phone)).toBe('a:private:2 b:private:1 c:private:2');
  phone.run("UPDATE notes SET body = '3'");
  expect(phone.sync()).toMatchObject({ sent: { batches: 0 } });
  laptop.sync();
  expect(rows(laptop)).toBe('a:private:2 c:private:2');
  expect(phone.value('SELECT cloudsync_network_has_unsent_changes()')).toBe(0);
  phone.value("SELECT cloudsync_clear_filter('notes')");
  expect(phone.value('SELECT cloudsync_network_has_unsent_changes()')).toBe(1);
  phone.sync();
  laptop.sync();
  expect(rows(laptop)).toBe('a:private:3 b:private:3 c:private:3');
  expect(rows(phone)).toBe(rows(laptop));
  for (const one of [phone, laptop]) one.close();
});

test('another server is not told of rows that left the filter before', () => {
  const phone = device('mover', 'former');
  phone.value("SELECT cloudsync_set_filter('notes', 'state <> ''private''')");
  phone.run("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'open', '1')");
  phone.sync();
  phone.run("UPDATE notes SET state = 'private' WHERE id = 'a'");
  phone.sync();
  const key = addKey(workspace.server.dataDirectory, '--role', 'schema');
  phone.connect(workspace.server, 'latter', key);
  phone.sync();
  const laptop = device('other', 'latter');
  laptop.sync();
  expect(rows(laptop)).toBe('b:open:1');
  for (const one of [phone, laptop]) one.close();
});

test('a column that is sent again is pushed with what changed meanwhile and before', () => {
  const phone = device('draft-phone', 'drafts');
  const laptop = device('draft-laptop', 'drafts');
  phone.run("INSERT INTO notes VALUES('a', 'open', '1')");
  phone.sync();
  phone.run("UPDATE notes SET body = '2'; INSERT INTO notes VALUES('b', 'open', '2')");
  phone.value("SELECT cloudsync_set_column('notes', 'body', 'send', 'off')");
  phone.sync();
  laptop.sync();
  expect(laptop.value("SELECT group_concat(coalesce(body, 'NULL')) FROM notes")).toBe('1,NULL');
  phone.value("SELECT cloudsync_set_column('notes', 'body', 'send', 'on')");
  phone.sync();
  laptop.sync();
  expect(rows(laptop)).toBe('a:open:2 b:open:2');
  for (const one of [phone, laptop]) one.close();
});
