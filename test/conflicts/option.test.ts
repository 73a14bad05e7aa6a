/**
 * cloudsync_set_table(table, 'conflicts', ...): what it costs, when it begins and ends; and the log together with the
 * rest of the merge: refused rows, new columns, paused tables.
 */
import { describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  openDatabase,
  single,
} from '../support/database.js';
import { deliver } from '../support/exchange.js';
import { entries, keep, lost, newDevice, nextMillisecond, SCHEMA, useDevices } from './devices.js';

const { opened, sharing } = useDevices();

const PARENTS = `${SCHEMA};
  CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL, parent TEXT NOT NULL REFERENCES t(id))`;

describe('the option', () => {
  test('a table without it pays nothing: no table, no bytes in clocks and packets', () => {
    const db = newDevice({ keeps: false });
    opened.push(db);
    db.exec("INSERT INTO t VALUES('x', 1, 2)");
    db.exec('UPDATE t SET a = 3, b = 4');
    const payload = encodePayload(db);
    expect(single(db, 'SELECT count(*) FROM t_cloudsync WHERE cols IS NOT NULL')).toBe(0n);
    expect(single(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'cloudsync_conflicts'")).toBe(0n);
    const kept = newDevice();
    opened.push(kept);
    kept.exec("INSERT INTO t VALUES('x', 1, 2)");
    kept.exec('UPDATE t SET a = 3, b = 4');
    expect(encodePayload(kept).length).toBeGreaterThan(payload.length);
  });

  test("'off' ends it: entries stay, nothing new is kept, and writes are told apart no longer", () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    const conflict = (value: string) => {
      ada.exec(`UPDATE t SET a = 'Ada ${value}'`);
      arrivalNumber(ada);
      nextMillisecond();
      bob.exec(`UPDATE t SET a = 'Bob ${value}'`);
      deliver(bob, ada);
      deliver(ada, bob);
      nextMillisecond();
    };
    conflict('1');
    expect(single(ada, "SELECT cloudsync_set_table('t', 'conflicts', 'off')")).toBe(1n);
    conflict('2');
    expect(lost(ada)).toEqual(['a: Ada 1 < Bob 1']);
    keep(ada);
    conflict('3');
    expect(lost(ada)).toEqual(['a: Ada 1 < Bob 1', 'a: Ada 3 < Bob 3']);
  });

  test('it holds for every connection and after reopening', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    const again = openDatabase({ source: ada.serialize() });
    opened.push(again);
    again.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(again, bob);
    deliver(bob, again);
    expect(lost(again)).toEqual(['a: Ada < Bob']);
  });

  test('cleanup takes the entries of its table away, and no others', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    for (const db of [ada, bob]) {
      db.exec('CREATE TABLE u(id TEXT PRIMARY KEY NOT NULL, a)');
      single(db, "SELECT cloudsync_init('u')");
      keep(db, 'u');
    }
    ada.exec("UPDATE t SET a = 'Ada'; INSERT INTO u VALUES('y', 'Ada')");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'; INSERT INTO u VALUES('y', 'Bob')");
    deliver(bob, ada);
    expect(entries(ada).map(({ tbl }) => tbl)).toEqual(['t', 'u']);
    single(ada, "SELECT cloudsync_cleanup('t')");
    expect(entries(ada).map(({ tbl }) => tbl)).toEqual(['u']);
  });

  test('it is written down in a transaction with the merge: a rollback takes both back', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    arrivalNumber(ada);
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    const payload = encodePayload(bob);
    ada.exec('BEGIN');
    applyPayload(ada, payload);
    expect(lost(ada)).toEqual(['a: Ada < Bob']);
    ada.exec('ROLLBACK');
    expect(lost(ada)).toEqual([]);
    applyPayload(ada, payload);
    expect(lost(ada)).toEqual(['a: Ada < Bob']);
  });
});

describe('what the schema does', () => {
  test('an entry of a row that the table refused at first', () => {
    const schema = SCHEMA.replace('a,', 'a CHECK(a <> 13 OR b > 1),');
    const [ada, bob] = sharing(2, { schema }) as [Connection, Connection];
    ada.exec('UPDATE t SET a = 2');
    arrivalNumber(ada);
    nextMillisecond();
    bob.exec('UPDATE t SET b = 2');
    const before = arrivalNumber(bob);
    bob.exec('UPDATE t SET a = 13');
    deliver(bob, ada, before);
    expect(single(ada, 'SELECT count(*) FROM cloudsync_held')).toBe(1n);
    deliver(bob, ada);
    expect(dumpTable(ada, 't')).toEqual(["('x') a=13 b=2"]);
    expect(lost(ada)).toEqual(['a: 2 < 13']);
  });

  test('the value that lost is one of a held row', () => {
    const schema = SCHEMA.replace('b)', 'b CHECK(b < 10))');
    const [ada, bob] = sharing(2, { schema }) as [Connection, Connection];
    const free = newDevice();
    opened.push(free);
    ada.exec("UPDATE t SET a = 'Ada'");
    deliver(bob, free);
    free.exec('UPDATE t SET b = 99');
    deliver(free, ada);
    expect(dumpTable(ada, 't')).toEqual([]);
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(bob, ada);
    expect(lost(ada)).toEqual(['a: Ada < Bob']);
  });

  test('a deletion that references bring back takes nothing', () => {
    const [ada, bob] = [0, 1].map(() => newDevice({ schema: PARENTS })) as [Connection, Connection];
    opened.push(ada, bob);
    for (const db of [ada, bob]) {
      db.pragma('foreign_keys = 1');
      single(db, "SELECT cloudsync_init('child')");
    }
    ada.exec("INSERT INTO t VALUES('x', 1, 1)");
    deliver(ada, bob);
    nextMillisecond();
    ada.exec("UPDATE t SET a = 'Ada'; INSERT INTO child VALUES('c', 'x')");
    arrivalNumber(ada);
    nextMillisecond();
    bob.exec('DELETE FROM t');
    deliver(bob, ada);
    expect(dumpTable(ada, 't')).toEqual(["('x') a='Ada' b=1"]);
    expect(lost(ada)).toEqual([]);
    // Without the child the edit is lost, and kept.
    nextMillisecond();
    ada.exec("DELETE FROM child; UPDATE t SET a = 'Ada 2'");
    deliver(ada, bob);
    bob.exec('DELETE FROM t');
    arrivalNumber(bob);
    ada.exec("UPDATE t SET a = 'Ada 3'");
    deliver(bob, ada);
    expect(lost(ada)).toEqual(['a: Ada 3 < deleted']);
  });

  test('a column that came later', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    for (const db of [ada, bob]) {
      db.exec('ALTER TABLE t ADD COLUMN c DEFAULT 7');
      arrivalNumber(db);
    }
    ada.exec("UPDATE t SET c = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET c = 'Bob'");
    deliver(ada, bob);
    deliver(bob, ada);
    expect([lost(bob), lost(ada)]).toEqual([['c: Ada < Bob'], ['c: Ada < Bob']]);
  });

  test('a held value keeps what is known about it', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    for (const db of [ada, bob]) single(db, "SELECT cloudsync_disable('t')");
    ada.exec("UPDATE t SET a = 'Ada'");
    arrivalNumber(ada);
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    single(bob, "SELECT cloudsync_enable('t')");
    deliver(bob, ada);
    expect(lost(ada)).toEqual([]);
    single(ada, "SELECT cloudsync_enable('t')");
    expect(lost(ada)).toEqual(['a: Ada < Bob']);
  });
});
