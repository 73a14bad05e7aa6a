/**
 * Schema changes through a real server, which only ever adds: what was written under an old name is there under the new
 * one for devices that have never seen the old one.
 */
import { expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';

const workspace = useWorkspace();

function device(database: string, table: string, columns: string): Device {
  const made = new Device().connect(workspace.server, database);
  made.run(`CREATE TABLE ${table}(id TEXT PRIMARY KEY NOT NULL, ${columns})`);
  made.value('SELECT cloudsync_init(?)', table);
  return made;
}

test.each([
  ['column', 'ALTER TABLE notes RENAME COLUMN a TO title', 'notes'],
  ['table', 'ALTER TABLE notes RENAME TO papers; ALTER TABLE papers RENAME COLUMN a TO title', 'papers'],
])('a renamed %s: what others wrote under the old name reaches new devices too', (kind, rename, table) => {
  const database = `renamed-${kind}`;
  const first = device(database, 'notes', 'a, b');
  const second = device(database, 'notes', 'a, b');
  first.run("INSERT INTO notes VALUES('x', 'by first', 1)").sync();
  second.run("INSERT INTO notes VALUES('y', 'by second', 2)").sync();
  first.sync();
  first.run(rename);
  first.sync();
  const third = device(database, table, 'title, b');
  third.sync();
  expect(third.rows(`SELECT * FROM ${table} ORDER BY id`)).toEqual(['x|by first|1', 'y|by second|2']);
  // The second device goes on with the old names, and renames later.
  second.run("UPDATE notes SET a = 'edited', b = 3 WHERE id = 'x'").sync();
  second.run(rename);
  for (const one of [second, first, third, second]) one.sync();
  for (const one of [first, second, third]) {
    expect(one.rows(`SELECT id, title, b FROM ${table} ORDER BY id`)).toEqual([
      'x|edited|3',
      'y|by second|2',
    ]);
    one.close();
  }
});

test('a column is dropped on one device, the other goes on with it', () => {
  const first = device('dropped', 'notes', 'a, b');
  const second = device('dropped', 'notes', 'a, b');
  first.run("INSERT INTO notes VALUES('x', 'a', 1)").sync();
  second.sync();
  first.run("UPDATE notes SET b = 2; BEGIN; SELECT cloudsync_begin_alter('notes')");
  first.run("ALTER TABLE notes DROP COLUMN b; SELECT cloudsync_commit_alter('notes'); COMMIT");
  first.run("UPDATE notes SET a = 'after'");
  first.sync();
  second.run('UPDATE notes SET b = 5').sync();
  first.sync();
  expect(second.rows('SELECT * FROM notes')).toEqual(['x|after|5']);
  expect(first.rows('SELECT * FROM notes')).toEqual(['x|after']);
  for (const one of [first, second]) one.close();
});
