/**
 * Invariant 5 where histories are too small to reach it: feeds of many packets, cursors inside them,
 * transactions that are undone, and clocks that stay near the wall time.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodePayload, splitPayload } from '../packet/decode.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  fullState,
  initTable,
  openDatabase,
  snapshot,
} from '../support/database.js';

const CREATE = 'CREATE TABLE items(id TEXT NOT NULL PRIMARY KEY, title, body)';
const RAW_SIZE_AIM = 256 * 1024;

let source: Connection;
let target: Connection;

function database(): Connection {
  const db = openDatabase();
  db.exec(CREATE);
  initTable(db, 'items');
  return db;
}

beforeEach(() => {
  source = database();
  target = database();
});

afterEach(() => {
  source.close();
  target.close();
});

function fill(rows: number): void {
  source.exec(`
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${rows})
    INSERT INTO items SELECT printf('%05d', n), 'title ' || n, hex(randomblob(200)) FROM numbers`);
}

describe('invariant 5: a reader misses nothing', () => {
  test('a large feed comes in packets of bounded size that follow each other', () => {
    fill(4000);
    const payload = encodePayload(source);
    const packets = decodePayload(payload);
    expect(packets.length).toBeGreaterThan(4);
    for (const bytes of splitPayload(payload)) expect(bytes.readUInt32LE(8)).toBeLessThan(2 * RAW_SIZE_AIM);
    let at = 0n;
    for (const packet of packets) {
      expect(packet.since).toBe(at);
      at = packet.upto;
    }
    expect(at).toBe(arrivalNumber(source));
    const rows = packets.flatMap(({ tables }) => tables.flatMap((table) => table.rows));
    expect(rows.length).toBe(4000);
    applyPayload(target, payload);
    expect(dumpTable(target, 'items')).toEqual(dumpTable(source, 'items'));
  });

  test('a reader that stops after any packet goes on from its cursor, whatever happened meanwhile', () => {
    fill(3000);
    const packets = splitPayload(encodePayload(source));
    packets.forEach((bytes, i) => {
      applyPayload(target, bytes);
      source.exec(`UPDATE items SET title = 'changed ${i}' WHERE id % 7 = ${i}`);
      source.exec(`DELETE FROM items WHERE id % 11 = ${i}`);
    });
    const cursor = decodePayload(packets.at(-1) as Buffer)[0]?.upto as bigint;
    applyPayload(target, encodePayload(source, cursor));
    expect(dumpTable(target, 'items')).toEqual(dumpTable(source, 'items'));
    expect(dumpMetadata(target)).toEqual(dumpMetadata(source));
  });

  test('every cursor: what was known there and the delta since make the whole', () => {
    const cursors: Array<{ seq: bigint; known: Buffer }> = [];
    for (let i = 0; i < 30; i++) {
      source.exec(`INSERT INTO items VALUES('${i}', ${i}, 'b') ON CONFLICT DO NOTHING`);
      source.exec(`UPDATE items SET ${i % 2 ? 'title' : 'body'} = 'v${i}' WHERE id = '${(i * 7) % (i + 1)}'`);
      if (i % 3 === 2) source.exec(`DELETE FROM items WHERE id = '${i - 2}'`);
      const known = encodePayload(source);
      cursors.push({ seq: arrivalNumber(source), known });
    }
    for (const { seq, known } of cursors) {
      const reader = database();
      applyPayload(reader, known);
      applyPayload(reader, encodePayload(source, seq));
      expect(dumpMetadata(reader)).toEqual(dumpMetadata(source));
      expect(dumpTable(reader, 'items')).toEqual(dumpTable(source, 'items'));
      reader.close();
    }
    expect(encodePayload(source, arrivalNumber(source)).length).toBe(0);
  });

  test('a write that was rolled back leaves no trace, and later writes are still found', () => {
    source.exec("INSERT INTO items VALUES('kept', 1, 1)");
    const before = snapshot(source, ['items']);
    const cursor = arrivalNumber(source);
    source.exec("BEGIN; INSERT INTO items VALUES('gone', 1, 1); UPDATE items SET title = 2; ROLLBACK");
    expect(snapshot(source, ['items'])).toBe(before);
    source.exec("INSERT INTO items VALUES('later', 1, 1)");
    const [packet] = decodePayload(encodePayload(source, cursor));
    expect(packet?.tables[0]?.rows.length).toBe(1);
  });

  test('a merge that is rolled back leaves no trace and can be done again', () => {
    source.exec("INSERT INTO items VALUES('a', 1, 1), ('b', 2, 2)");
    target.exec("INSERT INTO items VALUES('a', 3, 3)");
    const before = snapshot(target, ['items']);
    target.exec('BEGIN');
    applyPayload(target, encodePayload(source));
    expect(dumpTable(target, 'items').length).toBe(2);
    target.exec('ROLLBACK');
    expect(snapshot(target, ['items'])).toBe(before);
    applyPayload(target, encodePayload(source));
    applyPayload(source, encodePayload(target));
    expect(dumpTable(target, 'items')).toEqual(dumpTable(source, 'items'));
    expect(dumpMetadata(target)).toEqual(dumpMetadata(source));
  });
});

test('clocks are the wall time in microseconds, and never run ahead of it by themselves', () => {
  const start = BigInt(Date.now()) * 1000n;
  for (let i = 0; i < 50; i++) source.exec(`INSERT INTO items VALUES('${i}', ${i}, NULL)`);
  const clocks = fullState(source).flatMap(({ tables }) =>
    tables.flatMap((table) => table.rows.map((row) => row.stamp.clock)),
  );
  // SQLite's julianday has a resolution of one millisecond; writes within one take following numbers.
  const end = BigInt(Date.now() + 1) * 1000n + 50n;
  expect(new Set(clocks).size).toBe(50);
  for (const clock of clocks) {
    expect(clock).toBeGreaterThanOrEqual(start - 1000n);
    expect(clock).toBeLessThanOrEqual(end);
  }
});
