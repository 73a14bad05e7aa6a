/**
 * cloudsync_restore, the bounds of the log, and what becomes of it in renames, logout and hostile hands.
 */
import { describe, expect, test } from 'vitest';
import { arrivalNumber, type Connection, dumpTable, openDatabase, single } from '../support/database.js';
import { deliver, exchangeAll } from '../support/exchange.js';
import { type DeviceOptions, entries, keep, lost, nextMillisecond, useDevices } from './devices.js';

const { opened, devices } = useDevices();

/** Two devices; on the second one the value 'Ada' of column a of row 'x' has lost against 'Bob'. */
function inConflict(options: DeviceOptions = {}): [Connection, Connection] {
  const pair = devices(2, options) as [Connection, Connection];
  conflict(pair, 'x');
  return pair;
}

function conflict([ada, bob]: [Connection, Connection], key: string): void {
  const before = arrivalNumber(ada);
  ada.prepare("INSERT INTO t VALUES(?, 'Ada', 1)").run(key);
  nextMillisecond();
  bob.prepare("INSERT INTO t VALUES(?, 'Bob', 1)").run(key);
  deliver(ada, bob, before);
}

function restore(db: Connection, id: unknown = entries(db)[0]?.id): unknown {
  return single(db, 'SELECT cloudsync_restore(?)', id);
}

function refused(db: Connection, id: unknown, message: RegExp): void {
  const before = [entries(db), dumpTable(db, 't')];
  expect(() => restore(db, id)).toThrow(message);
  expect(db.inTransaction).toBe(false);
  expect([entries(db), dumpTable(db, 't')]).toEqual(before);
}

describe('restore', () => {
  test('writes the value back as a new edit, which reaches everybody, and removes the entry', () => {
    const [ada, bob] = inConflict();
    const [entry] = entries(bob);
    expect(restore(bob, entry?.id)).toBe(1n);
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Ada' b=1"]);
    expect(entries(bob)).toEqual([]);
    exchangeAll([ada, bob]);
    expect(dumpTable(ada, 't')).toEqual(dumpTable(bob, 't'));
    // Whoever gets it replaces the winner knowingly: no further conflict comes of it.
    expect([lost(ada), lost(bob)]).toEqual([[], []]);
    refused(bob, entry?.id, /cloudsync_conflicts has no entry 1; it may have been restored already/);
  });

  test('in a transaction of the application it can be taken back', () => {
    const [, bob] = inConflict();
    bob.exec('BEGIN');
    restore(bob);
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Ada' b=1"]);
    bob.exec('ROLLBACK');
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Bob' b=1"]);
    expect(restore(bob)).toBe(1n);
  });

  test('every kind of value comes back as it was', () => {
    const [ada, bob] = inConflict();
    const values = [
      "'text'",
      "CAST(x'ff00' AS TEXT)",
      "x''",
      'NULL',
      '-9223372036854775808',
      '-0.0',
      '9e999',
    ];
    for (const [i, value] of values.entries()) {
      ada.exec(`INSERT INTO t VALUES('k${i}', ${value}, 1)`);
      bob.exec(`INSERT INTO t VALUES('k${i}', 'other', 1)`);
    }
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(ada, bob);
    for (const { id } of entries(bob)) restore(bob, id);
    expect(dumpTable(bob, 't')).toEqual(dumpTable(ada, 't'));
  });

  test('the entry of a row that is gone stays until the row is there again', () => {
    const [ada, bob] = inConflict();
    bob.exec('DELETE FROM t');
    refused(bob, 1n, /conflict 1 cannot be restored: table 't' does not have the row any more; insert it/);
    deliver(bob, ada);
    bob.exec("INSERT INTO t(id) VALUES('x')");
    expect(restore(bob)).toBe(1n);
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Ada' b=NULL"]);
  });

  test('follows renames of table and column', () => {
    const [ada, bob] = inConflict();
    for (const db of [ada, bob]) db.exec('ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN a TO title');
    expect(restore(bob)).toBe(1n);
    expect(dumpTable(bob, 'u')).toEqual(["('x') title='Ada' b=1"]);
  });

  test('a column that was dropped, a key that was changed, a table that is gone', () => {
    const [, bob] = inConflict();
    const altered = openDatabase({ source: bob.serialize() });
    opened.push(altered);
    altered.exec("BEGIN; SELECT cloudsync_begin_alter('t')");
    expect(() => restore(altered)).toThrow(/table 't' is being altered: call cloudsync_commit_alter first/);
    altered.exec("ALTER TABLE t DROP COLUMN a; SELECT cloudsync_commit_alter('t'); COMMIT");
    refused(altered, 1n, /table 't' does not have the column any more/);
    const rekeyed = openDatabase({ source: bob.serialize() });
    opened.push(rekeyed);
    rekeyed.exec(`BEGIN; SELECT cloudsync_begin_alter('t'); ALTER TABLE t RENAME TO old;
      CREATE TABLE t(n TEXT NOT NULL, id TEXT NOT NULL, a, b, PRIMARY KEY(n, id));
      INSERT INTO t SELECT 'n', * FROM old; DROP TABLE old; SELECT cloudsync_commit_alter('t'); COMMIT`);
    refused(rekeyed, 1n, /table 't' has another primary key now/);
    const gone = openDatabase({ source: bob.serialize() });
    opened.push(gone);
    gone.exec('ALTER TABLE t RENAME TO u; DROP TABLE u');
    expect(() => restore(gone)).toThrow(/table 't' is not synchronised any more/);
  });

  test('the table refuses the value: SQLite says why, and the entry stays', () => {
    const schema = "CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a CHECK(a <> 'Ada' OR b < 5), b)";
    const [, bob] = inConflict({ schema });
    bob.exec('UPDATE t SET b = 5');
    refused(bob, 1n, /restoring a value: CHECK constraint failed/);
    const grow = inConflict({ algorithm: 'gos' })[1];
    refused(grow, 1n, /cloudsync: .*(grow|never updated|only inserted|UPDATE)/i);
  });

  test('entries that somebody has made up', () => {
    const [, bob] = inConflict();
    const columns = 'table_id, tbl, pk, column_id, col_name, winner_site, winner_clock, loser_site';
    const made = (table: string, pk: string, column: string) =>
      bob.exec(`INSERT INTO cloudsync_conflicts(${columns}, loser_clock, since)
        SELECT ${table}, tbl, ${pk}, ${column}, col_name, winner_site, 1, loser_site, max(loser_clock) + 1, since
        FROM cloudsync_conflicts`);
    made('99', 'pk', '0');
    made('1', "x''", '0');
    made('1', "x'c1'", '0');
    made('1', "x'd9ff61'", '0');
    made('1', "x'a178a178'", '0');
    made('1', 'pk', '99');
    made('1', 'pk', '-1');
    refused(bob, 2n, /not synchronised any more/);
    for (const id of [3n, 4n, 5n, 6n]) refused(bob, id, /has another primary key now/);
    for (const id of [7n, 8n]) refused(bob, id, /does not have the column/);
    expect(restore(bob, 1n)).toBe(1n);
  });

  test('triggers of the application run as for every edit', () => {
    const [, bob] = inConflict();
    bob.exec(`CREATE TABLE audit(a, merging);
      CREATE TRIGGER seen AFTER UPDATE ON t BEGIN
        INSERT INTO audit VALUES(NEW.a, cloudsync_is_sync());
      END`);
    restore(bob);
    expect(bob.prepare('SELECT * FROM audit').raw().all()).toEqual([['Ada', 0n]]);
  });
});

describe('bounds', () => {
  test('the oldest entries go when there are too many', () => {
    const pair = inConflict();
    const [, bob] = pair;
    expect(single(bob, "SELECT cloudsync_set('conflicts.max_rows', 3)")).toBe(1n);
    for (const key of ['p', 'q', 'r', 's']) conflict(pair, key);
    expect(entries(bob).map(({ id }) => id)).toEqual([3n, 4n, 5n]);
    single(bob, "SELECT cloudsync_set('conflicts.max_rows', 1)");
    expect(entries(bob).map(({ id }) => id)).toEqual([5n]);
    // A number is never used again, so that nobody restores another entry than the one seen.
    restore(bob, 5n);
    conflict(pair, 'y');
    expect(entries(bob).map(({ id }) => id)).toEqual([6n]);
  });

  test('entries go when they are too old', () => {
    const pair = inConflict();
    const [ada, bob] = pair;
    const ago = (days: number) => Date.now() - days * 86_400_000;
    const age = (days: number) =>
      bob.exec(`UPDATE cloudsync_conflicts SET since = ${ago(days)} WHERE id = 1`);
    age(29);
    deliver(ada, bob, arrivalNumber(ada) - 1n);
    expect(entries(bob).length).toBe(1);
    age(31);
    conflict(pair, 'y');
    expect(entries(bob).map(({ id }) => id)).toEqual([2n]);
    single(bob, "SELECT cloudsync_set('conflicts.max_days', 1)");
    bob.exec(`UPDATE cloudsync_conflicts SET since = ${ago(2)}`);
    single(bob, "SELECT cloudsync_set('conflicts.max_days', '1')");
    expect(entries(bob)).toEqual([]);
  });

  test('a logout takes the log away', () => {
    const [, bob] = inConflict();
    single(bob, "SELECT cloudsync_network_init('http://127.0.0.1:9/db')");
    single(bob, 'SELECT cloudsync_network_logout(1)');
    expect(entries(bob)).toEqual([]);
  });

  test('a table of conflicts that somebody has dropped is made again', () => {
    const pair = inConflict();
    const [, bob] = pair;
    bob.exec('DROP TABLE cloudsync_conflicts');
    conflict(pair, 'y');
    expect(lost(bob)).toEqual(['a: Ada < Bob']);
    bob.exec('DROP TABLE cloudsync_conflicts');
    expect(() => restore(bob, 1n)).toThrow(/has no entry 1/);
    keep(bob);
    expect(entries(bob)).toEqual([]);
  });
});
