/**
 * flags.test.ts: where each SQL function may be called from: every function in every place of a schema, with
 * trusted_schema on and off and defensive mode on and off. A database file is data from elsewhere: what it
 * contains must not be able to call a function that has an effect (DIRECTONLY); harmless ones work everywhere
 * (INNOCUOUS).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, initTable, openDatabase, single } from '../support/database.js';

const REGISTRY = readFileSync(join(import.meta.dirname, '../../src/core/functions/registry.ts'), 'utf8');
const ENTRY = /entry\(\s*F_\w+,\s*'(\w+)',\s*(\d+),\s*(\d+),\s*([A-Z |]+),/g;

interface FunctionEntry {
  name: string;
  least: number;
  most: number;
  flags: string[];
}

/** The table of functions as the core's source has it. */
const FUNCTIONS: FunctionEntry[] = [...REGISTRY.matchAll(ENTRY)].map(([, name, least, most, flags]) => ({
  name: name as string,
  least: Number(least),
  most: Number(most),
  flags: (flags as string).split('|').map((flag) => flag.trim()),
}));

/** Functions without an effect; everything else must be DIRECTONLY. */
const HARMLESS = [
  'cloudsync_is_enabled',
  'cloudsync_is_sync',
  'cloudsync_siteid',
  'cloudsync_terminate',
  'cloudsync_uuid',
  'cloudsync_version',
];

/** SQLite's numbers. */
const BITS = { DETERMINISTIC: 0x800n, DIRECTONLY: 0x80000n, INNOCUOUS: 0x200000n };

/**
 * Places where a schema can call a function: what creates the object, what makes it call, what takes it away.
 */
const PLACES: ReadonlyArray<{
  place: string;
  create: (call: string) => string;
  use: string;
  remove: string;
  pure?: boolean;
}> = [
  {
    place: 'view',
    create: (call) => `CREATE VIEW v AS SELECT ${call} AS x`,
    use: 'SELECT * FROM v',
    remove: 'DROP VIEW v',
  },
  {
    place: 'trigger',
    create: (call) => `CREATE TRIGGER g AFTER INSERT ON plain BEGIN SELECT ${call}; END`,
    use: 'INSERT INTO plain VALUES(1)',
    remove: 'DROP TRIGGER g',
  },
  {
    place: 'trigger WHEN',
    create: (call) => `CREATE TRIGGER g BEFORE UPDATE ON plain WHEN ${call} IS NULL BEGIN SELECT 1; END`,
    use: 'UPDATE plain SET a = 2',
    remove: 'DROP TRIGGER g',
  },
  {
    place: 'CHECK',
    create: (call) => `CREATE TABLE o(a CHECK(coalesce(${call}, 1) IS NOT NULL))`,
    use: 'INSERT INTO o VALUES(1)',
    remove: 'DROP TABLE o',
  },
  {
    place: 'DEFAULT',
    create: (call) => `CREATE TABLE o(a, b DEFAULT (${call}))`,
    use: 'INSERT INTO o(a) VALUES(1)',
    remove: 'DROP TABLE o',
  },
  {
    place: 'generated column',
    create: (call) => `CREATE TABLE o(a, b AS (${call}))`,
    use: 'INSERT INTO o(a) VALUES(1) RETURNING b',
    remove: 'DROP TABLE o',
    pure: true,
  },
  {
    place: 'index expression',
    create: (call) => `CREATE INDEX i ON plain(${call})`,
    use: 'INSERT INTO plain VALUES(1)',
    remove: 'DROP INDEX i',
    pure: true,
  },
  {
    place: 'partial index',
    create: (call) => `CREATE INDEX i ON plain(a) WHERE ${call} IS NULL`,
    use: 'INSERT INTO plain VALUES(1)',
    remove: 'DROP INDEX i',
    pure: true,
  },
];

const SETTINGS = [0, 1].flatMap((trustedSchema) =>
  [false, true].map((defensive) => ({ trustedSchema, defensive })),
);

/** A call with the least number of arguments. */
function callOf({ name, least }: FunctionEntry): string {
  return `${name}(${Array(least).fill("'t'").join()})`;
}

/** Creates the object and uses it. Returns "allowed" or SQLite's refusal. */
function attempt(db: Connection, sql: readonly string[]): string {
  db.exec('SAVEPOINT attempt');
  try {
    for (const one of sql) {
      const statement = db.prepare(one);
      if (statement.reader) statement.all();
      else statement.run();
    }
    return 'allowed';
  } catch (error) {
    return (error as Error).message;
  } finally {
    db.exec('ROLLBACK TO attempt; RELEASE attempt');
  }
}

test('the source was read: every function is in the table, with the flags that SQLite has', () => {
  const db = openDatabase();
  const registered = db
    .prepare(
      `SELECT name, narg, flags FROM pragma_function_list WHERE name LIKE 'cloudsync\\_%' ESCAPE '\\'
       ORDER BY name, narg`,
    )
    .raw()
    .all() as Array<[string, bigint, bigint]>;
  // The only aggregate is not in the core's table; shim/changes_aggregate.c registers it.
  const aggregate: readonly [string, bigint, string[]] = ['cloudsync_payload_encode', 9n, ['DIRECTONLY']];
  const expected = [
    aggregate,
    ...FUNCTIONS.flatMap(({ name, least, most, flags }) =>
      Array.from({ length: most - least + 1 }, (_, i) => [name, BigInt(least + i), flags] as const),
    ),
  ].sort((a, b) => (a[0] === b[0] ? Number(a[1] - b[1]) : a[0] < b[0] ? -1 : 1));
  expect(registered.map(([name, count]) => `${name}/${count}`)).toEqual(
    expected.map(([name, count]) => `${name}/${count}`),
  );
  registered.forEach(([name, , bits], i) => {
    for (const [flag, bit] of Object.entries(BITS)) {
      expect([name, flag, (bits & bit) !== 0n]).toEqual([name, flag, expected[i]?.[2].includes(flag)]);
    }
  });
  db.close();
});

test('only functions without an effect are INNOCUOUS; every other is DIRECTONLY', () => {
  expect(FUNCTIONS.length).toBeGreaterThanOrEqual(31);
  for (const { name, flags } of FUNCTIONS) {
    expect([name, flags.includes('INNOCUOUS')]).toEqual([name, HARMLESS.includes(name)]);
    expect([name, flags.includes('DIRECTONLY')]).toEqual([name, !HARMLESS.includes(name)]);
  }
});

describe.each(SETTINGS)(
  'trusted_schema=$trustedSchema defensive=$defensive',
  ({ trustedSchema, defensive }) => {
    let db: Connection;

    beforeAll(() => {
      db = openDatabase();
      db.unsafeMode(!defensive);
      db.pragma(`trusted_schema = ${trustedSchema}`);
      db.exec(
        'CREATE TABLE plain(a); INSERT INTO plain VALUES(0); CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL)',
      );
      initTable(db, 't');
    });

    afterAll(() => db.close());

    test('defensive mode is what this test says it is', () => {
      const verdict = attempt(db, [
        'PRAGMA writable_schema = ON',
        "UPDATE sqlite_schema SET sql = sql WHERE name = 'plain'",
      ]);
      db.pragma('writable_schema = OFF');
      expect(verdict === 'allowed').toBe(!defensive);
    });

    test.each(FUNCTIONS)('$name in a SELECT of the application', (entry) => {
      // Preparing decides; running it would have the effect.
      expect(() => db.prepare(`SELECT ${callOf(entry)}`)).not.toThrow();
    });

    test.each(FUNCTIONS.flatMap((entry) => PLACES.map((place) => ({ ...entry, ...place }))))(
      '$name in a $place',
      (one) => {
        const verdict = attempt(db, [one.create(callOf(one)), one.use]);
        if (one.flags.includes('DIRECTONLY')) {
          expect(verdict).toMatch(
            one.pure
              ? /^(unsafe use of|non-deterministic functions prohibited)/
              : `unsafe use of ${one.name}()`,
          );
        } else if (one.pure && !one.flags.includes('DETERMINISTIC')) {
          expect(verdict).toMatch(/^non-deterministic functions prohibited/);
        } else {
          expect(verdict).toBe('allowed');
        }
      },
    );
  },
);

test('a key made by DEFAULT (cloudsync_uuid()) works with untrusted schema', () => {
  const db = openDatabase();
  db.pragma('trusted_schema = OFF');
  db.exec('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL DEFAULT (cloudsync_uuid()), a)');
  initTable(db, 't');
  db.exec('INSERT INTO t(a) VALUES(1), (2)');
  expect(
    single(db, "SELECT count(DISTINCT id) FROM t WHERE id GLOB '[0-9a-f]*-7*-*' AND length(id) = 36"),
  ).toBe(2n);
  db.close();
});
