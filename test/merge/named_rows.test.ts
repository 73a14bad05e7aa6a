/**
 * named_rows.test.ts: what a server does with rows one by one: it leaves rows out of what a device sent
 * (cloudsync_payload_take with a list of refused rows) and makes packets of rows that it names
 * (cloudsync_payload_rows).
 */
import { afterEach, describe, expect, test } from 'vitest';
import { decodePayload } from '../packet/decode.js';
import type { Algorithm, Row } from '../packet/packet.js';
import { integer, real, text, type Value } from '../packet/value.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { encodeNamedRows, type RowName } from '../support/named_rows.js';

const opened: Connection[] = [];

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

const SCHEMA = `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b);
  CREATE TABLE pairs(x INTEGER NOT NULL, y REAL NOT NULL, PRIMARY KEY(x, y))`;

function database(algorithm: Algorithm = 'cls', schema = SCHEMA): Connection {
  const db = openDatabase();
  opened.push(db);
  db.exec(schema);
  for (const table of ['t', 'pairs']) initTable(db, table, algorithm, true);
  return db;
}

function siteOf(db: Connection): Buffer {
  return Buffer.from(single(db, 'SELECT cloudsync_siteid()') as string, 'hex');
}

function take(db: Connection, payload: Buffer, from: Connection, refused: readonly RowName[] | null): bigint {
  const list = refused && encodeNamedRows(refused);
  return single(db, 'SELECT cloudsync_payload_take(?, ?, ?)', payload, siteOf(from), list) as bigint;
}

function ids(db: Connection): string {
  return single(
    db,
    "SELECT coalesce(group_concat(id, ''), '') FROM (SELECT id FROM t ORDER BY id)",
  ) as string;
}

describe('rows that are refused', () => {
  test('are left out, and the others are merged as ever', () => {
    const [device, server, other] = [database(), database(), database()];
    device.exec("INSERT INTO t VALUES('a', 1, 1), ('b', 2, 2), ('c', 3, 3); INSERT INTO pairs VALUES(1, 2)");
    const payload = encodePayload(device);
    expect(
      take(server, payload, device, [
        ['T', text('b')],
        ['pairs', integer(1), real(2)],
      ]),
    ).toBe(2n);
    expect([ids(server), single(server, 'SELECT count(*) FROM pairs')]).toEqual(['ac', 0n]);
    // Nothing of them is left: a database that never heard of them has the same state.
    expect(dumpMetadata(server).some((line) => line.includes('pairs'))).toBe(false);
    expect(take(other, payload, device, null)).toBe(4n);
    expect(take(server, payload, device, [])).toBe(4n);
    expect(dumpMetadata(server)).toEqual(dumpMetadata(other));
  });

  test('a refused deletion leaves the row, a refused write its values', () => {
    const [device, server] = [database(), database()];
    device.exec("INSERT INTO t VALUES('a', 1, 1), ('b', 2, 2)");
    take(server, encodePayload(device), device, null);
    const before = dumpTable(server, 't');
    const seq = arrivalNumber(server);
    device.exec("DELETE FROM t WHERE id = 'a'; UPDATE t SET a = 9 WHERE id = 'b'");
    expect(
      take(server, encodePayload(device), device, [
        ['t', text('a')],
        ['t', text('b')],
      ]),
    ).toBe(0n);
    expect([dumpTable(server, 't'), arrivalNumber(server)]).toEqual([before, seq]);
  });

  test('no spelling of the key gets a row through', () => {
    const key = 'CREATE TABLE t(id PRIMARY KEY NOT NULL, a, b); CREATE TABLE pairs(x PRIMARY KEY NOT NULL)';
    const stored =
      'CREATE TABLE t(id INTEGER PRIMARY KEY NOT NULL, a, b); CREATE TABLE pairs(x TEXT PRIMARY KEY NOT NULL)';
    const [device, server] = [database('cls', key), database('cls', stored)];
    device.exec("INSERT INTO t(id) VALUES('5'), (' 6 '), (7.0); INSERT INTO pairs VALUES(8)");
    const refused: RowName[] = [5, 6, 7].map((id) => ['t', integer(BigInt(id))]);
    expect(take(server, encodePayload(device), device, [...refused, ['pairs', text('8')]])).toBe(0n);
    expect(single(server, 'SELECT count(*) FROM t') as bigint).toBe(0n);
    expect(take(server, encodePayload(device), device, null)).toBe(4n);
    expect(single(server, 'SELECT sum(id) FROM t') as bigint).toBe(18n);
  });

  test('rows of a table that is not here are not even held', () => {
    const [device, server] = [database(), openDatabase()];
    opened.push(server);
    server.exec('CREATE TABLE u(id TEXT PRIMARY KEY NOT NULL)');
    initTable(server, 'u');
    device.exec("INSERT INTO t VALUES('a', 1, 1), ('b', 2, 2)");
    take(server, encodePayload(device), device, [['t', text('a')]]);
    expect(single(server, 'SELECT count(*) FROM cloudsync_held')).toBe(1n);
  });

  test('a refused row does not lift the clock of the server', () => {
    const [device, server] = [database(), database()];
    device.exec("INSERT INTO t VALUES('a', 1, 1)");
    single(device, 'SELECT cloudsync_db_version()');
    device.exec("UPDATE cloudsync_settings SET value = value + 3600000000 WHERE key = 'clock'");
    device.exec("INSERT INTO t VALUES('b', 1, 1)");
    const clock = () => single(server, "SELECT value FROM cloudsync_settings WHERE key = 'clock'") as bigint;
    const limit = BigInt(Date.now() + 60_000) * 1000n;
    take(server, encodePayload(device), device, [['t', text('b')]]);
    expect(clock()).toBeLessThan(limit);
    take(server, encodePayload(device), device, null);
    expect(clock()).toBeGreaterThan(limit);
  });

  test.each([
    ['garbage', Buffer.from('c1', 'hex')],
    ['cut off', Buffer.from('92', 'hex')],
    ['bytes behind it', Buffer.concat([encodeNamedRows([]), Buffer.from([0])])],
  ])('%s is no list', (_, list) => {
    const [device, server] = [database(), database()];
    const statement = server.prepare('SELECT cloudsync_payload_take(?, ?, ?)');
    expect(() => statement.get(encodePayload(device), siteOf(device), list)).toThrow(/list of refused rows/);
    expect(() => server.prepare('SELECT cloudsync_payload_rows(?, 0, NULL, 4096)').get(list)).toThrow(
      /list of rows/,
    );
  });
});

/** Calls cloudsync_payload_rows: how many names were used, and the rows in the packet. */
function rowsOf(
  db: Connection,
  names: readonly RowName[],
  since = 0n,
  site: Buffer | null = null,
  bytes = 4096n,
) {
  const sql = 'SELECT cloudsync_payload_rows(?, ?, ?, ?)';
  const result = single(db, sql, encodeNamedRows(names), since, site, bytes) as Buffer;
  const packets = decodePayload(result.subarray(4));
  const rows = packets.flatMap(({ tables }) => tables.flatMap((table) => table.rows));
  return { used: result.readUInt32LE(0), packet: result.subarray(4), rows };
}

/** The names of the columns that a row brings. */
function columnsOf(row: Row | undefined): string {
  return [...(row?.columns.keys() ?? [])].join();
}

describe.each<Algorithm>(['cls', 'dws', 'aws'])('rows that are named (%s)', (algorithm) => {
  test('travel whole, with what is newer than a seq, or as their deletion', () => {
    const server = database(algorithm);
    server.exec("INSERT INTO t VALUES('a', 1, 1), ('b', 2, 2), ('c', 3, 3); INSERT INTO pairs VALUES(1, 2)");
    const since = arrivalNumber(server);
    server.exec("UPDATE t SET b = 5 WHERE id = 'a'; DELETE FROM t WHERE id = 'c'");
    const end = arrivalNumber(server);
    const all: RowName[] = [
      ['t', text('c')],
      ['pairs', integer(1), real(2)],
      ['t', text('a')],
    ];
    const whole = rowsOf(server, all);
    expect([whole.used, whole.rows.length]).toEqual([3, 3]);
    const device = database(algorithm);
    applyPayload(device, whole.packet);
    expect(dumpTable(device, 't')).toEqual(dumpTable(server, 't').filter((line) => line.startsWith("('a')")));
    expect(dumpTable(device, 'pairs')).toEqual(dumpTable(server, 'pairs'));
    const newer = rowsOf(server, all, since).rows;
    expect(newer.map((row) => [row.cl % 2n, columnsOf(row)])).toEqual([
      [0n, ''],
      [1n, 'b'],
    ]);
    // The deletion always goes along: the asker may have been shown the row later.
    expect(rowsOf(server, all, end).rows.map((row) => row.cl % 2n)).toEqual([0n]);
  });

  test('what a site has written is left out for it', () => {
    const [device, server] = [database(algorithm), database(algorithm)];
    server.exec("INSERT INTO t VALUES('a', 1, 1)");
    applyPayload(device, encodePayload(server));
    device.exec('UPDATE t SET a = 2; INSERT INTO pairs VALUES(1, 2)');
    take(server, encodePayload(device), device, null);
    const names: RowName[] = [
      ['t', text('a')],
      ['pairs', integer(1), real(2)],
    ];
    const { rows } = rowsOf(server, names, 0n, siteOf(device));
    // Of aws rows everything is sent, as in the feed.
    expect(rows.map(columnsOf)).toEqual(algorithm === 'aws' ? ['a,b', ''] : ['b']);
    expect(rowsOf(server, names, 0n, siteOf(server)).rows.length).toBe(algorithm === 'aws' ? 2 : 2);
  });
});

describe('rows that are named', () => {
  test('are packed until the bytes are reached, and at least one', () => {
    const server = database();
    server.exec("INSERT INTO t SELECT value, randomblob(700), 1 FROM json_each('[1,2,3,4,5]')");
    const names: RowName[] = ['1', '2', '3', '4', '5'].map((id) => ['t', text(id)]);
    expect(rowsOf(server, names, 0n, null, 1024n)).toMatchObject({ used: 2, rows: { length: 2 } });
    expect(rowsOf(server, names.slice(4), 0n, null, 1024n).used).toBe(1);
  });

  test('a name of nothing is passed over, whatever it is', () => {
    const server = database();
    server.exec("INSERT INTO t VALUES('a', 1, 1)");
    const nothing: readonly (readonly [string, ...Value[]])[] = [
      ['t', text('b')],
      ['nowhere', text('a')],
      ['t'],
      ['t', text('a'), text('a')],
      ['t', { type: 'null' }],
      ['cloudsync_settings', text('seq')],
    ];
    expect(rowsOf(server, nothing)).toMatchObject({ used: 6, rows: [] });
    expect(rowsOf(server, [...nothing, ['t', text('a')]])).toMatchObject({ used: 7, rows: { length: 1 } });
  });

  test('a row that is held is sent with the values that it is held with', () => {
    const schema = `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a UNIQUE, b);
      CREATE TABLE pairs(x PRIMARY KEY NOT NULL)`;
    const [first, second, server] = [
      database('cls', schema),
      database('cls', schema),
      database('cls', schema),
    ];
    first.exec("INSERT INTO t VALUES('a', 'same', 'of a')");
    second.exec("INSERT INTO t VALUES('b', 'same', 'of b')");
    for (const db of [first, second]) take(server, encodePayload(db), db, null);
    expect(single(server, 'SELECT count(*) FROM t')).toBe(1n);
    const rows = ['a', 'b'].map((id) => rowsOf(server, [['t', text(id)]]).rows[0]);
    expect(rows.map((row) => row?.columns.get('b')?.value)).toEqual([text('of a'), text('of b')]);
  });

  test('of a paused table only what was announced before', () => {
    const server = database();
    server.exec("INSERT INTO t VALUES('a', 1, 1)");
    single(server, "SELECT cloudsync_disable('t')");
    server.exec("INSERT INTO t VALUES('b', 1, 1)");
    single(server, 'SELECT cloudsync_db_version()');
    const names: RowName[] = [
      ['t', text('b')],
      ['t', text('a')],
    ];
    expect(rowsOf(server, names).rows.map(({ key }) => key)).toEqual([[text('a')]]);
  });
});
