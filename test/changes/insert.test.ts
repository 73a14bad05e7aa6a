/**
 * insert.test.ts: INSERT into cloudsync_changes merges a change: rows of one database do to another one what packets of
 * the same changes do, in data and metadata, in any order.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { applyPayload, arrivalNumber, encodePayload, single, snapshot } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { closeAll, copyOf, expectEqual, NAMES, replica, run, steps, TABLES } from './history.js';
import { type ChangeRow, inboxSize, insertChanges, readChanges } from './rows.js';

afterEach(closeAll);

/** Rows about one data row stay together; the others are shuffled. */
function shuffleRows(rows: readonly ChangeRow[], order: readonly number[]): ChangeRow[] {
  const groups = new Map<string, ChangeRow[]>();
  for (const row of rows) {
    const key = `${row.tbl} ${row.pk.toString('hex')}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const ranked = [...groups.values()].map((group, i) => ({ group, rank: order[i % order.length] ?? 0 }));
  return ranked.sort((a, b) => a.rank - b.rank).flatMap(({ group }) => group);
}

describe('rows do what packets of the same changes do', () => {
  test('in an empty database and in one with a history of its own, in any order', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (history, order) => {
        const [db, other] = run(history);
        const payload = encodePayload(db);
        const rows = readChanges(db);
        for (const target of [replica(), other]) {
          const [expected, inserted, shuffled] = [copyOf(target), copyOf(target), copyOf(target)];
          applyPayload(expected, payload);
          insertChanges(inserted, rows);
          insertChanges(shuffled, shuffleRows(rows, order));
          for (const one of [inserted, shuffled]) {
            expect(inboxSize(one)).toBe(0n);
            expectEqual(one, expected);
          }
        }
        closeAll();
      }),
      propertyOptions('inserted rows are packets', 25),
    );
  });

  test('also one at a time', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (history, order) => {
        // A dead row of an aws table forgets what its columns said: its rows belong together.
        const [db, other] = run(history.filter(({ table }) => TABLES[table] !== 'aws'));
        const [expected, single] = [copyOf(other), copyOf(other)];
        applyPayload(expected, encodePayload(db));
        for (const row of shuffleRows(readChanges(db), order)) insertChanges(single, [row]);
        expectEqual(single, expected);
        closeAll();
      }),
      propertyOptions('one inserted row at a time', 12),
    );
  });

  test('two databases that exchange rows both ways become equal', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const pair = run(history);
        for (let round = 0; round < 3; round++) {
          insertChanges(pair[1], readChanges(pair[0]));
          insertChanges(pair[0], readChanges(pair[1]));
        }
        expectEqual(pair[0], pair[1]);
        closeAll();
      }),
      propertyOptions('rows both ways', 12),
    );
  });

  test('rows of an aws table, dead and revived, with what their deletions have seen', () => {
    const [db, other, target] = [replica(), replica(), replica()];
    db.exec("INSERT INTO docs VALUES('dead', 1, 2), ('revived', 3, 4)");
    exchangeAll([db, other]);
    insertChanges(target, readChanges(db));
    db.exec('DELETE FROM docs');
    other.exec("UPDATE docs SET note = 5 WHERE id = 'revived'");
    exchangeAll([db, other]);
    expect(readChanges(db).map((row) => [row.col_name, row.type, row.cl])).toEqual([
      [null, 'blob', 2n],
      ['title', 'integer', 1n],
      ['note', 'integer', 1n],
      [null, 'blob', 2n],
    ]);
    insertChanges(target, readChanges(db));
    expect(target.prepare('SELECT * FROM docs').raw().all()).toEqual([['revived', 3n, 5n]]);
    expectEqual(target, db);
  });

  test('what is outvoted or known already changes nothing, not even the number of arrival', () => {
    const [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2); INSERT INTO docs VALUES('a', 1, 2); DELETE FROM docs");
    const rows = readChanges(db);
    insertChanges(target, rows);
    target.exec("UPDATE todos SET title = 'newer' WHERE id = 'a'");
    const before = snapshot(target, NAMES);
    insertChanges(target, rows);
    expect(snapshot(target, NAMES)).toBe(before);
  });

  test('more rows than are merged together', () => {
    const [db, target] = [replica(), replica()];
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 800)
      INSERT INTO todos SELECT 'k' || i, randomblob(3000), i FROM n`);
    insertChanges(target, readChanges(db));
    expectEqual(target, db);
  });

  test('merged changes go to the server too, also those that were held at first', () => {
    const [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2)");
    insertChanges(target, readChanges(db));
    const everything = "SELECT value FROM cloudsync_settings WHERE key = 'network.everything'";
    expect(single(target, everything)).toBe(arrivalNumber(target));
  });
});
