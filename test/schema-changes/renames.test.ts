/**
 * RENAME COLUMN and RENAME TABLE are recognised without cloudsync_begin_alter: history stays, and what a
 * device with the old names does meanwhile arrives when both have the new ones.
 */
import { afterEach, expect, test } from 'vitest';
import {
  applyPayload,
  dumpTable,
  encodePayload,
  fullState,
  heldChanges,
  initTable,
  single,
} from '../support/database.js';
import { closeDevices, device, Exchange, expectAgreement, NOTES, opens, rowOf, sharing } from './devices.js';

afterEach(closeDevices);

/** All stamps of a table as texts, whatever its columns are called. */
function stamps(state: ReturnType<typeof fullState>): string[] {
  return state
    .flatMap(({ tables }) => tables.flatMap(({ rows }) => rows))
    .map((row) => JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)))
    .map((text) => text.replaceAll(/"(?:a|title)"/g, '"column"'))
    .sort();
}

test('a renamed column keeps its history', () => {
  const [first, second, exchange] = sharing();
  first.exec("UPDATE notes SET a = 'edited' WHERE id = 'y'");
  exchange.both();
  const before = stamps(fullState(first));
  first.exec('ALTER TABLE notes RENAME COLUMN a TO title');
  expect(stamps(fullState(first))).toEqual(before);
  second.exec('ALTER TABLE notes RENAME COLUMN a TO title');
  expect(expectAgreement(exchange, first, second)[1]).toBe("('y') title='edited' b=2 c='none'");
});

test('devices with the old and the new name exchange the rest, and everything once both have the new one', () => {
  const [first, second, exchange] = sharing();
  first.exec('ALTER TABLE notes RENAME COLUMN a TO title');
  first.exec(
    "UPDATE notes SET title = 'new name', b = 10 WHERE id = 'x'; INSERT INTO notes(id, title) VALUES('n', 'new row')",
  );
  second.exec("UPDATE notes SET b = 20 WHERE id = 'y'");
  exchange.both();
  expect(rowOf(first, 'y')).toBe("('y') title='ay' b=20 c='none'");
  expect(rowOf(second, 'x')).toBe("('x') a='ax' b=10 c='none'");
  expect(rowOf(second, 'n')).toBe("('n') a=NULL b=NULL c='none'");
  expect(heldChanges(second).length).toBeGreaterThan(0);
  expect(heldChanges(second)[0]?.reason).toContain('title');
  // An edit under the old name waits at the device with the new one, and comes again under the new name.
  second.exec("UPDATE notes SET a = 'old name' WHERE id = 'z'");
  exchange.both();
  expect(rowOf(first, 'z')).toBe("('z') title='az' b=3 c='none'");
  second.exec('ALTER TABLE notes RENAME COLUMN a TO title');
  exchange.both();
  expect(dumpTable(first, 'notes')).toEqual(dumpTable(second, 'notes'));
  expect(dumpTable(first, 'notes')).toEqual([
    "('n') title='new row' b=NULL c='none'",
    "('x') title='new name' b=10 c='none'",
    "('y') title='ay' b=20 c='none'",
    "('z') title='old name' b=3 c='none'",
  ]);
  expect(heldChanges(second)).toEqual([]);
});

test('names that are exchanged are followed, values stay with their history', () => {
  const [first, second, exchange] = sharing();
  const swap = `ALTER TABLE notes RENAME COLUMN a TO t; ALTER TABLE notes RENAME COLUMN c TO a;
                ALTER TABLE notes RENAME COLUMN t TO c`;
  first.exec("UPDATE notes SET a = 'was a' WHERE id = 'x'");
  first.exec(swap);
  second.exec(swap);
  expect(rowOf(first, 'x')).toBe("('x') c='was a' b=1 a='none'");
  expect(expectAgreement(exchange, first, second)[0]).toBe("('x') c='was a' b=1 a='none'");
});

test.each(['say "hi"', "it's", ')*2,VALUES(', 'ä ö', 'select', ' '])(
  'a column may be renamed to %j and back',
  (name) => {
    const [first, second, exchange] = sharing();
    const quoted = `"${name.replaceAll('"', '""')}"`;
    for (const db of [first, second]) {
      db.exec(`ALTER TABLE notes RENAME COLUMN a TO ${quoted}`);
      single(db, 'SELECT cloudsync_db_version()');
    }
    first.exec(
      `UPDATE notes SET ${quoted} = 'written' WHERE id = 'x'; UPDATE notes SET b = 7 WHERE id = 'y'`,
    );
    expectAgreement(exchange, first, second);
    for (const db of [first, second]) db.exec(`ALTER TABLE notes RENAME COLUMN ${quoted} TO a`);
    second.exec("UPDATE notes SET a = 'back' WHERE id = 'z'");
    expect(expectAgreement(exchange, first, second)).toEqual([
      "('x') a='written' b=1 c='none'",
      "('y') a='ay' b=7 c='none'",
      "('z') a='back' b=3 c='none'",
    ]);
  },
);

test('columns beyond the first mask are followed', () => {
  const columns = Array.from({ length: 70 }, (_, i) => `k${i}`);
  const schema = `CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b, c, ${columns.join(', ')})`;
  const [first, second, exchange] = sharing(schema);
  const rename = 'ALTER TABLE notes RENAME COLUMN k58 TO r58; ALTER TABLE notes RENAME COLUMN k59 TO r59';
  first.exec("UPDATE notes SET k58 = 1 WHERE id = 'x'");
  for (const db of [first, second]) db.exec(rename);
  second.exec("UPDATE notes SET r59 = 2 WHERE id = 'y'");
  expectAgreement(exchange, first, second);
  expect(single(second, "SELECT r58 FROM notes WHERE id = 'x'")).toBe(1n);
  expect(single(first, "SELECT r59 FROM notes WHERE id = 'y'")).toBe(2n);
});

test('a renamed key column is followed', () => {
  const [first, second, exchange] = sharing();
  first.exec('ALTER TABLE notes RENAME COLUMN id TO uuid');
  first.exec("UPDATE notes SET b = 5 WHERE uuid = 'x'; DELETE FROM notes WHERE uuid = 'y'");
  second.exec("UPDATE notes SET b = 6 WHERE id = 'z'");
  exchange.both();
  expect(heldChanges(second)[0]?.reason).toContain('another primary key');
  second.exec('ALTER TABLE notes RENAME COLUMN id TO uuid');
  exchange.both();
  expect(dumpTable(first, 'notes')).toEqual(["('x') a='ax' b=5 c='none'", "('z') a='az' b=6 c='none'"]);
  expect(dumpTable(second, 'notes')).toEqual(dumpTable(first, 'notes'));
});

test.each(['cls', 'dws', 'aws'] as const)(
  'a renamed table keeps its history and its rules (%s)',
  (algorithm) => {
    const [first, second, exchange] = sharing(NOTES, algorithm);
    first.exec("DELETE FROM notes WHERE id = 'y'");
    first.exec('ALTER TABLE notes RENAME TO "my notes"');
    first.exec(`UPDATE "my notes" SET a = 'edited' WHERE id = 'x'; INSERT INTO "my notes"(id) VALUES('n')`);
    if (algorithm === 'dws') {
      expect(() => first.exec(`INSERT INTO "my notes"(id) VALUES('y')`)).toThrow(/keeps deletions for ever/);
    }
    exchange.both();
    expect(rowOf(second, 'x')).toBe("('x') a='ax' b=1 c='none'");
    expect(heldChanges(second).map(({ tbl }) => tbl)).toContain('my notes');
    second.exec('UPDATE notes SET b = 4 WHERE id = \'z\'; ALTER TABLE notes RENAME TO "my notes"');
    exchange.both();
    const lines = [
      "('n') a=NULL b=NULL c='none'",
      "('x') a='edited' b=1 c='none'",
      "('z') a='az' b=4 c='none'",
    ];
    for (const db of [first, second]) expect(dumpTable(db, 'my notes')).toEqual(lines);
    expect(heldChanges(second)).toEqual([]);
    expect(single(first, "SELECT cloudsync_is_enabled('my notes'), cloudsync_is_enabled('notes')")).toBe(1n);
  },
);

test('what a renamed table or column held before reaches a device that knows only the new name', () => {
  const [first, second, exchange] = sharing();
  second.exec("UPDATE notes SET a = 'by second' WHERE id = 'y'");
  exchange.both();
  const since = single(first, 'SELECT cloudsync_db_version()') as bigint;
  first.exec('ALTER TABLE notes RENAME COLUMN a TO title; ALTER TABLE notes RENAME TO papers');
  const third = opens();
  third.exec(
    "CREATE TABLE papers(id TEXT PRIMARY KEY NOT NULL, title TEXT, b INTEGER, c TEXT DEFAULT 'none')",
  );
  initTable(third, 'papers');
  applyPayload(third, encodePayload(first, since));
  expect(dumpTable(third, 'papers')).toEqual(dumpTable(first, 'papers'));
  expect(dumpTable(third, 'papers')).toHaveLength(3);
});

test('two tracked tables may exchange their names, and one may take the name of one that was dropped', () => {
  const db = device();
  db.exec('CREATE TABLE others(id TEXT PRIMARY KEY NOT NULL, o)');
  initTable(db, 'others');
  db.exec("INSERT INTO notes(id) VALUES('x'); INSERT INTO others VALUES('o', 1)");
  db.exec(
    'ALTER TABLE notes RENAME TO t; ALTER TABLE others RENAME TO notes; ALTER TABLE t RENAME TO others',
  );
  const peer = opens();
  peer.exec(`${NOTES.replace('notes', 'others')}; CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, o)`);
  for (const table of ['notes', 'others']) initTable(peer, table);
  const exchange = new Exchange(db, peer);
  expect(expectAgreement(exchange, db, peer, 'notes')).toEqual(["('o') o=1"]);
  expect(dumpTable(peer, 'others')).toEqual(["('x') a=NULL b=NULL c='none'"]);
  db.exec("DROP TABLE notes; ALTER TABLE others RENAME TO notes; UPDATE notes SET b = 3 WHERE id = 'x'");
  peer.exec('DROP TABLE notes; ALTER TABLE others RENAME TO notes');
  expect(expectAgreement(exchange, db, peer)).toEqual(["('x') a=NULL b=3 c='none'"]);
});
