/**
 * merge.test.ts: the lines of the section "Merge" of the hazards list that are about rows alone: generations, stamps,
 * the way that changes take. (Constraints, triggers and changes of the schema have files of their own, see README.md.)
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Algorithm } from '../packet/packet.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { deliver, exchangeAll } from '../support/exchange.js';

const opened: Connection[] = [];

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

const TABLE = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b, c)';

function replicas(count: number, algorithm: Algorithm = 'cls', schema = TABLE): Connection[] {
  return Array.from({ length: count }, () => {
    const db = openDatabase();
    opened.push(db);
    db.exec(schema);
    initTable(db, 't', algorithm);
    return db;
  });
}

/** Runs statements and lets the extension take them in, so that every call has clocks of its own. */
function write(db: Connection, sql: string): void {
  const before = Date.now();
  db.exec(sql);
  arrivalNumber(db);
  // The next write shall be a later one: clocks follow the wall time in milliseconds.
  while (Date.now() <= before + 1);
}

function expectEqual(databases: readonly Connection[], rows?: string[]): void {
  const [first] = databases as [Connection];
  if (rows) expect(dumpTable(first, 't')).toEqual(rows);
  for (const db of databases) {
    expect(dumpTable(db, 't')).toEqual(dumpTable(first, 't'));
    expect(dumpMetadata(db)).toEqual(dumpMetadata(first));
    expect(heldChanges(db)).toEqual([]);
  }
}

/** Every order of three things. */
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

it('same key inserted on two sites, different columns: the later insert wins in all of its columns', () => {
  const [a, b] = replicas(2) as [Connection, Connection];
  write(a, "INSERT INTO t(id, a) VALUES('1', 'from a')");
  write(b, "INSERT INTO t(id, b) VALUES('1', 'from b')");
  exchangeAll([a, b]);
  expectEqual([a, b], ["('1') a=NULL b='from b' c=NULL"]);
  write(a, "UPDATE t SET a = 'again'");
  write(b, "UPDATE t SET c = 'too'");
  exchangeAll([a, b]);
  expectEqual([a, b], ["('1') a='again' b='from b' c='too'"]);
});

describe('delete against concurrent edits, re-insert against concurrent delete, in any order', () => {
  const cases: Array<[string, string[], string[]]> = [
    ['delete against edits', ['DELETE FROM t', "UPDATE t SET a = 'x'", "UPDATE t SET b = 'y'"], []],
    ['deleted by all', ['DELETE FROM t', 'DELETE FROM t', 'DELETE FROM t'], []],
    [
      're-insert against delete and edit',
      ["DELETE FROM t; INSERT INTO t VALUES('1', 'new', 0, 0)", 'DELETE FROM t', "UPDATE t SET a = 'x'"],
      ["('1') a='new' b=0 c=0"],
    ],
    [
      'deleted and re-inserted twice against once',
      [
        "DELETE FROM t; INSERT INTO t VALUES('1', 'once', 0, 0); DELETE FROM t; INSERT INTO t VALUES('1', 'two', 0, 0)",
        "DELETE FROM t; INSERT INTO t VALUES('1', 'later, once', 0, 0)",
        'DELETE FROM t',
      ],
      ["('1') a='two' b=0 c=0"],
    ],
  ];
  it.each(cases)('%s', (_name, writes, rows) => {
    for (const order of ORDERS) {
      const all = replicas(4) as Connection[];
      const [reader, ...writers] = all as [Connection, ...Connection[]];
      write(writers[0] as Connection, "INSERT INTO t VALUES('1', 0, 0, 0)");
      exchangeAll(all);
      // Each statement is taken in by itself, so that every deletion and insert counts.
      for (const [i, sql] of writes.entries())
        for (const one of sql.split('; ')) write(writers[i] as Connection, one);
      for (const i of order) deliver(writers[i] as Connection, reader);
      exchangeAll(all);
      expectEqual(all, rows);
    }
  });
});

it('only the re-insert arrives at a peer that never saw create or delete; the full replay later is a no-op', () => {
  const [a, b] = replicas(2) as [Connection, Connection];
  write(a, "INSERT INTO t VALUES('1', 'first', 0, 0)");
  const created = encodePayload(a);
  write(a, 'DELETE FROM t');
  const deleted = encodePayload(a);
  write(a, "INSERT INTO t VALUES('1', 'second', 0, 0)");
  applyPayload(b, encodePayload(a));
  const before = [dumpTable(b, 't'), dumpMetadata(b), arrivalNumber(b)];
  expect(before[0]).toEqual(["('1') a='second' b=0 c=0"]);
  for (const payload of [created, deleted, encodePayload(a)]) applyPayload(b, payload);
  expect([dumpTable(b, 't'), dumpMetadata(b), arrivalNumber(b)]).toEqual(before);
});

it('three peers: the re-insert reaches one of them after the updates of the new generation', () => {
  const [a, b, c] = replicas(3) as [Connection, Connection, Connection];
  const everybody = [a, b];
  write(c, "INSERT INTO t VALUES('1', 1, 1, 1)");
  for (const peer of everybody) deliver(c, peer);
  write(c, 'DELETE FROM t');
  for (const peer of everybody) deliver(c, peer);
  const deleted = arrivalNumber(c);
  write(c, "INSERT INTO t VALUES('1', 2, 2, 2)");
  const inserted = encodePayload(c, deleted);
  applyPayload(b, inserted);
  const position = arrivalNumber(c);
  write(c, 'UPDATE t SET b = 3, c = 3');
  const updated = encodePayload(c, position);
  for (const peer of everybody) applyPayload(peer, updated);
  applyPayload(a, inserted);
  exchangeAll([a, b, c]);
  expectEqual([a, b, c], ["('1') a=2 b=3 c=3"]);
});

it('equal values with different stamps: metadata equal everywhere, no ping-pong over three peers', () => {
  const all = replicas(3);
  for (const db of all) write(db, "INSERT INTO t VALUES('1', 'same', 'same', 'same')");
  exchangeAll(all);
  expectEqual(all, ["('1') a='same' b='same' c='same'"]);
  const resting = all.map(arrivalNumber);
  exchangeAll(all);
  expect(all.map(arrivalNumber)).toEqual(resting);
});

it('equal stamps from a copied database: the larger value everywhere, and no ping-pong', () => {
  const [a, other] = replicas(2) as [Connection, Connection];
  write(a, "INSERT INTO t VALUES('1', 'x', 0, 0)");
  const copy = openDatabase({ source: a.serialize() });
  opened.push(copy);
  write(a, "UPDATE t SET a = 'from the original'");
  write(copy, "UPDATE t SET a = 'from the copy'");
  const clock = single(a, 'SELECT max(clock) FROM t_cloudsync');
  copy.exec(`UPDATE t_cloudsync SET clock = ${clock}`);
  copy.exec('UPDATE t_cloudsync SET cols = NULL');
  a.exec('UPDATE t_cloudsync SET cols = NULL');
  exchangeAll([a, copy, other]);
  expectEqual([a, copy, other], ["('1') a='from the original' b=0 c=0"]);
});

it('a one-row delta through a relay, out of order, shuffled and twice', () => {
  const [a, relay, c] = replicas(3) as [Connection, Connection, Connection];
  const deltas: Buffer[] = [];
  for (const sql of [
    "INSERT INTO t VALUES('1', 0, 0, 0)",
    'UPDATE t SET a = 1',
    'UPDATE t SET b = 1',
    'DELETE FROM t',
    "INSERT INTO t VALUES('1', 2, 2, 2)",
    'UPDATE t SET c = 3',
  ]) {
    const from = arrivalNumber(a);
    write(a, sql);
    const before = arrivalNumber(relay);
    applyPayload(relay, encodePayload(a, from));
    deltas.push(encodePayload(relay, before));
  }
  const shuffled = [5, 0, 3, 3, 1, 4, 0, 2, 5].map((i) => deltas[i] as Buffer);
  for (const delta of shuffled) applyPayload(c, delta);
  expectEqual([a, relay, c], ["('1') a=2 b=2 c=3"]);
});

describe('grow-only and key-only tables', () => {
  it('gos: the same key on two sites is deterministic and receivable', () => {
    const all = replicas(3, 'gos');
    const [a, b] = all as [Connection, Connection];
    write(a, "INSERT INTO t VALUES('1', 'a', 'a', 'a')");
    write(b, "INSERT INTO t VALUES('1', 'b', 'b', 'b')");
    exchangeAll(all);
    expectEqual(all, ["('1') a='b' b='b' c='b'"]);
  });

  it.each<Algorithm>(['cls', 'dws', 'aws', 'gos'])(
    'key-only, %s: inserted on two sites, equal',
    (algorithm) => {
      const keys = 'CREATE TABLE t(x TEXT NOT NULL, y INTEGER NOT NULL, PRIMARY KEY(y, x))';
      const all = replicas(3, algorithm, keys);
      const [a, b] = all as [Connection, Connection];
      write(a, "INSERT INTO t VALUES('k', 1), ('only a', 2)");
      write(b, "INSERT INTO t VALUES('k', 1)");
      exchangeAll(all);
      expectEqual(all);
      expect(dumpTable(a, 't')).toHaveLength(2);
      if (algorithm === 'gos') return;
      write(b, 'DELETE FROM t WHERE y = 2');
      exchangeAll(all);
      expectEqual(all);
      expect(dumpTable(a, 't')).toHaveLength(1);
    },
  );
});
