/**
 * The lines of the hazards list about UNIQUE, and about CHECK, NOT NULL and RAISE, under merge: deterministic, equal
 * everywhere, the loser held and visible, back when it fits.
 */
import { afterEach, describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  encodePayload,
} from '../support/database.js';
import {
  at,
  closeAll,
  devices,
  everyOrder,
  exchange,
  expectAll,
  heldName,
  type Schema,
  send,
  singleRows,
} from './devices.js';

afterEach(closeAll);

const USERS: Schema = {
  sql: 'CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, phone TEXT UNIQUE)',
  tables: { users: 1 },
};

function heldReasons(db: Connection): string[] {
  return db.prepare('SELECT reason FROM cloudsync_held ORDER BY id').pluck().all() as string[];
}

describe('UNIQUE', () => {
  describe.each(['the older first', 'the newer first'])(
    'two sites insert rows with one e-mail, %s',
    (order) => {
      function meet(): [Connection, Connection] {
        const [a, b] = devices(2, USERS) as [Connection, Connection];
        at(a, 1, "INSERT INTO users VALUES('ann', 'x@x', NULL)");
        at(b, 2, "INSERT INTO users VALUES('bob', 'x@x', NULL)");
        const [first, second] = order === 'the older first' ? [a, b] : [b, a];
        send(first, second);
        send(second, first);
        return [a, b];
      }

      test('the older stays, the newer is held with its reason', () => {
        const both = meet();
        expectAll(both, USERS, {
          tables: { users: [['ann', 'x@x', null]] },
          held: [heldName('users', 'bob')],
        });
        for (const db of both)
          expect(heldReasons(db)).toEqual([expect.stringMatching(/UNIQUE.*users\.email/)]);
        exchange(both);
      });

      test('the newer returns when the older is deleted', () => {
        const both = meet();
        at(both[0], 3, "DELETE FROM users WHERE id = 'ann'");
        expectAll([both[0]], USERS, { tables: { users: [['bob', 'x@x', null]] } });
        exchange(both);
        expectAll(both, USERS, { tables: { users: [['bob', 'x@x', null]] } });
      });

      test('the newer returns when the older takes another value', () => {
        const both = meet();
        at(both[1], 3, "UPDATE users SET email = 'y@y' WHERE id = 'ann'");
        exchange(both);
        expectAll(both, USERS, {
          tables: {
            users: [
              ['ann', 'y@y', null],
              ['bob', 'x@x', null],
            ],
          },
        });
      });

      test('both live on when the holder inserts the held row with another value', () => {
        const both = meet();
        at(both[0], 3, "INSERT INTO users VALUES('bob', 'b@b', '1')");
        exchange(both);
        expectAll(both, USERS, {
          tables: {
            users: [
              ['ann', 'x@x', null],
              ['bob', 'b@b', '1'],
            ],
          },
        });
      });

      test('being held is no edit: the clocks are those of the writers', () => {
        const both = meet();
        exchange(both);
        const before = both.map(dumpMetadata);
        const versions = both.map(arrivalNumber);
        exchange(both);
        expect(both.map(dumpMetadata)).toEqual(before);
        expect(both.map(arrivalNumber)).toEqual(versions);
      });
    },
  );

  test('swap of two values through a temporary one, row by row in every order', () => {
    const [a] = devices(1, USERS) as [Connection];
    at(a, 1, "INSERT INTO users VALUES('ann', 'x', NULL), ('bob', 'y', NULL)");
    const before = encodePayload(a);
    at(a, 2, "UPDATE users SET email = 'temporary' WHERE id = 'ann'");
    at(a, 3, "UPDATE users SET email = 'x' WHERE id = 'bob'");
    at(a, 4, "UPDATE users SET email = 'y' WHERE id = 'ann'");
    const swapped = {
      tables: {
        users: [
          ['ann', 'y', null],
          ['bob', 'x', null],
        ],
      },
    };
    for (const order of [[encodePayload(a)], ...everyOrder(singleRows(a))]) {
      const [b] = devices(1, USERS) as [Connection];
      applyPayload(b, before);
      for (const packet of order) applyPayload(b, packet);
      expectAll([b], USERS, swapped);
      exchange([a, b]);
      expectAll([a, b], USERS, swapped);
    }
  });

  test('three claimants in every order of delivery', () => {
    const writers = devices(3, USERS);
    for (const [i, name] of ['ann', 'bob', 'eve'].entries())
      at(writers[i] as Connection, i, `INSERT INTO users VALUES('${name}', 'x', NULL)`);
    const payloads = writers.map((db) => encodePayload(db));
    const readers = everyOrder(payloads).map((order) => {
      const [db] = devices(1, USERS) as [Connection];
      for (const payload of order) applyPayload(db, payload);
      return db;
    });
    expectAll(readers, USERS, {
      tables: { users: [['ann', 'x', null]] },
      held: [heldName('users', 'bob'), heldName('users', 'eve')],
    });
    // The oldest goes: the next one takes its place, on every reader.
    at(writers[0] as Connection, 9, "DELETE FROM users WHERE id = 'ann'");
    for (const reader of readers) send(writers[0] as Connection, reader);
    expectAll(readers, USERS, {
      tables: { users: [['bob', 'x', null]] },
      held: [heldName('users', 'eve')],
    });
    exchange([...writers, ...readers]);
  });

  test('two unique keys that contradict, in every order of delivery', () => {
    const writers = devices(3, USERS);
    const inserts = ["('ann', 'x', '1')", "('bob', 'x', '2')", "('eve', 'z', '2')"];
    for (const [i, row] of inserts.entries())
      at(writers[i] as Connection, i, `INSERT INTO users VALUES${row}`);
    const payloads = writers.map((db) => encodePayload(db));
    for (const order of everyOrder(payloads)) {
      const [db] = devices(1, USERS) as [Connection];
      for (const payload of order) applyPayload(db, payload);
      // Bob lost against Ann, so he takes nothing away from Eve, who is newer.
      expectAll([db], USERS, {
        tables: {
          users: [
            ['ann', 'x', '1'],
            ['eve', 'z', '2'],
          ],
        },
        held: [heldName('users', 'bob')],
      });
    }
    // Without Ann, Bob is shown, and Eve gives way.
    at(writers[0] as Connection, 9, "DELETE FROM users WHERE id = 'ann'");
    exchange(writers);
    expectAll(writers, USERS, {
      tables: { users: [['bob', 'x', '2']] },
      held: [heldName('users', 'eve')],
    });
  });
});

const RANGES: Schema = {
  sql: `CREATE TABLE ranges(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, CHECK (low <= high));
        CREATE TABLE names(id TEXT PRIMARY KEY NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL);
        CREATE TABLE guarded(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER);
        CREATE TRIGGER guard_insert BEFORE INSERT ON guarded WHEN NEW.low > NEW.high
          BEGIN SELECT RAISE(ABORT, 'low above high'); END;
        CREATE TRIGGER guard_update BEFORE UPDATE ON guarded WHEN NEW.low > NEW.high
          BEGIN SELECT RAISE(ABORT, 'low above high'); END`,
  tables: { ranges: 1, names: 1, guarded: 1 },
};

describe('rows that the table refuses', () => {
  test.each([
    ['CHECK over two columns that two sites change apart', 'ranges', /CHECK/],
    ['RAISE in a trigger', 'guarded', /low above high/],
  ] as const)('%s: held, the others arrive, a later fix releases it', (_name, table, reason) => {
    const both = devices(2, RANGES) as [Connection, Connection];
    const [a, b] = both;
    at(a, 1, `INSERT INTO ${table} VALUES('r', 1, 9)`);
    send(a, b);
    at(a, 2, `UPDATE ${table} SET low = 5 WHERE id = 'r'; INSERT INTO ${table} VALUES('a', 1, 1)`);
    at(b, 3, `UPDATE ${table} SET high = 4 WHERE id = 'r'; INSERT INTO ${table} VALUES('b', 2, 2)`);
    exchange(both);
    const others = [
      ['a', 1n, 1n],
      ['b', 2n, 2n],
    ];
    expectAll(both, RANGES, { tables: { [table]: others }, held: [heldName(table, 'r')] });
    for (const db of both) expect(heldReasons(db)).toEqual([expect.stringMatching(reason)]);
    at(b, 4, `INSERT INTO ${table} VALUES('r', 5, 8)`);
    exchange(both);
    expectAll(both, RANGES, { tables: { [table]: [...others, ['r', 5n, 8n]] } });
  });

  test('NOT NULL without a default: a column alone is held, the rest of the row releases it', () => {
    const [a, b] = devices(2, RANGES) as [Connection, Connection];
    at(a, 1, "INSERT INTO names VALUES('n', 'Ada', 'Byron')");
    const first = encodePayload(a);
    const since = arrivalNumber(a);
    at(a, 2, "UPDATE names SET last = 'Lovelace' WHERE id = 'n'; INSERT INTO names VALUES('m', 'Mary', 'S')");
    applyPayload(b, encodePayload(a, since));
    expectAll([b], RANGES, { tables: { names: [['m', 'Mary', 'S']] }, held: [heldName('names', 'n')] });
    expect(heldReasons(b)).toEqual([expect.stringMatching(/NOT NULL.*names\.first/)]);
    applyPayload(b, first);
    expectAll([b], RANGES, {
      tables: {
        names: [
          ['m', 'Mary', 'S'],
          ['n', 'Ada', 'Lovelace'],
        ],
      },
    });
    exchange([a, b]);
  });
});
