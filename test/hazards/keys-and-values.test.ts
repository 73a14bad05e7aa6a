/**
 * keys-and-values.test.ts: the section "Keys and values" of the hazards: which rows are the same row, and
 * that every value arrives as it was. Each test is named after the scenario.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { literal } from '../packet/value.js';
import { dumpTable, initTable, readTable, single } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { closeAll, MODES, open, pair, replica, syncAndCompare } from './replicas.js';

afterEach(closeAll);

describe.each(MODES)('$name', (mode) => {
  test('key order differs from column order: keys are never swapped, deletes apply', () => {
    const both = pair('CREATE TABLE t(x TEXT, y INTEGER, a, PRIMARY KEY(y, x))', ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('1', 2, 'left'), ('2', 1, 'other')");
    both[1].exec("INSERT INTO t VALUES('2', 1, 'right'), ('1', 1, 'third')");
    expect(syncAndCompare(both, 't').length).toBe(3);
    both[1].exec("UPDATE t SET a = 'updated' WHERE x = '1' AND y = 2; DELETE FROM t WHERE x = '2' AND y = 1");
    expect(syncAndCompare(both, 't')).toEqual(["(1, '1') a='third'", "(2, '1') a='updated'"]);
  });

  test('key column untyped, 1 and 1.0 and the text 1: one key for the numbers, another for the text', () => {
    const both = pair('CREATE TABLE t(id PRIMARY KEY NOT NULL, a)', ['t'], mode);
    both[0].exec("INSERT INTO t VALUES(1, 'integer'), ('1', 'text')");
    exchangeAll(both);
    both[1].exec("INSERT INTO t VALUES(1.0, 'real') ON CONFLICT DO UPDATE SET a = excluded.a");
    expect(syncAndCompare(both, 't')).toEqual(["('1') a='text'", "(1) a='real'"]);
    both[0].exec('DELETE FROM t WHERE id = 1.0');
    expect(syncAndCompare(both, 't')).toEqual(["('1') a='text'"]);
  });

  test.each([
    ['TEXT', "('1') a='last'"],
    ['INTEGER', "(1, 'k') a='last'"],
    ['NUMERIC', "(1, 'k') a='last'"],
    ['REAL', "(1.0, 'k') a='last'"],
  ])('a number in a %s key is the key that the column makes of it', (type, expected) => {
    const key = type === 'TEXT' ? 'PRIMARY KEY(id)' : 'PRIMARY KEY(id, k)';
    const schema = `CREATE TABLE t(id ${type} NOT NULL, k TEXT NOT NULL DEFAULT 'k', a, ${key})`;
    const both = pair(schema, ['t'], mode);
    both[0].exec("INSERT INTO t(id, a) VALUES(1, 'first')");
    both[1].exec("INSERT INTO t(id, a) VALUES('1', 'second')");
    expect(syncAndCompare(both, 't').length).toBe(1);
    both[0].exec("UPDATE t SET a = 'last' WHERE id = 1");
    expect(syncAndCompare(both, 't')[0]?.replace(" k='k'", '')).toBe(expected);
  });

  test('TEXT with embedded NUL, as value and as key: captured and transported whole', () => {
    const both = pair('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a TEXT, b)', ['t'], mode);
    const withNul = (tail: string) => `'k' || char(0) || '${tail}'`;
    both[0].exec(`INSERT INTO t VALUES(${withNul('1')}, ${withNul('old')}, ${withNul('')})`);
    both[1].exec(`INSERT INTO t VALUES(${withNul('2')}, char(0), char(0, 0))`);
    expect(syncAndCompare(both, 't').length).toBe(2);
    both[0].exec(`UPDATE t SET a = ${withNul('new')} WHERE id = ${withNul('1')}`);
    both[0].exec(`UPDATE t SET b = char(0) WHERE id = ${withNul('2')}`);
    const rows = syncAndCompare(both, 't').join();
    expect(rows).toContain(Buffer.from('k\0new').toString('hex'));
    expect(rows).not.toContain(Buffer.from('k\0old').toString('hex'));
    both[1].exec(`DELETE FROM t WHERE id = ${withNul('1')}`);
    expect(syncAndCompare(both, 't').length).toBe(1);
  });

  test('BLOB of 0 bytes, NULL, empty text and text like a marker stay distinct', () => {
    const both = pair('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', ['t'], mode);
    const values = [
      "x''",
      'NULL',
      "''",
      "'NULL'",
      "'__deleted__'",
      "'-1'",
      '-1',
      '-2',
      "'cloudsync'",
      "x'00'",
    ];
    values.forEach((value, i) => {
      both[0].exec(`INSERT INTO t VALUES('${i}', ${value})`);
    });
    const expected = values.map((value, i) => `('${i}') a=${value}`);
    expect(syncAndCompare(both, 't')).toEqual(expected);
    // Each value takes the place of the one before it: every change of kind must be noticed.
    for (let round = 0; round < values.length; round++) {
      const next = (i: number) => values[(i + round) % values.length];
      for (const i of values.keys())
        both[round % 2 ? 1 : 0].exec(`UPDATE t SET a = ${next(i)} WHERE id = '${i}'`);
      expect(syncAndCompare(both, 't')).toEqual(values.map((_, i) => `('${i}') a=${next(i)}`));
    }
  });
});

describe('key collation', () => {
  test.each([
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, a)',
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL COLLATE RTRIM, a)',
    'CREATE TABLE t(id TEXT NOT NULL, k TEXT NOT NULL, a, PRIMARY KEY(id, k COLLATE NOCASE))',
    'CREATE TABLE t(a, id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE) WITHOUT ROWID',
    'CREATE TABLE t(id TEXT COLLATE NOCASE NOT NULL, a, PRIMARY KEY(id COLLATE BINARY))',
    'CREATE TABLE t(id TEXT COLLATE NOCASE NOT NULL, a, PRIMARY KEY(id COLLATE BINARY)) WITHOUT ROWID',
  ])('is not BINARY: refused at init with the reason, or keys stay apart: %s', (schema) => {
    const db = open();
    db.exec(schema);
    let refusal = '';
    try {
      initTable(db, 't');
    } catch (error) {
      refusal = String(error);
    }
    if (!schema.includes('BINARY')) expect(refusal).toMatch(/'t'.*collation.*COLLATE/);
    if (refusal !== '') {
      expect(single(db, "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 't' AND type = 'trigger'")).toBe(
        0n,
      );
      return;
    }
    // A key that compares as BINARY holds a and A as two rows, whatever the column's own collation says.
    const other = replica(schema, ['t']);
    db.exec("INSERT INTO t(id, a) VALUES('a', 1), ('A', 2)");
    expect(syncAndCompare([db, other], 't')).toEqual(["('A') a=2", "('a') a=1"]);
    other.exec("DELETE FROM t WHERE id = 'a' COLLATE BINARY");
    expect(syncAndCompare([db, other], 't')).toEqual(["('A') a=2"]);
    db.exec("UPDATE t SET id = 'a' WHERE id = 'A' COLLATE BINARY");
    expect(syncAndCompare([db, other], 't')).toEqual(["('a') a=2"]);
  });

  test('of a column besides the key may be anything; changes of case are still captured', () => {
    const both = pair('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a TEXT COLLATE NOCASE)', ['t']);
    both[0].exec("INSERT INTO t VALUES('k', 'word')");
    syncAndCompare(both, 't');
    both[1].exec("UPDATE t SET a = 'WORD'");
    expect(syncAndCompare(both, 't')).toEqual(["('k') a='WORD'"]);
  });
});

describe('key without NOT NULL', () => {
  const SCHEMAS: ReadonlyArray<[schema: string, force: boolean, insert: string]> = [
    ['CREATE TABLE t(id TEXT PRIMARY KEY, a)', false, 'INSERT INTO t VALUES(NULL, 1)'],
    ['CREATE TABLE t(id TEXT, k TEXT, a, PRIMARY KEY(id, k))', false, "INSERT INTO t VALUES('x', NULL, 1)"],
    ['CREATE TABLE t(id INT PRIMARY KEY, a)', true, 'INSERT INTO t VALUES(NULL, 1)'],
    ['CREATE TABLE t(id INTEGER PRIMARY KEY DESC, a)', true, 'INSERT INTO t VALUES(NULL, 1)'],
  ];

  test.each(SCHEMAS)('%s: NULL keys that are there already are refused at init', (schema, force, insert) => {
    const db = open();
    db.exec(`${schema}; ${insert}; ${insert}`);
    expect(() => initTable(db, 't', 'cls', force)).toThrow(/cloudsync: 't'.*key is NULL.*cloudsync_uuid/);
    expect(() => initTable(db, 't', 'cls', force)).toThrow(/key is NULL/);
  });

  test.each(SCHEMAS)('%s: NULL keys are refused by a clear error later', (schema, force, insert) => {
    const db = replica(schema, [{ table: 't', force }]);
    expect(() => db.exec(insert)).toThrow(/cloudsync: a key column of 't' is NULL/);
    expect(() => db.exec(insert.replace('INSERT', 'INSERT OR REPLACE'))).toThrow(/cloudsync: .*'t' is NULL/);
    const id = force ? '7' : "'k'";
    db.exec(
      schema.includes('k TEXT') ? `INSERT INTO t VALUES(${id}, 'k', 1)` : `INSERT INTO t VALUES(${id}, 1)`,
    );
    expect(() => db.exec('UPDATE t SET id = NULL')).toThrow(/cloudsync: a key column of 't' is NULL/);
    expect(readTable(db, 't').map(({ key }) => literal(key[0] as never))).toEqual([id]);
  });
});

describe('lone INTEGER PRIMARY KEY', () => {
  const SCHEMAS = [
    'CREATE TABLE t(id INTEGER PRIMARY KEY, a)',
    'CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a)',
    'CREATE TABLE t(id INTEGER PRIMARY KEY NOT NULL, a) WITHOUT ROWID',
    'CREATE TABLE t(id INT NOT NULL PRIMARY KEY, a)',
    'CREATE TABLE t(id bigint NOT NULL PRIMARY KEY, a)',
    'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT) STRICT',
  ];

  test.each(SCHEMAS)('refused unless forced, with the reason and cloudsync_uuid(): %s', (schema) => {
    const db = open();
    db.exec(schema);
    expect(() => initTable(db, 't')).toThrow(/'t' has a lone integer key: .*cloudsync_uuid\(\).*force/);
    initTable(db, 't', 'cls', true);
    const other = replica(schema, [{ table: 't', force: true }]);
    db.exec("INSERT INTO t VALUES(9223372036854775807, 'x'), (-9223372036854775807 - 1, 'y'), (0, 'z')");
    other.exec("INSERT INTO t VALUES(0, 'w')");
    expect(syncAndCompare([db, other], 't').length).toBe(3);
    other.exec('DELETE FROM t WHERE id < 0');
    expect(syncAndCompare([db, other], 't').length).toBe(2);
  });

  test('AUTOINCREMENT goes on above keys that a merge brought', () => {
    const both = pair(SCHEMAS[1] as string, [{ table: 't', force: true }]);
    both[0].exec("INSERT INTO t VALUES(41, 'x')");
    syncAndCompare(both, 't');
    both[1].exec("INSERT INTO t(a) VALUES('y')");
    expect(syncAndCompare(both, 't')).toEqual(["(41) a='x'", "(42) a='y'"]);
  });

  test.each(['POINT', 'PRINT', 'INTERVAL', 'TEXT_INTERNAL'])(
    'a type name that merely contains INT (%s) is not taken for an integer key',
    (type) => {
      const both = pair(`CREATE TABLE t(id ${type} NOT NULL PRIMARY KEY, a)`, ['t']);
      both[0].exec("INSERT INTO t VALUES('12', 'text'), (13, 'number'), ('x', 'word')");
      syncAndCompare(both, 't');
      both[1].exec("DELETE FROM t WHERE id = 13; UPDATE t SET a = 'changed' WHERE id = 'x'");
      expect(syncAndCompare(both, 't')).toContain("('x') a='changed'");
    },
  );
});

describe('numbers at the edges', () => {
  const SCHEMA = `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, plain, r REAL, n NUMERIC, i INTEGER, d TEXT);
    CREATE TABLE s(id TEXT PRIMARY KEY NOT NULL, r REAL, a ANY) STRICT`;
  const EDGES = [
    -0,
    0,
    1,
    -1,
    0.1,
    1e308,
    -1e308,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    2.2250738585072014e-308,
    2.225073858507201e-308,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    1e15,
    123456789012345680,
  ];

  /** Every REAL of a table by its bits, so that nothing rounds on the way to the comparison. */
  function bits(db: ReturnType<typeof open>, table: string): string[] {
    const ofReal = (value: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeDoubleBE(value);
      return buffer.toString('hex');
    };
    return readTable(db, table)
      .map(({ key, columns }) =>
        [...key, ...columns.values()]
          .map((value) => (value.type === 'real' ? ofReal(value.real) : `${value.type} ${literal(value)}`))
          .join(),
      )
      .sort();
  }

  function write(db: ReturnType<typeof open>, values: readonly number[]): void {
    const insert = db.prepare('INSERT OR REPLACE INTO t VALUES(@id, @x, @x, @x, @x, @x)');
    const strict = db.prepare('INSERT OR REPLACE INTO s VALUES(@id, @x, @x)');
    values.forEach((value, i) => {
      insert.run({ id: `real ${i}`, x: value });
      strict.run({ id: `real ${i}`, x: value });
    });
  }

  test('-0.0, infinities, denormals, 1e308, largest and smallest integers arrive bit-equal', () => {
    const both = pair(SCHEMA, ['t', 's']);
    write(both[0], EDGES);
    for (const integer of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 127n, 128n, -32n, -33n, 2n ** 32n]) {
      const insert = both[0].prepare('INSERT INTO t VALUES(@id, @x, @x, @x, @x, @x)');
      insert.run({ id: `integer ${integer}`, x: integer });
    }
    // What SQLite itself keeps is the measure: -0.0 in a REAL column, for instance, it stores as 0.0.
    const written = [bits(both[0], 't'), bits(both[0], 's')];
    expect(written.flat().join()).toContain('8000000000000000');
    syncAndCompare(both, 't', 's');
    expect([bits(both[1], 't'), bits(both[1], 's')]).toEqual(written);
  });

  test('any REAL arrives bit-equal', () => {
    const any = fc.array(fc.double({ noNaN: true }), { minLength: 20, maxLength: 20 });
    const property = fc.property(any, (values) => {
      const both = pair(SCHEMA, ['t', 's']);
      write(both[0], values);
      const written = [bits(both[0], 't'), bits(both[0], 's')];
      syncAndCompare(both, 't', 's');
      expect([bits(both[1], 't'), bits(both[1], 's')]).toEqual(written);
      closeAll();
    });
    fc.assert(property, propertyOptions('any REAL arrives bit-equal', 25));
  });

  test('a REAL as key: the same bits are the same row', () => {
    const both = pair('CREATE TABLE t(id REAL NOT NULL, k NOT NULL, a, PRIMARY KEY(id, k))', ['t']);
    for (const db of both) {
      const insert = db.prepare('INSERT INTO t VALUES(@x, @x, cloudsync_siteid())');
      for (const x of EDGES.slice(1)) insert.run({ x });
    }
    expect(syncAndCompare(both, 't').length).toBe(EDGES.length - 1);
    expect(bits(both[1], 't')).toEqual(bits(both[0], 't'));
    both[1].exec('DELETE FROM t');
    expect(syncAndCompare(both, 't')).toEqual([]);
  });
});

test('dumpTable tells apart what a comparison by == would not', () => {
  const db = replica('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', ['t']);
  db.exec("INSERT INTO t VALUES('a', 1), ('b', 1.0), ('c', '1'), ('d', x'31'), ('e', 0.0), ('f', -0.0)");
  expect(new Set(dumpTable(db, 't').map((line) => line.slice(6))).size).toBe(6);
});
