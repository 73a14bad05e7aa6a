/**
 * Equal stamps: a database file that was copied has the same site in both copies, so two different edits can
 * carry one stamp. Then the larger value must win, on every replica and in every order (invariants 3 and 9).
 */
import { afterEach, describe, expect, test } from 'vitest';
import { encodePacket } from '../packet/encode.js';
import { ALGORITHMS, type Algorithm } from '../packet/packet.js';
import { row, SITES } from '../packet/samples.js';
import { blob, compareValues, integer, literal, NULL, real, text, type Value } from '../packet/value.js';
import {
  applyPayload,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  fullState,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

/** From the smallest to the largest. */
const ASCENDING: Value[] = [
  NULL,
  integer(-(2n ** 63n)),
  integer(-1),
  integer(0),
  integer(2n ** 63n - 1n),
  real(-Infinity),
  real(-1.5),
  real(-0),
  real(0),
  real(5e-324),
  real(Infinity),
  text(''),
  text('a'),
  text('a\0'),
  text('a\0b'),
  text('b'),
  text(Buffer.from('ff', 'hex')),
  blob(''),
  blob('00'),
  blob('0000'),
  blob('01'),
];

const CREATE = 'CREATE TABLE items(id TEXT NOT NULL PRIMARY KEY, value, other)';

const opened: Connection[] = [];

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

function keep(db: Connection): Connection {
  opened.push(db);
  return db;
}

function database(algorithm: Algorithm): Connection {
  const db = keep(openDatabase());
  db.exec(CREATE);
  initTable(db, 'items', algorithm);
  return db;
}

/**
 * Two copies of one database whose clock is ahead of the wall time, so that the next stamp of both is the
 * same.
 */
function twins(algorithm: Algorithm): [Connection, Connection] {
  const original = database(algorithm);
  const ahead = BigInt(Date.now() + 12 * 3_600_000) * 1000n;
  const lift = row([text('lift')], { clock: ahead, site: SITES[2] }, { value: NULL, other: NULL });
  const table = { name: 'items', algorithm, keyColumns: ['id'], columns: ['value', 'other'], rows: [lift] };
  applyPayload(original, encodePacket({ site: SITES[2], since: 0n, upto: 0n, tables: [table] }));
  const copy = keep(openDatabase({ source: original.serialize() }));
  expect(single(copy, 'SELECT cloudsync_siteid()')).toBe(single(original, 'SELECT cloudsync_siteid()'));
  return [original, copy];
}

function stampOf(db: Connection, key: string): unknown {
  const rows = fullState(db).flatMap(({ tables }) => tables.flatMap((table) => table.rows));
  return rows.find((each) => literal(each.key[0] as Value) === literal(text(key)))?.stamp;
}

describe.each(ALGORITHMS)('equal stamps under %s', (algorithm) => {
  test('the larger value wins, whoever receives', () => {
    for (let i = 1; i < ASCENDING.length; i++) {
      const [smaller, larger] = [ASCENDING[i - 1] as Value, ASCENDING[i] as Value];
      expect(compareValues(smaller, larger)).toBeLessThan(0);
      const [left, right] = twins(algorithm);
      left.exec(`INSERT INTO items VALUES('k', ${literal(smaller)}, 'same')`);
      right.exec(`INSERT INTO items VALUES('k', ${literal(larger)}, 'same')`);
      expect(stampOf(left, 'k')).toEqual(stampOf(right, 'k'));
      const third = database(algorithm);
      const fourth = database(algorithm);
      for (const [db, order] of [
        [third, [left, right]],
        [fourth, [right, left]],
      ] as const) {
        for (const from of order) applyPayload(db, encodePayload(from));
      }
      exchangeAll([left, right]);
      for (const db of [left, right, third, fourth]) {
        expect(dumpTable(db, 'items')).toContain(`('k') value=${literal(larger)} other='same'`);
        expect(dumpMetadata(db)).toEqual(dumpMetadata(left));
      }
    }
  });
});

test.each(['cls', 'dws', 'aws'] as const)(
  '%s: copies that update, delete and insert become equal',
  (algorithm) => {
    const [left, right] = twins(algorithm);
    for (const db of [left, right]) db.exec("INSERT INTO items VALUES('a', 1, 1), ('b', 1, 1), ('c', 1, 1)");
    left.exec(
      "UPDATE items SET value = 2 WHERE id = 'a'; DELETE FROM items WHERE id = 'b'; DELETE FROM items",
    );
    right.exec(
      "UPDATE items SET value = 3; DELETE FROM items WHERE id = 'c'; INSERT INTO items VALUES('d', 4, 4)",
    );
    const third = database(algorithm);
    exchangeAll([left, right, third]);
    for (const db of [right, third]) {
      expect(dumpTable(db, 'items')).toEqual(dumpTable(left, 'items'));
      expect(dumpMetadata(db)).toEqual(dumpMetadata(left));
    }
  },
);
