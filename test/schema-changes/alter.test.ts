/**
 * cloudsync_begin_alter and cloudsync_commit_alter: every kind of change, each with a second device that
 * still has the old schema and exchanges before and after, and makes the same change later.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { logged } from '../hazards/replicas.js';
import { dumpTable, heldChanges, single } from '../support/database.js';
import {
  alter,
  closeDevices,
  device,
  Exchange,
  expectAgreement,
  leftovers,
  NOTES,
  rowOf,
  sharing,
} from './devices.js';

afterEach(closeDevices);

const REBUILD = `CREATE TABLE rebuilt(id TEXT PRIMARY KEY NOT NULL, b INTEGER, a TEXT NOT NULL DEFAULT '',
  d REAL DEFAULT 1.5);
  INSERT INTO rebuilt(id, b, a) SELECT id, b, a FROM notes; DROP TABLE notes; ALTER TABLE rebuilt RENAME TO notes`;

interface Kind {
  name: string;
  change: string;
  /**
   * Row x after both devices have changed, with b edited on the first and a on the second while they
   * differed.
   */
  row: string;
}

const KINDS: Kind[] = [
  { name: 'drop a column', change: 'ALTER TABLE notes DROP COLUMN c', row: "('x') a='second' b=100" },
  {
    name: 'drop one column and add another',
    change: "ALTER TABLE notes DROP COLUMN c; ALTER TABLE notes ADD COLUMN d TEXT DEFAULT 'd'",
    row: "('x') a='second' b=100 d='d'",
  },
  {
    name: 'change a type',
    change: `CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT, c TEXT DEFAULT 'none');
             INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`,
    row: "('x') a='second' b='100' c='none'",
  },
  { name: 'rebuild in another order', change: REBUILD, row: "('x') b=100 a='second' d=1.5e+0" },
  {
    name: 'rebuild WITHOUT ROWID with a constraint',
    change: `CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER CHECK (b < 1000), c TEXT DEFAULT 'none')
             WITHOUT ROWID; INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`,
    row: "('x') a='second' b=100 c='none'",
  },
  { name: 'nothing at all', change: 'SELECT 1', row: "('x') a='second' b=100 c='none'" },
];

describe.each(KINDS)('$name', ({ change, row }) => {
  test('both devices go on with what they share, and agree once both have changed', () => {
    const [first, second, exchange] = sharing();
    first.exec("UPDATE notes SET b = 9 WHERE id = 'z'");
    alter(first, change);
    expect(leftovers(first)).toEqual([]);
    second.exec("UPDATE notes SET a = 'second' WHERE id = 'x'; DELETE FROM notes WHERE id = 'y'");
    first.exec("UPDATE notes SET b = 100 WHERE id = 'x'; INSERT INTO notes(id, a) VALUES('n', 'new')");
    exchange.both();
    expect(rowOf(second, 'x')).toContain("a='second' b=100");
    expect(single(first, "SELECT a FROM notes WHERE id = 'x'")).toBe('second');
    expect(rowOf(second, 'n')).toContain("a='new'");
    expect(rowOf(first, 'y')).toBeUndefined();
    alter(second, change);
    const lines = expectAgreement(exchange, first, second);
    expect(lines).toContain(row);
    expect(lines).toHaveLength(3);
  });

  test('a change of the schema alone is no change of the data', () => {
    const [first, second, exchange] = sharing();
    const before = single(first, 'SELECT cloudsync_db_version()') as bigint;
    alter(first, change);
    expect(logged(first, 'notes')).toBe(0);
    // Column numbers of new columns are all that may have been taken.
    expect((single(first, 'SELECT cloudsync_db_version()') as bigint) - before).toBeLessThanOrEqual(1n);
    alter(second, change);
    expectAgreement(exchange, first, second);
  });
});

test('rows and values that the change itself writes are captured', () => {
  const [first, second, exchange] = sharing();
  alter(
    first,
    `ALTER TABLE notes ADD COLUMN d; UPDATE notes SET a = 'migrated', d = b * 2 WHERE id = 'x';
     DELETE FROM notes WHERE id = 'y'; INSERT INTO notes VALUES('n', 'inserted', 4, 'c', 5);
     UPDATE notes SET id = 'moved' WHERE id = 'z'`,
  );
  exchange.both();
  expect(dumpTable(second, 'notes')).toEqual([
    "('moved') a='az' b=3 c='none'",
    "('n') a='inserted' b=4 c='c'",
    "('x') a='migrated' b=1 c='none'",
  ]);
  expect(heldChanges(second)).toHaveLength(3);
  second.exec('ALTER TABLE notes ADD COLUMN d');
  expect(expectAgreement(exchange, first, second)).toContain("('x') a='migrated' b=1 c='none' d=2");
});

test('a column that was dropped and comes back under its name is a new column', () => {
  const [first, second, exchange] = sharing();
  first.exec("UPDATE notes SET c = 'old' WHERE id = 'x'");
  exchange.both();
  alter(first, 'ALTER TABLE notes DROP COLUMN c');
  first.exec("ALTER TABLE notes ADD COLUMN c TEXT DEFAULT 'none'");
  second.exec("UPDATE notes SET c = 'from second' WHERE id = 'z'");
  exchange.both();
  expect(rowOf(first, 'z')).toBe("('z') a='az' b=3 c='from second'");
  first.exec("UPDATE notes SET c = 'again' WHERE id = 'y'");
  exchange.both();
  expect(rowOf(second, 'y')).toBe("('y') a='ay' b=2 c='again'");
  // What the default of the new column covers is not sent as if somebody had written it.
  expect(rowOf(second, 'x')).toBe("('x') a='ax' b=1 c='old'");
});

test('the id of a dropped column is never used again, also beyond the first mask', () => {
  const columns = Array.from({ length: 70 }, (_, i) => `k${i}`);
  const schema = `CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b, c, ${columns.join(', ')})`;
  const [first, second, exchange] = sharing(schema);
  first.exec("UPDATE notes SET k69 = 'last' WHERE id = 'x'");
  const drops = columns.slice(50).map((name) => `ALTER TABLE notes DROP COLUMN ${name};`);
  for (const db of [first, second]) alter(db, drops.join(''));
  for (const db of [first, second]) db.exec('ALTER TABLE notes ADD COLUMN fresh');
  first.exec("UPDATE notes SET fresh = 1 WHERE id = 'y'; UPDATE notes SET k49 = 2 WHERE id = 'z'");
  expectAgreement(exchange, first, second);
  expect(single(second, "SELECT fresh FROM notes WHERE id = 'y'")).toBe(1n);
  expect(single(second, "SELECT fresh FROM notes WHERE id = 'x'")).toBeNull();
  const ids = first.prepare("SELECT id FROM cloudsync_columns WHERE name = 'fresh'").pluck().all();
  expect(ids).toEqual([73n]);
});

test('a column renamed inside the change keeps its history', () => {
  const [first, second, exchange] = sharing();
  const change = 'ALTER TABLE notes RENAME COLUMN a TO title; ALTER TABLE notes DROP COLUMN c';
  alter(first, 'ALTER TABLE notes RENAME COLUMN a TO title');
  alter(first, 'ALTER TABLE notes DROP COLUMN c');
  second.exec("UPDATE notes SET a = 'second' WHERE id = 'x'");
  for (const part of change.split(';')) alter(second, part);
  expect(expectAgreement(exchange, first, second)[0]).toBe("('x') title='second' b=1");
});

test('a table renamed inside the change is committed under its new name', () => {
  const [first, second, exchange] = sharing();
  const change = 'ALTER TABLE notes RENAME TO papers; ALTER TABLE papers DROP COLUMN c';
  alter(first, change, 'notes', 'papers');
  second.exec("UPDATE notes SET b = 8 WHERE id = 'x'");
  alter(second, change, 'notes', 'papers');
  expect(expectAgreement(exchange, first, second, 'papers')[0]).toBe("('x') a='ax' b=8");
});

describe('another key', () => {
  const KEYED = `CREATE TABLE n(tenant TEXT NOT NULL, id TEXT NOT NULL, a TEXT, b INTEGER, c TEXT,
    PRIMARY KEY(tenant, id));
    INSERT INTO n SELECT 'home', * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`;

  test('all rows enter anew under it, the old keys are forgotten', () => {
    const [first, second, exchange] = sharing();
    alter(first, KEYED);
    first.exec("INSERT INTO notes VALUES('work', 'x', 'other', 1, 'none'); DELETE FROM notes WHERE id = 'y'");
    second.exec("UPDATE notes SET b = 50 WHERE id = 'z'");
    exchange.both();
    expect(dumpTable(second, 'notes')).toHaveLength(3);
    expect(heldChanges(second)[0]?.reason).toContain('another primary key');
    alter(second, KEYED);
    exchange.both();
    expect(dumpTable(first, 'notes')).toEqual(dumpTable(second, 'notes'));
    expect(dumpTable(first, 'notes')).toContain("('home', 'z') a='az' b=50 c='none'");
    expect(dumpTable(first, 'notes')).toContain("('work', 'x') a='other' b=1 c='none'");
  });

  test('the same columns in another order are another key', () => {
    const two = 'CREATE TABLE notes(x TEXT NOT NULL, y TEXT NOT NULL, v, PRIMARY KEY(x, y))';
    const [first, second] = [device(two), device(two)];
    first.exec("INSERT INTO notes VALUES('1', '2', 'v')");
    const exchange = new Exchange(first, second);
    exchange.both();
    const turned = `CREATE TABLE n(x TEXT NOT NULL, y TEXT NOT NULL, v, PRIMARY KEY(y, x));
      INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`;
    for (const db of [first, second]) alter(db, turned);
    second.exec("UPDATE notes SET v = 'w'");
    expect(expectAgreement(exchange, first, second)).toEqual(["('2', '1') v='w'"]);
  });
});

test.each(['dws', 'aws', 'gos'] as const)('a %s table keeps its rules', (algorithm) => {
  const [first, second, exchange] = sharing(NOTES, algorithm);
  if (algorithm !== 'gos') first.exec("DELETE FROM notes WHERE id = 'y'");
  alter(first, 'ALTER TABLE notes DROP COLUMN c');
  alter(second, 'ALTER TABLE notes DROP COLUMN c');
  first.exec("INSERT INTO notes VALUES('n', 'new', 4)");
  if (algorithm === 'dws') {
    expect(() => first.exec("INSERT INTO notes(id) VALUES('y')")).toThrow(/keeps deletions for ever/);
  } else if (algorithm === 'gos') {
    expect(() => first.exec("DELETE FROM notes WHERE id = 'x'")).toThrow(/grow-only/);
  }
  expect(expectAgreement(exchange, first, second)).toHaveLength(algorithm === 'gos' ? 4 : 3);
});
