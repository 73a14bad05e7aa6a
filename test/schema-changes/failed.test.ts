/**
 * A change that fails, is abandoned or goes wrong leaves a working tracked table; a table that was dropped or
 * rebuilt without cloudsync_begin_alter harms nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  applyPayload,
  dumpTable,
  encodePayload,
  heldChanges,
  initTable,
  single,
} from '../support/database.js';
import {
  alter,
  closeDevices,
  device,
  Exchange,
  expectAgreement,
  leftovers,
  NOTES,
  opens,
  sharing,
} from './devices.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cloudsync-alter-'));
});

afterEach(() => {
  closeDevices();
  rmSync(directory, { recursive: true });
});

test('a change that is rolled back leaves everything as it was', () => {
  const [first, second, exchange] = sharing();
  first.exec('BEGIN');
  single(first, "SELECT cloudsync_begin_alter('notes')");
  first.exec("ALTER TABLE notes DROP COLUMN c; UPDATE notes SET a = 'lost'; ROLLBACK");
  first.exec("UPDATE notes SET a = 'kept' WHERE id = 'x'");
  expect(expectAgreement(exchange, first, second)[0]).toBe("('x') a='kept' b=1 c='none'");
  expect(leftovers(first)).toEqual([]);
});

test.each(['', 'ALTER TABLE notes DROP COLUMN c'])(
  'a change that nobody commits is over with the next call, also after reopening (%s)',
  (change) => {
    const file = join(directory, 'abandoned.db');
    const db = device(NOTES, 'cls', file);
    const peer = device();
    const exchange = new Exchange(db, peer);
    db.exec("INSERT INTO notes(id, a) VALUES('x', 'ax'), ('y', 'ay'), ('z', 'az')");
    exchange.both();
    single(db, "SELECT cloudsync_begin_alter('notes')");
    db.exec(change);
    db.exec(
      "UPDATE notes SET b = 7 WHERE id = 'x'; DELETE FROM notes WHERE id = 'y'; INSERT INTO notes(id) VALUES('n')",
    );
    db.close();
    const again = opens(file);
    again.exec("UPDATE notes SET b = 8 WHERE id = 'z'");
    const next = new Exchange(again, peer);
    next.both();
    expect(leftovers(again)).toEqual([]);
    const rows = peer.prepare('SELECT id, a, b FROM notes ORDER BY id').raw().all();
    expect(rows).toEqual([
      ['n', null, null],
      ['x', 'ax', 7n],
      ['z', 'az', 8n],
    ]);
    again.exec("UPDATE notes SET a = 'captured' WHERE id = 'z'");
    next.both();
    expect(single(peer, "SELECT a FROM notes WHERE id = 'z'")).toBe('captured');
    expect(single(again, "SELECT cloudsync_commit_alter('notes')")).toBe(1n);
  },
);

test('what was not sent before the change is sent after it, also to a reader who came by meanwhile', () => {
  const [first, second, exchange] = sharing();
  first.exec("CREATE TABLE others(id TEXT PRIMARY KEY NOT NULL); INSERT INTO others VALUES('o')");
  initTable(first, 'others');
  first.exec("UPDATE notes SET b = 70 WHERE id = 'x'; BEGIN");
  single(first, "SELECT cloudsync_begin_alter('notes')");
  exchange.both();
  expect(single(second, "SELECT b FROM notes WHERE id = 'x'")).toBe(1n);
  second.exec("UPDATE notes SET a = 'meanwhile' WHERE id = 'y'");
  exchange.both();
  expect(heldChanges(first)[0]?.reason).toContain('is being altered');
  first.exec('ALTER TABLE notes DROP COLUMN c');
  single(first, "SELECT cloudsync_commit_alter('notes')");
  first.exec('COMMIT');
  exchange.both();
  expect(single(second, "SELECT b FROM notes WHERE id = 'x'")).toBe(70n);
  expect(dumpTable(first, 'notes')[1]).toBe("('y') a='meanwhile' b=2");
  expect(heldChanges(first)).toEqual([]);
});

test('a rebuilt table that cannot be synchronised is refused with the reason and stops nothing else', () => {
  const [first, second, exchange] = sharing();
  for (const db of [first, second]) {
    db.exec('CREATE TABLE others(id TEXT PRIMARY KEY NOT NULL, o)');
    initTable(db, 'others');
  }
  single(first, "SELECT cloudsync_begin_alter('notes')");
  first.exec(`CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, a TEXT, b INTEGER, c TEXT);
    INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`);
  expect(() => single(first, "SELECT cloudsync_commit_alter('notes')")).toThrow(
    /another collation than BINARY/,
  );
  first.exec("INSERT INTO others VALUES('o', 1); UPDATE notes SET b = 44 WHERE id = 'x'");
  exchange.both();
  expect(dumpTable(second, 'others')).toEqual(["('o') o=1"]);
  first.exec(`CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER, c TEXT DEFAULT 'none');
    INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`);
  single(first, "SELECT cloudsync_commit_alter('notes')");
  expect(expectAgreement(exchange, first, second)[0]).toBe("('x') a='ax' b=44 c='none'");
});

test('cleanup is a way out of a change', () => {
  const [first] = sharing();
  single(first, "SELECT cloudsync_begin_alter('notes')");
  first.exec('DROP TABLE notes');
  expect(() => single(first, "SELECT cloudsync_commit_alter('notes')")).toThrow(
    /there is no table 'notes' with a PRIMARY KEY any more; rename .* or call cloudsync_cleanup\('notes'\)/,
  );
  single(first, "SELECT cloudsync_cleanup('notes')");
  expect(leftovers(first)).toEqual([]);
  expect(single(first, "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'notes*'")).toBe(0n);
});

test('wrong calls say what is wrong', () => {
  const [first] = sharing();
  first.exec('CREATE TABLE plain(id TEXT PRIMARY KEY NOT NULL)');
  for (const name of ['cloudsync_begin_alter', 'cloudsync_commit_alter']) {
    expect(() => single(first, `SELECT ${name}('plain')`)).toThrow(
      /'plain' is not synchronised: call cloudsync_init/,
    );
    expect(() => single(first, `SELECT ${name}(NULL)`)).toThrow(/the table must be a text/);
  }
  expect(() => single(opens(), "SELECT cloudsync_begin_alter('t')")).toThrow(/no table is synchronised/);
  expect(() => first.exec('ALTER TABLE notes DROP COLUMN c')).toThrow(
    /error in trigger notes_cloudsync_update/,
  );
});

test('DROP TABLE without cleanup harms nothing else; created again and initialised it is synchronised', () => {
  const [first, second, exchange] = sharing();
  for (const db of [first, second]) {
    db.exec('CREATE TABLE others(id TEXT PRIMARY KEY NOT NULL, o)');
    initTable(db, 'others');
  }
  first.exec("DROP TABLE notes; INSERT INTO others VALUES('o', 1)");
  second.exec("UPDATE notes SET b = 11 WHERE id = 'x'");
  exchange.both();
  expect(dumpTable(second, 'others')).toEqual(["('o') o=1"]);
  expect(dumpTable(second, 'notes')).toHaveLength(3);
  expect(heldChanges(first).map(({ tbl }) => tbl)).toEqual(['notes']);
  first.exec(NOTES);
  initTable(first, 'notes');
  expect(heldChanges(first)).toEqual([]);
  first.exec("INSERT INTO notes(id, a) VALUES('n', 'after'); UPDATE notes SET a = 'again' WHERE id = 'x'");
  exchange.both();
  expect(dumpTable(second, 'notes')).toEqual([
    "('n') a='after' b=NULL c='none'",
    "('x') a='again' b=11 c='none'",
    "('y') a='ay' b=2 c='none'",
    "('z') a='az' b=3 c='none'",
  ]);
  // What went with the table was not deleted: a full exchange brings it back.
  applyPayload(first, encodePayload(second));
  expect(dumpTable(first, 'notes')).toEqual(dumpTable(second, 'notes'));
});

test('a table rebuilt without cloudsync_begin_alter is taken up again at the next call', () => {
  const [first, second, exchange] = sharing();
  first.exec("UPDATE notes SET b = 30 WHERE id = 'z'; DELETE FROM notes WHERE id = 'y'");
  first.exec(`CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER, d TEXT);
    INSERT INTO n SELECT id, a, b, NULL FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`);
  first.exec("INSERT INTO notes(id, a) VALUES('n', 'behind')");
  exchange.both();
  first.exec("UPDATE notes SET a = 'captured' WHERE id = 'x'");
  exchange.both();
  expect(second.prepare('SELECT id, a, b FROM notes ORDER BY id').raw().all()).toEqual([
    ['n', 'behind', null],
    ['x', 'captured', 1n],
    ['z', 'az', 30n],
  ]);
});

test('another connection, open all the time, sees the change and goes on', () => {
  const file = join(directory, 'shared.db');
  const db = device(NOTES, 'cls', file);
  const other = opens(file);
  const peer = device();
  db.exec("INSERT INTO notes(id, a) VALUES('x', 'ax')");
  const update = other.prepare("UPDATE notes SET a = 'other' WHERE id = 'x'");
  alter(db, 'ALTER TABLE notes DROP COLUMN b');
  update.run();
  db.exec('ALTER TABLE notes RENAME COLUMN c TO remark');
  other.exec("UPDATE notes SET remark = 'seen' WHERE id = 'x'");
  applyPayload(peer, encodePayload(other));
  peer.exec('ALTER TABLE notes RENAME COLUMN c TO remark');
  single(peer, 'SELECT cloudsync_db_version()');
  expect(dumpTable(peer, 'notes')).toEqual(["('x') a='other' b=NULL remark='seen'"]);
});
