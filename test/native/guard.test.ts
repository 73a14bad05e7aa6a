/**
 * guard.test.ts: a defect of the core must become an SQL error and nothing else. Each kind of trap and each broken
 * rule of an import is provoked from SQL; afterwards the same connection must work, the database must be as
 * before, triggers must be on again, and no statement may keep the connection open.
 */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { python, runProgram } from './programs.ts';
import { buildStandIn, type StandIn } from './stand-in.ts';

let standIn: StandIn;
let database: Database.Database;

beforeAll(() => {
  standIn = buildStandIn();
});
afterAll(() => standIn.remove());

beforeEach(() => {
  database = new Database(':memory:');
  database.loadExtension(standIn.file);
  database.exec('CREATE TABLE note(text)');
  return () => database.close();
});

function value(sql: string): unknown {
  return database.prepare(sql).pluck().get();
}

const defects: [string, RegExp][] = [
  [
    'trap_bounds()',
    /internal error \(access outside the core's memory\); this is a defect, please report it/,
  ],
  ['trap_unreachable()', /internal error \(assertion failed\)/],
  ['trap_divide(0)', /internal error \(division by zero\)/],
  ['trap_overflow(-1)', /internal error \(integer overflow\)/],
  ['trap_stack(100000)', /internal error \(calls nested too deeply\)/],
  ['trap_memory()', /out of memory/],
  ['trap_assertion()', /internal error \(assertion failed at test\/native\/core\/index\.ts:\d+:\d+\)/],
  [
    'bad_pointer()',
    /internal error \(w2c_host_result_text: 100 bytes at 4294967280 are not the core's memory\)/,
  ],
  ['bad_statement()', /internal error \(a statement was used that is not open\)/],
  ["trap_after('INSERT INTO note VALUES (1)')", /the change in progress was rolled back/],
];

describe('every kind of defect', () => {
  test.each(defects)('%s is an SQL error, ten times, and the next call works', (call, message) => {
    for (let round = 0; round < 10; round += 1) {
      expect(() => database.prepare(`SELECT ${call}`).get()).toThrow(message);
      expect(value('SELECT trap_divide(5)')).toBe(2);
      expect(value('SELECT trap_stack(100)')).toBeTypeOf('number');
    }
    expect(database.inTransaction).toBe(false);
    expect(value('SELECT count(*) FROM note')).toBe(0);
  });

  test.each(defects)('%s inside a transaction leaves its earlier work', (call, message) => {
    database.exec("BEGIN; INSERT INTO note VALUES ('mine')");
    expect(() => database.prepare(`SELECT ${call}`).get()).toThrow(message);
    expect(database.inTransaction).toBe(true);
    database.exec('COMMIT');
    expect(database.prepare('SELECT text FROM note').pluck().all()).toEqual(['mine']);
  });
});

test('within a savepoint of the application only our own work is rolled back', () => {
  database.exec("SAVEPOINT app; INSERT INTO note VALUES ('mine')");
  expect(() => value("SELECT trap_after('INSERT INTO note VALUES (1)')")).toThrow(/rolled back/);
  database.exec('RELEASE app');
  expect(value('SELECT count(*) FROM note')).toBe(1);
});

test('triggers are on again after a trap that had switched them off', () => {
  database.exec(
    'CREATE TABLE seen(text); CREATE TRIGGER t AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (1); END',
  );
  expect(() => value("SELECT trap_after('INSERT INTO note VALUES (1)')")).toThrow(/rolled back/);
  database.exec('INSERT INTO note VALUES (2)');
  expect(value('SELECT count(*) FROM seen')).toBe(1);
});

describe('nested calls', () => {
  test('a trigger may call a function while the core runs SQL, and is told so', () => {
    database.exec('CREATE TRIGGER t AFTER INSERT ON note BEGIN UPDATE note SET text = nested(); END');
    value("SELECT run('INSERT INTO note VALUES (7)')");
    expect(value('SELECT text FROM note')).toBe(1);
    database.exec('INSERT INTO note VALUES (8)');
    expect(value('SELECT min(text) FROM note')).toBe(0);
  });

  test('a trap in the trigger fails the outer call too, which changes nothing', () => {
    database.exec('CREATE TRIGGER t AFTER INSERT ON note BEGIN SELECT trap_unreachable(); END');
    expect(() => value("SELECT run('INSERT INTO note VALUES (7)')")).toThrow(/assertion failed/);
    expect(value('SELECT count(*) FROM note')).toBe(0);
    expect(value("SELECT run('SELECT 42')")).toBe(42);
  });

  test('a trap in the trigger of a plain statement fails that statement', () => {
    database.exec('CREATE TRIGGER t AFTER INSERT ON note BEGIN SELECT trap_divide(0); END');
    expect(() => database.exec('INSERT INTO note VALUES (7)')).toThrow(/division by zero/);
    expect(value('SELECT count(*) FROM note')).toBe(0);
  });
});

describe('results and arguments', () => {
  test('values pass unchanged', () => {
    const bytes = Buffer.from([0, 255, 1]);
    const echo = database.prepare('SELECT echo(?)').pluck();
    expect(echo.get('text \u0000 \u{1F600}')).toBe('text \u0000 \u{1F600}');
    expect(echo.get('')).toBe('');
    expect(echo.get(bytes)).toEqual(bytes);
    expect(echo.get(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
    expect(echo.get(null)).toBeNull();
    expect(echo.get(1.5)).toBe('1.5');
    expect(
      database
        .prepare('SELECT echo(?)')
        .pluck()
        .safeIntegers()
        .get(2n ** 63n - 1n),
    ).toBe(2n ** 63n - 1n);
  });

  test('a collected result is a BLOB of all its parts, and an empty one too', () => {
    expect(value("SELECT append(1000, 'hello')")).toEqual(Buffer.from('hello'.repeat(1000)));
    expect(value("SELECT append(3, '')")).toEqual(Buffer.alloc(0));
    expect(value("SELECT append(0, 'x')")).toBeNull();
  });

  test.skipIf(!python)('a collected result beyond the limit of the connection is SQLITE_TOOBIG (18)', () => {
    const script = `
import sqlite3, sys
connection = sqlite3.connect(":memory:")
connection.enable_load_extension(True)
connection.load_extension(sys.argv[1])
connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100000)
print(connection.execute("SELECT length(append(100, zeroblob(1000)))").fetchone()[0])
try:
    connection.execute("SELECT append(101, zeroblob(1000))")
except sqlite3.DataError as error:
    print(error)
`;
    expect(runProgram(python ?? '', ['-c', script, standIn.file])).toBe('100000\nappend: 18');
  });

  test('SQLite refuses a wrong number of arguments', () => {
    expect(() => value('SELECT trap_divide()')).toThrow(/wrong number of arguments/);
    expect(() => value("SELECT fetch(1, 'x')")).toThrow(/wrong number of arguments/);
  });

  test('a function with the flag DIRECTONLY cannot be called from a trigger', () => {
    database.exec('CREATE TRIGGER t AFTER INSERT ON note BEGIN SELECT trap_bounds(); END');
    expect(() => database.exec('INSERT INTO note VALUES (1)')).toThrow(/unsafe use of trap_bounds/);
  });
});

describe('memory', () => {
  test('an instance that has grown is not kept', () => {
    expect(value('SELECT grow(4)')).toBe(2);
    expect(value('SELECT grow(0)')).toBe(6);
    expect(value('SELECT grow(20)')).toBe(6);
    expect(value('SELECT grow(0)')).toBe(2);
  });

  test('growth stops at the limit of the module', () => {
    expect(value('SELECT grow(510)')).toBe(2);
    expect(value('SELECT grow(511)')).toBe(-1);
  });
});

describe('a machine without memory', () => {
  let faulty: StandIn;
  let connection: Database.Database;
  beforeAll(() => {
    faulty = buildStandIn(['dlopen', 'calloc', 'realloc']);
  });
  afterAll(() => faulty.remove());
  beforeEach(() => {
    connection = new Database(':memory:');
    return () => {
      delete process.env['CLOUDSYNC_TEST_FAIL'];
      connection.close();
    };
  });

  test('loading fails with a message, leaves no function behind, and works later', () => {
    process.env['CLOUDSYNC_TEST_FAIL'] = 'calloc';
    expect(() => connection.loadExtension(faulty.file)).toThrow('cloudsync: cannot be loaded: out of memory');
    expect(() => connection.prepare('SELECT trap_divide(5)')).toThrow(/no such function/);
    delete process.env['CLOUDSYNC_TEST_FAIL'];
    connection.loadExtension(faulty.file);
    expect(connection.prepare('SELECT trap_divide(5)').pluck().get()).toBe(2);
  });

  test('a new instance that cannot be made, and one that cannot grow, are "out of memory"', () => {
    connection.loadExtension(faulty.file);
    expect(() => connection.prepare('SELECT trap_unreachable()').get()).toThrow(/assertion failed/);
    process.env['CLOUDSYNC_TEST_FAIL'] = 'calloc';
    expect(() => connection.prepare('SELECT trap_divide(5)').get()).toThrow('out of memory');
    process.env['CLOUDSYNC_TEST_FAIL'] = 'realloc';
    expect(connection.prepare('SELECT trap_divide(5)').pluck().get()).toBe(2);
    expect(connection.prepare('SELECT grow(1)').pluck().get()).toBe(-1);
    expect(() => connection.prepare('SELECT trap_memory()').get()).toThrow('out of memory');
  });

  test('without libcurl the network says so and everything else works', () => {
    connection.loadExtension(faulty.file);
    const answer = connection.prepare("SELECT fetch(0, 'http://127.0.0.1/', '', '')").pluck().get();
    expect(answer).toMatch(/^0\|-1\|0\|libcurl cannot be loaded \(looked for libcurl/);
    expect(connection.prepare('SELECT trap_divide(5)').pluck().get()).toBe(2);
  });
});
