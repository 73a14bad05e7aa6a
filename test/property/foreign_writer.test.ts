/**
 * Invariant 7 for programs that know nothing of cloudsync: what a plain connection writes to a tracked table
 * is in the next delta, exactly as if the extension had been there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALGORITHMS } from '../packet/packet.js';
import { literal, type Value } from '../packet/value.js';
import {
  applyPayload,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  fullState,
  initTable,
  openDatabase,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

const CREATE = 'CREATE TABLE items(id TEXT NOT NULL PRIMARY KEY, title, body)';

let directory: string;
let file: string;
const opened: Connection[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cloudsync-foreign-'));
  file = join(directory, 'app.db');
});

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
  rmSync(directory, { recursive: true });
});

function open(extension: boolean, source?: string): Connection {
  const db = openDatabase({ extension, ...(source ? { source } : {}) });
  opened.push(db);
  return db;
}

/** Metadata without stamps, which depend on when a write happened. */
function unstamped(db: Connection): string[] {
  const lines = fullState(db).flatMap(({ tables }) =>
    tables.flatMap(({ rows }) =>
      rows.map(({ key, cl, columns }) => {
        const cells = [...columns].map(([name, { value }]) => `${name}=${literal(value)}`).sort();
        return `${key.map((part: Value) => literal(part))} cl=${cl} ${cells}`;
      }),
    ),
  );
  return lines.sort();
}

const SCRIPT = [
  "INSERT INTO items VALUES('a', 1, 2), ('b', 3, 4), ('c', 5, 6), ('d', 7, 8)",
  "UPDATE items SET title = 'changed' WHERE id = 'a'",
  'UPDATE items SET title = title, body = body',
  "INSERT INTO items VALUES('b', 9, 9) ON CONFLICT DO UPDATE SET body = excluded.body",
  "REPLACE INTO items VALUES('c', 'replaced', 'replaced')",
  "UPDATE items SET id = 'e' WHERE id = 'd'",
  "BEGIN; DELETE FROM items WHERE id = 'a'; INSERT INTO items VALUES('a', 'again', NULL); COMMIT",
  "BEGIN; DELETE FROM items; ROLLBACK; DELETE FROM items WHERE id = 'e'",
];

test.each(['cls', 'aws'] as const)(
  '%s: a plain connection and one with the extension leave the same',
  (algorithm) => {
    const early = open(false, file);
    early.exec(CREATE);
    const tracked = open(true, file);
    initTable(tracked, 'items', algorithm);
    const late = open(false, file);
    const reference = open(true);
    reference.exec(CREATE);
    initTable(reference, 'items', algorithm);
    SCRIPT.forEach((sql, i) => {
      (i % 2 ? early : late).exec(sql);
      reference.exec(sql);
    });
    expect(dumpTable(tracked, 'items')).toEqual(dumpTable(reference, 'items'));
    expect(unstamped(tracked)).toEqual(unstamped(reference));
  },
);

test.each(ALGORITHMS)(
  '%s: writes while no connection has the extension are found after reopening',
  (algorithm) => {
    const first = open(true, file);
    first.exec(CREATE);
    initTable(first, 'items', algorithm);
    first.exec("INSERT INTO items VALUES('a', 1, 2), ('b', 3, 4)");
    const reader = open(true);
    reader.exec(CREATE);
    initTable(reader, 'items', algorithm);
    applyPayload(reader, encodePayload(first));
    opened.splice(opened.indexOf(first), 1);
    first.close();

    const plain = open(false, file);
    plain.pragma('trusted_schema = OFF');
    plain.exec("INSERT INTO items VALUES('new', 'from a plain tool', NULL)");
    if (algorithm !== 'gos')
      plain.exec("UPDATE items SET title = 'changed' WHERE id = 'a'; DELETE FROM items WHERE id = 'b'");

    const again = open(true, file);
    exchangeAll([again, reader]);
    expect(dumpTable(reader, 'items')).toEqual(dumpTable(plain, 'items'));
    expect(dumpMetadata(reader)).toEqual(dumpMetadata(again));
  },
);

test.each([
  ['gos', "UPDATE items SET title = 'no'"],
  ['gos', 'DELETE FROM items'],
  ['gos', "UPDATE items SET id = 'no'"],
  ['dws', "INSERT INTO items VALUES('dead', 1, 1)"],
  ['dws', "REPLACE INTO items VALUES('dead', 1, 1)"],
  ['dws', "UPDATE items SET id = 'dead'"],
] as const)('%s refuses with a clear error, also without the extension: %s', (algorithm, sql) => {
  const tracked = open(true, file);
  tracked.exec(CREATE);
  initTable(tracked, 'items', algorithm);
  tracked.exec("INSERT INTO items VALUES('a', 1, 1)");
  if (algorithm === 'dws') {
    tracked.exec("INSERT INTO items VALUES('dead', 1, 1)");
    encodePayload(tracked);
    tracked.exec("DELETE FROM items WHERE id = 'dead'");
  }
  const before = dumpTable(tracked, 'items');
  for (const db of [tracked, open(false, file)]) {
    expect(() => db.exec(sql)).toThrow(/^cloudsync: .*items/);
    expect(dumpTable(tracked, 'items')).toEqual(before);
  }
  // The refusal is the same once the deletion has become part of the clocks.
  encodePayload(tracked);
  expect(() => tracked.exec(sql)).toThrow(/^cloudsync: .*items/);
});
