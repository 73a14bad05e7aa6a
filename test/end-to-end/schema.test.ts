/**
 * schema.test.ts: how the server comes to know the tables: the first device with a key that may do so publishes them;
 * devices whose key may not are told what is missing.
 */
import { expect, test } from 'vitest';
import { addKey } from '../support/server.js';
import { expectEqual } from './compare.js';
import { Device, failureOf } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a)';
const TAGS = 'CREATE TABLE tags(note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(note, tag)) WITHOUT ROWID';

function device(name: string, database: string, key: string, ...definitions: string[]): Device {
  const made = new Device(workspace.path(name)).connect(workspace.server, database, key);
  for (const definition of definitions) {
    made.run(definition);
    made.value('SELECT cloudsync_init(?)', /TABLE (\w+)/.exec(definition)?.[1]);
  }
  return made;
}

function keyOf(role: string): string {
  return addKey(workspace.server.dataDirectory, '--role', role);
}

test('the first device publishes its tables, a second one creates them itself and fits', () => {
  const key = keyOf('schema');
  const first = device('first', 'published', key, NOTES, TAGS);
  first.run("INSERT INTO notes VALUES('n', 1); INSERT INTO tags VALUES('n', 'red')");
  first.sync();
  const service = keyOf('service');
  const second = device('second', 'published', service, TAGS, NOTES);
  second.run("INSERT INTO tags VALUES('n', 'blue')");
  const report = second.sync();
  expect(report).toMatchObject({ sent: { batches: 1 }, held: 0 });
  expect(report).not.toHaveProperty('missing');
  first.sync();
  for (const one of [first, second]) one.close();
  const files = [first.file, second.file, workspace.serverFile('published')];
  const { tags } = expectEqual(files, ['notes', 'tags']);
  expect(tags).toHaveLength(2);
});

test('a table or column that comes later is published with the next sync', () => {
  const key = keyOf('schema');
  const [first, second] = ['first', 'second'].map((name) => device(name, 'grown', key, NOTES)) as [
    Device,
    Device,
  ];
  first.run("INSERT INTO notes VALUES('n', 1)");
  first.sync();
  first.run('ALTER TABLE notes ADD COLUMN b TEXT DEFAULT NULL');
  first.value('SELECT cloudsync_db_version()');
  first.run(TAGS);
  first.value("SELECT cloudsync_init('tags')");
  first.run("UPDATE notes SET b = 'new'; INSERT INTO tags VALUES('n', 'red')");
  expect(first.sync()).not.toHaveProperty('missing');

  // The second device lacks both: what it cannot store is held, and comes back with the table and the column.
  expect(second.sync().held).toBe(2);
  expect(second.rows('SELECT * FROM notes')).toEqual(['n|1']);
  second.run('ALTER TABLE notes ADD COLUMN b TEXT DEFAULT NULL');
  second.run(TAGS);
  second.value("SELECT cloudsync_init('tags')");
  expect(second.sync().held).toBe(0);
  for (const one of [first, second]) one.close();
  const files = [first.file, second.file, workspace.serverFile('grown')];
  expect(expectEqual(files, ['notes', 'tags'])).toMatchObject({ notes: ["('n') a=1 b='new'"] });
});

test('a key that may not publish is told which table is missing; its changes are not lost', () => {
  const admin = device('admin', 'service', workspace.server.key, NOTES);
  admin.sync();
  const service = device('service', 'service', keyOf('service'), NOTES, TAGS);
  service.run("INSERT INTO notes VALUES('n', 1); INSERT INTO tags VALUES('n', 'red')");
  const report = service.sync();
  expect(report).toMatchObject({ sent: { batches: 1 }, missing: 'tags' });
  expect(service.status()).toMatchObject({ missing: 'tags' });
  expect(service.rows('SELECT tbl, reason FROM cloudsync_held')).toEqual([
    "tags|the server did not accept the row (held): table 'tags' is not synchronised in this database yet",
  ]);
  admin.run(TAGS);
  admin.value("SELECT cloudsync_init('tags')");
  admin.sync();
  expect(admin.rows('SELECT * FROM tags')).toEqual(['n|red']);
});

test('a key that may not publish cannot make a database', () => {
  const service = device('service', 'nowhere', keyOf('service'), NOTES);
  const message = failureOf(() => service.sync());
  expect(message).toContain('answered 404 (database nowhere does not exist, or this key may not use it)');
  expect(message).toContain('only an admin or schema key can create it');
});

test('a table that is another one on the server is refused, the others sync', () => {
  const key = keyOf('schema');
  device('first', 'different', key, NOTES).sync();
  const second = device(
    'second',
    'different',
    key,
    'CREATE TABLE notes(number TEXT PRIMARY KEY NOT NULL, a)',
    TAGS,
  );
  second.run("INSERT INTO notes VALUES('1', 1); INSERT INTO tags VALUES('n', 'red')");
  const report = second.sync();
  expect(report.missing).toContain(
    'notes (refused: the primary key differs: (id) here, (number) in the definition)',
  );
  const third = device('third', 'different', key, TAGS);
  third.sync();
  expect(third.rows('SELECT * FROM tags')).toEqual(['n|red']);
});
