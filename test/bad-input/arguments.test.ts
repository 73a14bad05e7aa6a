/**
 * arguments.test.ts: wrong calls of every function: each is refused with a message that says what is wrong,
 * with which object, and what to do; nothing has changed, and the connection goes on working.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Connection,
  encodePayload,
  initTable,
  openDatabase,
  single,
  snapshot,
} from '../support/database.js';

const MISSING = '/nonexistent-folder/payload.csp';

let db: Connection;

beforeEach(() => {
  db = openDatabase();
  db.exec(`CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a);
    CREATE TABLE numbered(id INTEGER PRIMARY KEY, a);
    CREATE TABLE plain(a);
    CREATE TABLE collated(id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, a);
    CREATE TABLE nullable(id TEXT PRIMARY KEY, a); INSERT INTO nullable VALUES(NULL, 1);
    CREATE VIEW seen AS SELECT * FROM t;
    CREATE VIRTUAL TABLE words USING fts5(a);
    INSERT INTO t VALUES('k', 1)`);
  initTable(db, 't');
  encodePayload(db);
});

afterEach(() => db.close());

/** The call must fail with this message, change nothing, and leave the connection usable. */
function expectRefused(call: string, message: RegExp): void {
  const before = [snapshot(db, ['t']), schema()];
  expect(() => single(db, `SELECT ${call}`)).toThrow(message);
  expect(db.inTransaction).toBe(false);
  expect([snapshot(db, ['t']), schema()]).toEqual(before);
  // Inside a transaction of the application the same, and the transaction survives with what it wrote.
  db.exec("BEGIN; INSERT OR REPLACE INTO t VALUES('mine', 2)");
  expect(() => single(db, `SELECT ${call}`)).toThrow(message);
  expect(db.inTransaction).toBe(true);
  db.exec('COMMIT');
  expect(single(db, "SELECT a FROM t WHERE id = 'mine'")).toBe(2n);
  expect(single(db, 'SELECT length(cloudsync_payload_encode())')).toBeGreaterThan(0n);
}

function schema(): unknown[] {
  return db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').raw().all();
}

describe('number of arguments', () => {
  const functions = () =>
    db
      .prepare("SELECT name, narg FROM pragma_function_list WHERE name LIKE 'cloudsync\\_%' ESCAPE '\\'")
      .raw()
      .all() as Array<[string, bigint]>;

  test('every function refuses one argument more and one less than it takes', () => {
    const arities = new Map<string, bigint[]>();
    for (const [name, count] of functions()) arities.set(name, [...(arities.get(name) ?? []), count]);
    expect(arities.size).toBeGreaterThanOrEqual(31);
    for (const [name, counts] of arities) {
      const [least, most] = [counts, counts].map((list, i) =>
        list.reduce((a, b) => (a < b === (i === 0) ? a : b)),
      );
      const call = (count: bigint) => `SELECT ${name}(${Array(Number(count)).fill('NULL').join()})`;
      expect(() => db.prepare(call((most as bigint) + 1n))).toThrow(
        `wrong number of arguments to function ${name}()`,
      );
      if (least === 0n) continue;
      expect(() => db.prepare(call((least as bigint) - 1n))).toThrow(
        `wrong number of arguments to function ${name}()`,
      );
    }
  });
});

describe('type of an argument', () => {
  /** Functions with a text argument in the given place, the others filled with right values. */
  const TEXTS: ReadonlyArray<[name: string, call: (value: string) => string, what: RegExp]> = [
    ['cloudsync_init', (v) => `cloudsync_init(${v})`, /the table must be a text/],
    ['cloudsync_init, algorithm', (v) => `cloudsync_init('t', ${v})`, /the algorithm must be a text/],
    ['cloudsync_cleanup', (v) => `cloudsync_cleanup(${v})`, /the table must be a text/],
    ['cloudsync_enable', (v) => `cloudsync_enable(${v})`, /the table must be a text/],
    ['cloudsync_disable', (v) => `cloudsync_disable(${v})`, /the table must be a text/],
    ['cloudsync_is_enabled', (v) => `cloudsync_is_enabled(${v})`, /the table must be a text/],
    ['cloudsync_is_sync', (v) => `cloudsync_is_sync(${v})`, /the table must be a text/],
    ['cloudsync_set', (v) => `cloudsync_set(${v}, 2000)`, /the key must be a text/],
    ['cloudsync_set_table', (v) => `cloudsync_set_table(${v}, 'send', 'on')`, /the table must be a text/],
    ['cloudsync_set_table, key', (v) => `cloudsync_set_table('t', ${v}, 'on')`, /the key must be a text/],
    [
      'cloudsync_set_column, column',
      (v) => `cloudsync_set_column('t', ${v}, 'send', 1)`,
      /the column must be a text/,
    ],
    ['cloudsync_payload_save', (v) => `cloudsync_payload_save(${v})`, /the path must be a text/],
    ['cloudsync_payload_load', (v) => `cloudsync_payload_load(${v})`, /the path must be a text/],
    ['cloudsync_network_init', (v) => `cloudsync_network_init(${v})`, /must be a text/],
    ['cloudsync_network_set_token', (v) => `cloudsync_network_set_token(${v})`, /must be a text/],
    ['cloudsync_network_set_apikey', (v) => `cloudsync_network_set_apikey(${v})`, /must be a text/],
  ];
  const WRONG = ['NULL', '5', '1.5', "x'74'", "''", "'t' || char(0) || 'x'", "printf('%.*c', 20000, 't')"];

  /** NULL takes a token or key away again. */
  const mayBeNull = /set_(token|apikey)/;

  test.each(TEXTS)(
    '%s refuses what is no text, an empty, a NUL and an endless one',
    (name, call, message) => {
      for (const wrong of WRONG) {
        if (mayBeNull.test(name) && (wrong === 'NULL' || wrong === "''")) continue;
        expectRefused(call(wrong), message);
      }
    },
  );

  test.each([
    ["cloudsync_init('t', 'cls', 'yes')", /force must be an integer/],
    ["cloudsync_init('t', 'cls', 2)", /force must be an integer from 0 to 1/],
    ["cloudsync_init('t', 'cls', NULL)", /force must be an integer/],
    ["cloudsync_payload_encode('0')", /since must be an integer/],
    ['cloudsync_payload_encode(NULL)', /since must be an integer/],
    ['cloudsync_payload_encode(0.5)', /since must be an integer/],
    ['cloudsync_payload_encode(1e300)', /since must be an integer/],
    ['cloudsync_payload_encode(-1)', /since must be an integer from 0 to/],
    ['cloudsync_payload_encode(9223372036854775807)', /since must be an integer from 0 to/],
    ["cloudsync_payload_save('/tmp/x', -1)", /since must be an integer from 0 to/],
    ['cloudsync_payload_apply(NULL)', /the payload must be a blob, not NULL/],
    ["cloudsync_payload_apply('CSP')", /the payload must be a blob/],
    ['cloudsync_payload_apply(5)', /the payload must be a blob/],
    ["cloudsync_payload_page('0', 0, 4096, NULL)", /position must be an integer/],
    ['cloudsync_payload_page(0, -1, 4096, NULL)', /since must be an integer from 0 to/],
    ['cloudsync_payload_page(0, 0, 1, NULL)', /bytes must be an integer from 1024 to/],
    ["cloudsync_payload_page(0, 0, 4096, x'00')", /the site.*16 bytes|blob argument has the wrong size/],
    ["cloudsync_payload_rows('t', 0, NULL, 4096)", /the list of rows must be a blob/],
    ['cloudsync_payload_rows(NULL, 0, NULL, 4096)', /the list of rows is damaged/],
    ["cloudsync_payload_rows(x'90', 0, x'00', 4096)", /blob argument has the wrong size/],
    ["cloudsync_payload_rows(x'90', 0, NULL, 100)", /bytes must be an integer from 1024 to/],
    ["cloudsync_payload_take(x'', zeroblob(16), 5)", /the list of refused rows must be a blob/],
    ["cloudsync_set('batch_bytes', 'many')", /batch_bytes must be a number from 1024/],
    ["cloudsync_set('batch_bytes', 5)", /batch_bytes must be a number from 1024/],
    ["cloudsync_set('batch_bytes', NULL)", /the value must be a text or an integer/],
    ["cloudsync_set('conflicts.max_rows', 0)", /conflicts.max_rows must be a number from 1 to 1000000/],
    ["cloudsync_set('conflicts.max_rows', '10 rows')", /conflicts.max_rows must be a number from 1 to/],
    ["cloudsync_set('conflicts.max_days', 36501)", /conflicts.max_days must be a number from 1 to 36500/],
    ["cloudsync_set('conflicts.max_days', -1)", /conflicts.max_days must be a number from 1 to 36500/],
    ["cloudsync_restore('first')", /the id must be an integer/],
    ['cloudsync_restore(NULL)', /the id must be an integer/],
    ['cloudsync_restore(0)', /the id must be an integer from 1 to/],
    ["cloudsync_network_sync('soon')", /must be an integer/],
    ['cloudsync_network_sync(-1)', /must be an integer from 0/],
    ['cloudsync_network_sync(0, -1)', /must be an integer from 0/],
  ])('%s', (call, message) => {
    expectRefused(call, message);
  });

  test('a number that a driver passes as REAL counts when it is whole', () => {
    // JavaScript drivers bind every number as REAL.
    expect(db.prepare('SELECT length(cloudsync_payload_encode(?))').pluck().get(0)).toBeGreaterThan(0n);
    expect(db.prepare("SELECT cloudsync_init('numbered', 'cls', ?)").pluck().get(1)).toMatch(
      /^[0-9a-f]{32}$/,
    );
  });
});

describe('objects', () => {
  test.each([
    ["cloudsync_init('nothing')", /'nothing' is no table of the main database; create it first/],
    ["cloudsync_init('main.t')", /'main.t' is no table/],
    ["cloudsync_init('plain')", /'plain' has no PRIMARY KEY; add one/],
    ["cloudsync_init('seen')", /'seen' is a view; synchronise the tables/],
    ["cloudsync_init('words')", /'words' is a virtual table; synchronise the table/],
    ["cloudsync_init('words_data')", /'words_data'/],
    ["cloudsync_init('numbered')", /'numbered' has a lone integer key.*cloudsync_uuid/],
    ["cloudsync_init('collated')", /'collated'.*collation.*rebuild the table/],
    ["cloudsync_init('nullable')", /'nullable' has rows whose key is NULL; give them a key/],
    ["cloudsync_init('sqlite_schema')", /'sqlite_schema'/],
    ["cloudsync_init('cloudsync_settings')", /belongs to SQLite or to cloudsync/],
    ["cloudsync_init('t_cloudsync')", /belongs to SQLite or to cloudsync/],
    ["cloudsync_init('t_cloudsync_log')", /belongs to SQLite or to cloudsync/],
    ["cloudsync_init('t', 'lww')", /no algorithm 'lww'; choose cls, dws, aws or gos/],
    ["cloudsync_init('t', 'dws')", /'t' is tracked with another algorithm already; call cloudsync_cleanup/],
    ["cloudsync_cleanup('plain')", /'plain' is not synchronised: call cloudsync_init\('plain'\) first/],
    ["cloudsync_enable('nothing')", /'nothing' is not synchronised: call cloudsync_init/],
    ["cloudsync_disable('seen')", /'seen' is not synchronised: call cloudsync_init/],
    ["cloudsync_set('nonsense', 1)", /no setting 'nonsense'; known: batch_bytes/],
    ["cloudsync_set_table('plain', 'send', 'on')", /'plain' is not synchronised/],
    ["cloudsync_set_table('t', 'nonsense', 'on')", /no setting 'nonsense'; known: send.*conflicts/],
    ["cloudsync_set_table('t', 'conflicts', 'on')", /must be 'keep' or 'off'/],
    ["cloudsync_set_table('plain', 'conflicts', 'keep')", /'plain' is not synchronised/],
    ['cloudsync_restore(1)', /cloudsync_conflicts has no entry 1; it may have been restored/],
    ["cloudsync_set_table('t', 'send', 'maybe')", /must be 'on' or 'off'/],
    ["cloudsync_set_column('t', 'z', 'send', 'on')", /'t' has no column 'z'/],
    ["cloudsync_set_column('t', 'id', 'send', 'on')", /'t' has no column 'id' besides its key/],
    [`cloudsync_payload_load('${MISSING}')`, /file '\/nonexistent-folder\/payload.csp' cannot be opened/],
    [
      `cloudsync_payload_save('${MISSING}')`,
      /'\/nonexistent-folder\/payload.csp' cannot be created; check the folder/,
    ],
    ["cloudsync_payload_load('/')", /'\/' cannot be|cannot be read/],
    ["cloudsync_network_init('ftp://host/db')", /ftp:\/\/host\/db.*https?:\/\//],
    ["cloudsync_network_init('host/db')", /https?:\/\//],
    ["cloudsync_network_init('https://host')", /https:\/\/host/],
    ["cloudsync_network_init('https://user:secret@host/db')", /(?!.*secret)/],
  ])('%s', (call, message) => {
    expectRefused(call, message);
  });

  test('a table is not tracked by a query that reads, and that is said', () => {
    db.exec('CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL)');
    expectRefused("cloudsync_init('other') FROM t", /table is locked; this call cannot be part of a query/);
    initTable(db, 'other');
  });

  test('a name that has quotes in it is shown as it is', () => {
    expectRefused(`cloudsync_init('it''s "x"')`, /'it's "x"' is no table of the main database/);
  });

  test('a password in a URL is in no message', () => {
    let message = '';
    try {
      single(db, "SELECT cloudsync_network_init('https://user:s3cret@host/db')");
    } catch (error) {
      message = String(error);
    }
    expect(message).not.toBe('');
    expect(message).not.toContain('s3cret');
  });
});

describe('no table is tracked yet', () => {
  test.each([
    'cloudsync_payload_encode()',
    "cloudsync_cleanup('t')",
    "cloudsync_enable('t')",
    "cloudsync_set_table('t', 'send', 'on')",
    'cloudsync_restore(1)',
    'cloudsync_network_sync()',
    'cloudsync_network_send_changes()',
  ])('%s says so', (call) => {
    const bare = openDatabase();
    bare.exec('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL)');
    expect(() => single(bare, `SELECT ${call}`)).toThrow(
      /no table is synchronised.*cloudsync_init|cloudsync_network_init/,
    );
    expect(single(bare, 'SELECT count(*) FROM sqlite_schema')).toBe(2n);
    expect(single(bare, 'SELECT cloudsync_db_version()')).toBe(0n);
    expect(single(bare, 'SELECT cloudsync_siteid()')).toBeNull();
    expect(single(bare, "SELECT cloudsync_is_enabled('t')")).toBe(0n);
    bare.close();
  });

  test('a refused init leaves no table of ours behind', () => {
    const bare = openDatabase();
    expect(() => initTable(bare, 'nothing')).toThrow(/is no table/);
    expect(single(bare, 'SELECT count(*) FROM sqlite_schema')).toBe(0n);
    bare.close();
  });
});

describe('packets', () => {
  const hex = (bytes: Buffer) => `x'${bytes.toString('hex')}'`;

  test.each([
    ['empty', (_: Buffer) => Buffer.from('00', 'hex')],
    ['random bytes', () => Buffer.from('this is no packet, whatever anybody says about it')],
    ['cut off', (packet: Buffer) => packet.subarray(0, packet.length - 1)],
    ['with a byte too many', (packet: Buffer) => Buffer.concat([packet, Buffer.from([0])])],
    [
      'with a flipped bit',
      (packet: Buffer) => packet.map((byte, i) => (i === packet.length - 3 ? byte ^ 4 : byte)),
    ],
    ['good, then a damaged one', (packet: Buffer) => Buffer.concat([packet, packet.subarray(0, 30)])],
  ])('%s', (_, spoil) => {
    const other = openDatabase();
    other.exec("CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a); INSERT INTO t VALUES('other', 9)");
    initTable(other, 't');
    expectRefused(
      `cloudsync_payload_apply(${hex(Buffer.from(spoil(encodePayload(other))))})`,
      /cloudsync: .*packet/,
    );
    other.close();
  });

  test('a payload of no packets is nothing', () => {
    expect(single(db, "SELECT cloudsync_payload_apply(x'')")).toBe(0n);
  });
});
