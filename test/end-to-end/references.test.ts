/**
 * references.test.ts: foreign keys through the real server, where a change comes in several batches and pages: nothing
 * is deleted, nulled or brought back because half of it has arrived.
 */
import { expect, test } from 'vitest';
import { Device } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const CHILDREN = 6000;

function schema(action: string): string {
  return `CREATE TABLE parents(id TEXT PRIMARY KEY NOT NULL, name TEXT);
    CREATE TABLE children(id TEXT PRIMARY KEY NOT NULL,
      parent TEXT REFERENCES parents(id) ON DELETE ${action}, name TEXT);
    CREATE INDEX children_parent ON children(parent)`;
}

function device(name: string, database: string, action: string): Device {
  const made = new Device(workspace.path(`${database}-${name}`)).run(schema(action));
  made.run('PRAGMA foreign_keys = ON').connect(workspace.server, database);
  for (const table of ['parents', 'children']) made.value('SELECT cloudsync_init(?)', table);
  return made;
}

test.each(['CASCADE', 'SET NULL', 'RESTRICT'])(
  '%s: a parent is deleted after its children have moved to another one, in many pages',
  (action) => {
    const database = `moved-${action.toLowerCase().replace(' ', '-')}`;
    const [a, b, c] = ['a', 'b', 'c'].map((name) => device(name, database, action)) as [
      Device,
      Device,
      Device,
    ];
    a.run(`INSERT INTO parents VALUES('old', 'x'), ('new', 'y');
      INSERT INTO children WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${CHILDREN})
        SELECT 'child-' || i, 'old', hex(randomblob(100)) FROM n`);
    a.sync();
    b.sync();
    a.run(
      "UPDATE children SET parent = 'new', name = hex(randomblob(100)); DELETE FROM parents WHERE id = 'old'",
    );
    expect(a.sync().sent.batches).toBeGreaterThan(1);
    // b has the children of the old parent, c has nothing: both get the change in several pages.
    for (const one of [b, c, a, b, c]) one.sync();
    for (const one of [a, b, c]) {
      expect(one.rows('SELECT id FROM parents')).toEqual(['new']);
      expect(one.value("SELECT count(*) FROM children WHERE parent = 'new'")).toBe(CHILDREN);
      expect(one.value('SELECT count(*) FROM cloudsync_held')).toBe(0);
      one.close();
    }
  },
);

test('RESTRICT: a parent that one device deletes while another one refers to it comes back on all', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => device(name, 'restrict', 'RESTRICT')) as [
    Device,
    Device,
    Device,
  ];
  a.run("INSERT INTO parents VALUES('p', 'x')");
  for (const one of [a, b, c]) one.sync();
  a.run("DELETE FROM parents WHERE id = 'p'");
  b.run("INSERT INTO children VALUES('c', 'p', 'y')");
  for (const one of [a, b, c, a, b, c]) one.sync();
  for (const one of [a, b, c]) {
    expect(one.rows('SELECT * FROM parents')).toEqual(['p|x']);
    expect(one.rows('SELECT * FROM children')).toEqual(['c|p|y']);
    expect(one.value('SELECT count(*) FROM cloudsync_held')).toBe(0);
    one.close();
  }
});
