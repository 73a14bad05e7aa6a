/**
 * What enters cloudsync_conflicts, on which device, and what does not: a value that lost against a concurrent write
 * does; a value that somebody replaced knowingly does not.
 */
import { describe, expect, test } from 'vitest';
import { decodePayload } from '../packet/decode.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
} from '../support/database.js';
import { deliver } from '../support/exchange.js';
import { entries, lost, nextMillisecond, site, useDevices } from './devices.js';

const { devices, sharing } = useDevices();

describe('two devices', () => {
  test('a conflict is shown on both, with values, sites and times', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    const started = BigInt(Date.now());
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(ada, bob);
    deliver(bob, ada);
    for (const db of [ada, bob]) {
      const [entry, ...more] = entries(db);
      expect(more).toEqual([]);
      expect(entry).toMatchObject({ tbl: 't', col_name: 'a', winner: 'Bob', loser: 'Ada' });
      expect(entry).toMatchObject({ winner_site: site(bob), loser_site: site(ada) });
      expect(entry?.pk.toString('latin1')).toBe('\xa1x');
      expect(entry?.since).toBeGreaterThanOrEqual(started);
      // Local writes are dated to the millisecond.
      expect(entry?.loser_clock).toBeGreaterThanOrEqual((started - 1n) * 1000n);
      expect(entry?.winner_clock).toBeGreaterThan(entry?.loser_clock as bigint);
      expect(dumpTable(db, 't')).toEqual(["('x') a='Bob' b=1"]);
    }
    expect(dumpMetadata(ada)).toEqual(dumpMetadata(bob));
  });

  test('a value that the other device had seen is replaced, not lost', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    for (let i = 0; i < 3; i++) {
      ada.exec(`UPDATE t SET a = 'Ada ${i}'`);
      deliver(ada, bob);
      nextMillisecond();
      bob.exec(`UPDATE t SET a = 'Bob ${i}', b = ${i}`);
      deliver(bob, ada);
      nextMillisecond();
    }
    expect([lost(ada), lost(bob)]).toEqual([[], []]);
  });

  test('edits of different columns, and equal values, are no conflicts', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada', b = 'same'");
    bob.exec("UPDATE t SET b = 'same'");
    deliver(ada, bob);
    deliver(bob, ada);
    expect([lost(ada), lost(bob)]).toEqual([[], []]);
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Ada' b='same'"]);
  });

  test('a packet that comes again makes no second entry, also when the winner goes on writing', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    const payload = encodePayload(ada);
    for (let i = 0; i < 3; i++) {
      applyPayload(bob, payload);
      deliver(bob, ada);
      const bytes = bob.serialize();
      applyPayload(bob, payload);
      expect(bob.serialize().equals(bytes), 'nothing changes in the file').toBe(true);
      bob.exec(`UPDATE t SET a = 'Bob ${i}'`);
    }
    expect([lost(bob), lost(ada)]).toEqual([['a: Ada < Bob'], ['a: Ada < Bob']]);
  });

  test('of several writes on one device the last one counts, and the first says what was seen', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    bob.exec("UPDATE t SET a = 'Bob 1'");
    arrivalNumber(bob);
    nextMillisecond();
    ada.exec("UPDATE t SET a = 'Ada'");
    deliver(ada, bob);
    expect(dumpTable(bob, 't')).toEqual(["('x') a='Ada' b=1"]);
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob 2'");
    bob.exec("UPDATE t SET a = 'Bob 3'");
    deliver(bob, ada);
    expect([lost(bob), lost(ada)]).toEqual([['a: Bob 1 < Ada'], []]);
  });

  test('both insert the same key', () => {
    const [ada, bob] = devices(2) as [Connection, Connection];
    ada.exec("INSERT INTO t VALUES('x', 'Ada', NULL)");
    nextMillisecond();
    bob.exec("INSERT INTO t VALUES('x', 'Bob', x'00')");
    deliver(ada, bob);
    deliver(bob, ada);
    for (const db of [ada, bob]) {
      const kept = entries(db).map(({ col_name, winner, loser }) => [col_name, winner, loser]);
      expect(kept).toEqual([
        ['a', 'Bob', 'Ada'],
        ['b', Buffer.from([0]), null],
      ]);
    }
  });

  test('REPLACE over a row that others edit', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    ada.exec("UPDATE t SET b = 'Ada'");
    nextMillisecond();
    bob.exec("INSERT OR REPLACE INTO t VALUES('x', 'Bob', 'Bob')");
    deliver(ada, bob);
    deliver(bob, ada);
    expect([lost(bob), lost(ada)]).toEqual([['b: Ada < Bob'], ['b: Ada < Bob']]);
  });

  test('another generation of the row: nothing of it is compared', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    bob.exec("DELETE FROM t; INSERT INTO t VALUES('x', 'new', 'row')");
    deliver(ada, bob);
    deliver(bob, ada);
    expect([lost(bob), lost(ada)]).toEqual([[], []]);
    expect(dumpTable(ada, 't')).toEqual(["('x') a='new' b='row'"]);
  });
});

describe('aws', () => {
  test('an edit that revives a row, and one that it meets', () => {
    const [ada, bob] = sharing(2, { algorithm: 'aws' }) as [Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(ada, bob);
    deliver(bob, ada);
    expect([lost(bob), lost(ada)]).toEqual([['a: Ada < Bob'], ['a: Ada < Bob']]);
  });

  test('what a deletion had seen is given up, not lost', () => {
    const [ada, bob, carl] = sharing(3, { algorithm: 'aws' }) as [Connection, Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    const old = encodePayload(ada);
    deliver(ada, bob);
    bob.exec('DELETE FROM t');
    deliver(bob, carl);
    nextMillisecond();
    carl.exec("INSERT INTO t VALUES('x', 'Carl', 2)");
    applyPayload(carl, old);
    deliver(carl, ada);
    expect([lost(carl), lost(ada)]).toEqual([[], []]);
    expect(dumpTable(carl, 't')).toEqual(["('x') a='Carl' b=2"]);
  });
});

describe('three devices', () => {
  test('the newer of two values hides an older one that its author had not seen', () => {
    const [ada, bob, carl] = sharing(3) as [Connection, Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(bob, carl);
    nextMillisecond();
    carl.exec("UPDATE t SET a = 'Carl'");
    // Ada never gets Bob's value, which beat hers; she gets Carl's, which took its place.
    deliver(carl, ada);
    expect(lost(ada)).toEqual(['a: Ada < Carl']);
    expect(lost(carl)).toEqual([]);
  });

  test('a value that was handed on and then replaced is no conflict for its author', () => {
    const [ada, bob, carl] = sharing(3) as [Connection, Connection, Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    deliver(ada, bob);
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(bob, carl);
    nextMillisecond();
    carl.exec("UPDATE t SET a = 'Carl'");
    deliver(carl, ada);
    deliver(ada, carl);
    expect([ada, bob, carl].map(lost)).toEqual([[], [], []]);
  });

  test('a device that keeps nothing hands on what the others need', () => {
    const [ada, bob] = sharing(2) as [Connection, Connection];
    const [relay] = devices(1, { keeps: false }) as [Connection];
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(bob, relay);
    deliver(relay, ada);
    expect(lost(ada)).toEqual(['a: Ada < Bob']);
    expect(() => entries(relay)).toThrow('no such table: cloudsync_conflicts');
  });

  test('of a writer that keeps nothing it is unknown what it had seen: nothing is kept', () => {
    const [ada] = sharing(1) as [Connection];
    const [bob] = devices(1, { keeps: false }) as [Connection];
    deliver(ada, bob);
    ada.exec("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.exec("UPDATE t SET a = 'Bob'");
    deliver(bob, ada);
    expect(dumpTable(ada, 't')).toEqual(["('x') a='Bob' b=1"]);
    expect(lost(ada)).toEqual([]);
    // But what Ada writes over it is known again.
    nextMillisecond();
    ada.exec("UPDATE t SET a = 'Ada again'");
    bob.exec("UPDATE t SET a = 'Bob, too early'");
    arrivalNumber(bob);
    nextMillisecond();
    ada.exec("UPDATE t SET a = 'Ada, last'");
    deliver(bob, ada);
    expect(lost(ada)).toEqual(['a: Bob, too early < Ada, last']);
  });

  test('more sites than a base lists: what lies too far back is not kept, the rest is', () => {
    const [offline, ...others] = sharing(20) as [Connection, ...Connection[]];
    const [recent, last] = [others[5], others[18]] as [Connection, Connection];
    offline.exec("UPDATE t SET a = 'offline'");
    for (const [i, db] of others.entries()) {
      if (i > 0) deliver(others[i - 1] as Connection, db);
      nextMillisecond();
      db.exec(`UPDATE t SET a = 'a${i}'`);
    }
    deliver(last, offline);
    expect(dumpTable(offline, 't')).toEqual(["('x') a='a18' b=1"]);
    expect(lost(offline)).toEqual([]);
    nextMillisecond();
    recent.exec("UPDATE t SET a = 'recent'");
    arrivalNumber(recent);
    nextMillisecond();
    last.exec("UPDATE t SET a = 'last'");
    deliver(last, recent);
    expect(lost(recent)).toEqual(['a: recent < last']);
  });
});

test('a payload of many packets carries the bases of all rows', () => {
  const [ada, bob] = sharing(2) as [Connection, Connection];
  const rows = 1500;
  ada.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO t SELECT 'row ' || i, hex(randomblob(300)), i FROM n`);
  deliver(ada, bob);
  nextMillisecond();
  const before = arrivalNumber(bob);
  bob.exec("UPDATE t SET a = hex(randomblob(300)) WHERE id <> 'x'");
  const packets = decodePayload(encodePayload(bob, before));
  expect(packets.length).toBeGreaterThan(3);
  const bases = packets.flatMap(({ tables }) =>
    tables.flatMap((table) => table.rows.map((row) => row.bases?.get('a'))),
  );
  expect(bases.length).toBe(rows);
  for (const base of bases) {
    expect(base).toMatchObject({ floor: 0n, stamps: [{ site: site(ada) }] });
  }
});
