/**
 * packets-and-network.test.ts: the section "Packets and network" of the hazards, the lines that no other test
 * holds: what one packet can do to a database at most, what does not fit, and who may start a session.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { Device, failureOf } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { encodePacket } from '../packet/encode.js';
import type { Packet, Row, Stamp } from '../packet/packet.js';
import { row, SITES } from '../packet/samples.js';
import { text } from '../packet/value.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  heldChanges,
  single,
  snapshot,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { closeAll, MODES, numbers, open, pair, replica, syncAndCompare } from './replicas.js';

afterEach(closeAll);

const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)';

/** A packet of another device with these rows of t. */
function packetOf(...rows: Row[]): Buffer {
  const table = { name: 't', algorithm: 'cls' as const, keyColumns: ['id'], columns: ['a', 'b'], rows };
  const packet: Packet = { site: SITES[2], since: 0n, upto: 0n, tables: [table] };
  return encodePacket(packet);
}

function microseconds(fromNow: number): bigint {
  return BigInt(Date.now() + fromNow) * 1000n;
}

describe.each(MODES)('$name', (mode) => {
  test('empty packet, own packet, packet twice: no-op', () => {
    const both = pair(SCHEMA, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 2), ('gone', 1, 2); DELETE FROM t WHERE id = 'gone'");
    both[1].exec("INSERT INTO t VALUES('x', 3, 4), ('y', 5, 6)");
    syncAndCompare(both, 't');
    both[0].exec("UPDATE t SET a = 7; DELETE FROM t WHERE id = 'y'");
    syncAndCompare(both, 't');
    for (const db of both) {
      const before = snapshot(db, ['t']);
      const seq = arrivalNumber(db);
      for (const payload of [
        Buffer.alloc(0),
        encodePayload(both[0]),
        encodePayload(both[1]),
        encodePayload(both[1], 1n),
      ]) {
        applyPayload(db, payload);
        applyPayload(db, payload);
      }
      expect(snapshot(db, ['t'])).toBe(before);
      expect(arrivalNumber(db)).toBe(seq);
    }
  });
});

describe('what one packet can do at most', () => {
  const HOUR = 3_600_000;

  test('a stamp nearly a day ahead wins once; the next local write wins over it, everywhere', () => {
    const both = pair(SCHEMA, ['t']);
    both[0].exec("INSERT INTO t VALUES('x', 'mine', 1)");
    exchangeAll(both);
    const far: Stamp = { clock: microseconds(23 * HOUR), site: SITES[2] };
    applyPayload(both[0], packetOf(row([text('x')], far, { a: text('pinned'), b: text('pinned') })));
    expect(dumpTable(both[0], 't')).toEqual(["('x') a='pinned' b='pinned'"]);
    both[0].exec("UPDATE t SET a = 'mine again'");
    expect(syncAndCompare(both, 't')).toEqual(["('x') a='mine again' b='pinned'"]);
    both[1].exec("UPDATE t SET b = 'also mine'; INSERT INTO t VALUES('new', 1, 1)");
    expect(syncAndCompare(both, 't')[1]).toBe("('x') a='mine again' b='also mine'");
  });

  test('packets that each go a day further do not add up: what limits them is the wall clock', () => {
    const db = replica(SCHEMA, ['t']);
    const ahead = (days: number): Stamp => ({ clock: microseconds(days * 23 * HOUR), site: SITES[2] });
    applyPayload(db, packetOf(row([text('x')], ahead(1), { a: text('one') })));
    const before = snapshot(db, ['t']);
    expect(
      failureOf(() => applyPayload(db, packetOf(row([text('x')], ahead(2), { a: text('two') })))),
    ).toMatch(/cloudsync: /);
    expect(snapshot(db, ['t'])).toBe(before);
    db.exec("UPDATE t SET a = 'still working'");
    expect(encodePayload(db).length).toBeGreaterThan(0);
  });

  test('a large causal length is bounded, and the row can still be deleted and inserted', () => {
    const both = pair(SCHEMA, ['t']);
    both[0].exec("INSERT INTO t VALUES('x', 1, 1)");
    exchangeAll(both);
    const now: Stamp = { clock: microseconds(0), site: SITES[2] };
    const jump = (cl: bigint) => packetOf(row([text('x')], now, { a: text('jumped'), b: text('') }, cl));
    for (const cl of [2n ** 53n + 1n, 2n ** 40n + 1n, 2n ** 21n + 1n]) {
      const before = snapshot(both[0], ['t']);
      expect(failureOf(() => applyPayload(both[0], jump(cl)))).toMatch(/cloudsync: /);
      expect(snapshot(both[0], ['t'])).toBe(before);
    }
    applyPayload(both[0], jump(2n ** 20n + 1n));
    expect(syncAndCompare(both, 't')).toEqual(["('x') a='jumped' b=''"]);
    both[1].exec('DELETE FROM t');
    expect(syncAndCompare(both, 't')).toEqual([]);
    both[0].exec("INSERT INTO t VALUES('x', 'back', 2)");
    expect(syncAndCompare(both, 't')).toEqual(["('x') a='back' b=2"]);
  });

  test('a packet that claims to be from this very site changes nothing for ever', () => {
    const both = pair(SCHEMA, ['t']);
    both[0].exec("INSERT INTO t VALUES('x', 1, 1)");
    const own = single(both[0], 'SELECT cloudsync_siteid()') as string;
    encodePayload(both[0]);
    const forged: Stamp = { clock: microseconds(0), site: own };
    applyPayload(both[0], packetOf(row([text('x')], forged, { a: text('forged') })));
    both[0].exec("UPDATE t SET a = 'real'");
    expect(syncAndCompare(both, 't')).toEqual(["('x') a='real' b=1"]);
    expect(single(both[0], 'SELECT cloudsync_siteid()')).toBe(own);
  });
});

describe('what does not fit', () => {
  const LIMIT = 16 * 1024 * 1024;

  test('a value at the limit travels; one byte more stays, is reported by name, and stops nothing', () => {
    const [db, other] = pair(SCHEMA, ['t']);
    db.exec(`INSERT INTO t VALUES('exact', zeroblob(${LIMIT}), 'beside'),
      ('over', zeroblob(${LIMIT + 1}), 'beside'), ('small', 1, 2),
      ('text', printf('%.*c', ${LIMIT}, 'x'), 1)`);
    applyPayload(other, encodePayload(db));
    expect(other.prepare('SELECT id, length(a), b FROM t ORDER BY id').raw().all()).toEqual([
      ['exact', BigInt(LIMIT), 'beside'],
      ['over', null, 'beside'],
      ['small', 1n, 2n],
      ['text', BigInt(LIMIT), 1n],
    ]);
    const [report, ...others] = heldChanges(db);
    expect(others).toEqual([]);
    expect(report?.tbl).toBe('t');
    expect(report?.reason).toContain(`${LIMIT + 1} bytes`);
    expect(single(db, 'SELECT columns FROM cloudsync_held')).toBe('a');
    db.exec("UPDATE t SET a = 'shorter' WHERE id = 'over'");
    applyPayload(other, encodePayload(db, 4n));
    expect(dumpTable(other, 't').find((line) => line.startsWith("('over')"))).toBe(
      "('over') a='shorter' b='beside'",
    );
  });

  test('a row whose values together exceed a packet arrives as far as it fits, the rest is reported', () => {
    const [db, other] = pair(SCHEMA, ['t']);
    db.exec(`INSERT INTO t VALUES('x', zeroblob(${LIMIT}), zeroblob(${LIMIT})), ('y', 1, 2)`);
    applyPayload(other, encodePayload(db));
    expect(other.prepare('SELECT id, length(a), length(b) FROM t ORDER BY id').raw().all()).toEqual([
      ['x', BigInt(LIMIT), null],
      ['y', 1n, 1n],
    ]);
    expect(heldChanges(db).length).toBe(1);
  });
});

const workspace = useWorkspace();

describe('through a server', () => {
  test('one row that cannot apply inside a large packet: the rest applies, the cursor moves', () => {
    const sender = new Device()
      .run('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)')
      .connect(workspace.server, 'strict');
    const receiver = new Device().run("CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a CHECK(a <> 'bad'))");
    receiver.connect(workspace.server, 'strict');
    for (const device of [sender, receiver]) device.value("SELECT cloudsync_init('t')");
    sender.run(`${numbers(999)} INSERT INTO t SELECT 'row' || i, i FROM n`);
    sender.run("UPDATE t SET a = 'bad' WHERE id = 'row500'");
    sender.sync();
    const report = receiver.sync();
    expect([report.received.rows, report.held]).toEqual([999, 1]);
    expect(receiver.value('SELECT count(*) FROM t')).toBe(998);
    expect(receiver.value('SELECT reason FROM cloudsync_held')).toMatch(/CHECK constraint failed/);
    expect(receiver.sync().received.rows).toBe(0);
    sender.run("UPDATE t SET a = 'good' WHERE id = 'row500'; UPDATE t SET a = 'next' WHERE id = 'row1'");
    sender.sync();
    receiver.sync();
    expect(receiver.rows("SELECT a FROM t WHERE id IN ('row1', 'row500') ORDER BY id")).toEqual([
      'next',
      'good',
    ]);
    expect(receiver.sync().held).toBe(0);
    for (const device of [sender, receiver]) device.close();
  });

  test('sync called inside an open transaction: refused with a clear error, the transaction goes on', () => {
    const device = new Device().run(SCHEMA).connect(workspace.server, 'transaction');
    device.value("SELECT cloudsync_init('t')");
    device.run("BEGIN; INSERT INTO t VALUES('mine', 1, 2)");
    for (const call of ['sync()', 'send_changes()', 'check_changes()']) {
      expect(failureOf(() => device.value(`SELECT cloudsync_network_${call}`))).toMatch(
        /cloudsync: .*transaction/,
      );
    }
    expect(device.database.inTransaction).toBe(true);
    device.run('COMMIT');
    expect(device.sync().sent.batches).toBe(1);
    device.close();
  });
});

describe('network functions in a hostile file', () => {
  /** An HTTP server that only counts, in a thread of its own. */
  const COUNTER = `const { createServer } = require('node:http');
    const { parentPort } = require('node:worker_threads');
    let requests = 0;
    const server = createServer((_, response) => { requests++; response.end(); });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
    parentPort.on('message', () => parentPort.postMessage(requests));`;

  /** What an attacker can put into a file that somebody else then opens and uses. */
  const TRAPS: ReadonlyArray<[name: string, trap: string, use: string]> = [
    [
      'view',
      "CREATE VIEW innocent AS SELECT cloudsync_network_init('URL') + cloudsync_network_sync()",
      'SELECT * FROM innocent',
    ],
    [
      'trigger',
      "CREATE TRIGGER trap AFTER INSERT ON t BEGIN SELECT cloudsync_network_init('URL'); END",
      "INSERT INTO t VALUES('new', 1, 2)",
    ],
    [
      'trigger of a merge',
      'CREATE TRIGGER trap AFTER UPDATE ON t BEGIN SELECT cloudsync_network_sync(); END',
      'APPLY',
    ],
    [
      'default',
      "CREATE TABLE trap(a, b DEFAULT (cloudsync_network_set_token('stolen')))",
      'INSERT INTO trap(a) VALUES(1)',
    ],
    [
      'payload file',
      "CREATE VIEW innocent AS SELECT cloudsync_payload_save('PATH')",
      'SELECT * FROM innocent',
    ],
  ];

  test.each(TRAPS)('reachable from a %s: refused, and no request is made', async (_, trap, use) => {
    const counter = new Worker(COUNTER, { eval: true });
    const [port] = (await once(counter, 'message')) as [number];
    const [db, other] = pair(SCHEMA, ['t']);
    single(db, 'SELECT cloudsync_network_init(?)', `http://127.0.0.1:${port}/db`);
    single(db, "SELECT cloudsync_network_set_token('secret')");
    db.exec("INSERT INTO t VALUES('x', 1, 2)");
    exchangeAll([db, other]);
    other.exec('UPDATE t SET a = 2');
    const path = join(workspace.path('stolen'));
    // SQLite itself refuses some at once, others when they are used.
    const message = failureOf(() => {
      db.exec(trap.replace('URL', `http://127.0.0.1:${port}/stolen`).replace('PATH', path));
      if (use !== 'APPLY') return db.exec(use);
      applyPayload(db, encodePayload(other));
      throw new Error(
        heldChanges(db)
          .map(({ reason }) => reason)
          .join(),
      );
    });
    expect(message).toMatch(/unsafe use of cloudsync_(network|payload)_/);
    counter.postMessage('how many');
    const [requests] = (await once(counter, 'message')) as [number];
    expect(requests).toBe(0);
    expect(JSON.parse(single(db, 'SELECT cloudsync_network_status()') as string).url).toContain('/db');
    await counter.terminate();
  });
});

/** The bytes of the whole database. */
function bytesOf(db: Connection): string {
  return db.serialize().toString('latin1');
}

test('credentials are in no setting, no status and not in the database file', () => {
  const db = replica(SCHEMA, ['t']);
  single(db, "SELECT cloudsync_network_init('http://127.0.0.1:9/db')");
  for (const [call, secret] of [
    ['set_token', 'T0kenT0kenT0ken'],
    ['set_apikey', 'K3yK3yK3yK3y'],
  ]) {
    single(db, `SELECT cloudsync_network_${call}('${secret}')`);
    const message = failureOf(() => single(db, 'SELECT cloudsync_network_sync(0, 0)'));
    expect(message).toMatch(/cannot be reached/);
    const shown = [
      message,
      single(db, 'SELECT cloudsync_status()'),
      single(db, 'SELECT cloudsync_network_status()'),
      bytesOf(db),
    ];
    for (const one of shown) expect(one).not.toContain(secret);
  }
  expect(bytesOf(db)).toContain('http://127.0.0.1:9/');
  const copy = open({ source: db.serialize() });
  expect(JSON.parse(single(copy, 'SELECT cloudsync_network_status()') as string).credential).toBe(false);
});
