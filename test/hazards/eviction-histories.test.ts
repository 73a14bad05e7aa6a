/**
 * eviction-histories.test.ts: random writes with every conflict clause to a table with every kind of unique
 * index. The model is SQLite itself without cloudsync: the same statements leave the same rows and fail
 * alike. After every fold the clocks must say alive of exactly the rows that are there (that is what a missed
 * eviction breaks), and after an exchange all replicas have the rows that the writer had.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, dumpTable, encodePayload, initTable } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { closeAll, expectEqual, open } from './replicas.js';

afterEach(closeAll);

const SCHEMA = `
  CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u UNIQUE, a, b, c TEXT COLLATE NOCASE UNIQUE, UNIQUE(a, b));
  CREATE UNIQUE INDEX partial ON t(b) WHERE a > 1;
  CREATE UNIQUE INDEX expression ON t(u + b, lower(c)) WHERE u <> 2`;

/** A trigger of the application, so that merges run with triggers on. */
const APPLICATION = `CREATE TABLE seen(id); CREATE TRIGGER note AFTER INSERT ON t
  BEGIN INSERT INTO seen VALUES(NEW.id); END`;

const key = fc.constantFrom("'k'", "'l'", "'m'", "'n'", "'o'");
const number = fc.constantFrom('NULL', '0', '1', '2', '2.0', '3', "'3'");
const word = fc.constantFrom('NULL', "'a'", "'A'", "'b'", "'c '", "'c'");
const clause = fc.constantFrom(
  '',
  'OR REPLACE',
  'OR REPLACE',
  'OR REPLACE',
  'OR IGNORE',
  'OR FAIL',
  'OR ROLLBACK',
);
const upsert = fc.constantFrom(
  '',
  '',
  '',
  ' ON CONFLICT(u) DO NOTHING',
  ' ON CONFLICT(id) DO UPDATE SET u = 1',
);

const row = fc.tuple(key, number, number, number, word).map((values) => `(${values.join(', ')})`);
const insert = fc
  .tuple(clause, fc.array(row, { minLength: 1, maxLength: 3 }), upsert)
  .map(([how, rows, then]) => `INSERT ${how} INTO t VALUES${rows.join(', ')}${then}`);
const assignment = fc.oneof(
  fc.tuple(fc.constantFrom('u', 'a', 'b'), number),
  fc.tuple(fc.constant('c'), word),
  fc.tuple(fc.constant('id'), key),
  fc.constant(['u', 'b'] as [string, string]),
);
const update = fc
  .tuple(clause, fc.array(assignment, { minLength: 1, maxLength: 2 }), fc.option(key))
  .map(([how, list, where]) => {
    const sets = new Map(list);
    const text = [...sets].map(([column, value]) => `${column} = ${value}`).join(', ');
    return `UPDATE ${how} t SET ${text}${where === null ? '' : ` WHERE id = ${where}`}`;
  });
const remove = key.map((value) => `DELETE FROM t WHERE id = ${value}`);
const undone = fc.tuple(insert, update).map((both) => `BEGIN; ${both.join('; ')}; ROLLBACK`);
const statement = fc.oneof(
  { weight: 6, arbitrary: insert },
  { weight: 5, arbitrary: update },
  { weight: 1, arbitrary: remove },
  { weight: 1, arbitrary: undone },
);

/** Runs a statement. Returns the error, empty when there was none. */
function run(db: Connection, sql: string): string {
  try {
    db.exec(sql);
    return '';
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    return String(error);
  }
}

/** After a fold: the keys that the clocks call alive. */
function alive(db: Connection): unknown[] {
  return db.prepare('SELECT pk0 FROM t_cloudsync WHERE cl % 2 = 1 ORDER BY pk0').pluck().all();
}

function keys(db: Connection): unknown[] {
  return db.prepare('SELECT id FROM t ORDER BY id').pluck().all();
}

describe.each([false, true])('recursive_triggers=%s', (recursiveTriggers) => {
  const mode = { recursiveTriggers };

  /** A tracked replica; every second one has a trigger of the application. */
  function tracked(algorithm: 'cls' | 'aws', i: number, source = ':memory:'): Connection {
    const db = open({ ...mode, source });
    db.exec(i % 2 ? `${SCHEMA}; ${APPLICATION}` : SCHEMA);
    initTable(db, 't', algorithm);
    return db;
  }

  function model(): Connection {
    const db = open({ ...mode, extension: false });
    db.exec(SCHEMA);
    // With recursive_triggers and any delete trigger, SQLite refuses some UPDATE OR REPLACE that it takes
    // without one.
    db.exec('CREATE TRIGGER removed AFTER DELETE ON t BEGIN SELECT 1; END');
    return db;
  }

  test('many writes between two folds, by a plain program: the clocks call alive what is there', () => {
    const file = join(tmpdir(), `cloudsync-eviction-histories-${process.pid}-${recursiveTriggers}.db`);
    const history = fc.array(fc.array(statement, { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(history, (batches) => {
        try {
          const db = tracked('cls', 1, file);
          const plain = open({ ...mode, source: file, extension: false });
          const reference = model();
          for (const batch of batches) {
            for (const sql of batch) expect([sql, run(plain, sql)]).toEqual([sql, run(reference, sql)]);
            encodePayload(db);
            expect(alive(db)).toEqual(keys(db));
          }
          expect(dumpTable(db, 't')).toEqual(dumpTable(reference, 't'));
          const fresh = tracked('cls', 0);
          exchangeAll([db, fresh]);
          expectEqual([db, fresh], 't');
        } finally {
          closeAll();
          rmSync(file, { force: true });
        }
      }),
      propertyOptions('evictions between folds', 25),
    );
  });

  test.each(['cls', 'aws'] as const)(
    '%s: writes in turn on three replicas, each exchanged: equal',
    (algorithm) => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(2), statement), { minLength: 1, maxLength: 12 }), (history) => {
          try {
            const databases = [0, 1, 2].map((i) => tracked(algorithm, i));
            for (const [who, sql] of history) {
              // (The order of rows inside differs per replica, and with it what an UPDATE of several rows
              // evicts: no model.)
              run(databases[who] as Connection, sql);
              const written = dumpTable(databases[who] as Connection, 't');
              exchangeAll(databases);
              expectEqual(databases, 't');
              expect(dumpTable(databases[0] as Connection, 't')).toEqual(written);
            }
          } finally {
            closeAll();
          }
        }),
        propertyOptions(`evictions exchanged, ${algorithm}`, 8),
      );
    },
  );
});
