/**
 * Invariant 10: what arrives and cannot be applied is kept in cloudsync_held with its reason, and the rest of
 * the packet applies.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePacket } from '../packet/encode.js';
import type { Packet, Row, Table } from '../packet/packet.js';
import { row, SITES, stamp } from '../packet/samples.js';
import { integer, NULL, text } from '../packet/value.js';
import {
  applyPayload,
  type Connection,
  dumpTable,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  snapshot,
} from '../support/database.js';

const CREATE = `CREATE TABLE items(id TEXT NOT NULL PRIMARY KEY, amount INTEGER CHECK (amount < 100),
                needed TEXT NOT NULL)`;

let db: Connection;

beforeEach(() => {
  db = openDatabase();
  db.exec(CREATE);
  initTable(db, 'items');
});

afterEach(() => db.close());

function table(name: string, columns: string[], rows: Row[]): Table {
  return { name, algorithm: 'cls', keyColumns: ['id'], columns, rows };
}

function packet(...tables: Table[]): Packet {
  return { site: SITES[1], since: 0n, upto: 0n, tables };
}

const good = row([text('good')], stamp(10, 1), { amount: integer(1), needed: text('x') });

/** One row that cannot apply, the table that it needs, and a word that the reason must contain. */
const IMPOSSIBLE: Array<[string, Table, RegExp]> = [
  [
    'a CHECK constraint',
    table(
      'items',
      ['amount', 'needed'],
      [row([text('bad')], stamp(11, 1), { amount: integer(500), needed: text('x') })],
    ),
    /check/i,
  ],
  [
    'NULL in a NOT NULL column',
    table(
      'items',
      ['amount', 'needed'],
      [row([text('bad')], stamp(11, 1), { amount: integer(5), needed: NULL })],
    ),
    /not null/i,
  ],
  [
    'a NOT NULL column that is missing',
    table('items', ['amount', 'needed'], [row([text('bad')], stamp(11, 1), { amount: integer(5) })]),
    /not null/i,
  ],
  [
    'an unknown table',
    table('nowhere', ['a'], [row([text('bad')], stamp(11, 1), { a: integer(5) })]),
    /table/,
  ],
];

describe('invariant 10: nothing is dropped', () => {
  test.each(IMPOSSIBLE)(
    '%s: the row is held with the reason, the others apply',
    (_name, impossible, reason) => {
      const good2 = row([text('other')], stamp(12, 1), { amount: integer(2), needed: text('y') });
      const both = table('items', ['amount', 'needed'], [good, good2]);
      if (impossible.name === 'items') both.rows.splice(1, 0, ...impossible.rows);
      const tables = impossible.name === 'items' ? [both] : [impossible, both];
      applyPayload(db, encodePacket(packet(...tables)));
      expect(dumpTable(db, 'items')).toEqual([
        "('good') amount=1 needed='x'",
        "('other') amount=2 needed='y'",
      ]);
      const held = heldChanges(db);
      expect(held.map(({ tbl }) => tbl)).toEqual([impossible.name]);
      expect(held[0]?.reason).toMatch(reason);
    },
  );

  test.each(IMPOSSIBLE)('%s: the same packet again changes nothing', (_name, impossible) => {
    const bytes = encodePacket(packet(impossible));
    applyPayload(db, bytes);
    const before = snapshot(db, ['items']);
    applyPayload(db, bytes);
    expect(snapshot(db, ['items'])).toBe(before);
  });

  test('an unknown column is held, the known ones apply', () => {
    const cells = { amount: integer(1), needed: text('x'), future: text('from a newer schema') };
    const rows = [row([text('newer')], stamp(10, 1), cells)];
    applyPayload(db, encodePacket(packet(table('items', Object.keys(cells), rows))));
    expect(dumpTable(db, 'items')).toEqual(["('newer') amount=1 needed='x'"]);
    const [held, ...others] = heldChanges(db);
    expect(others).toEqual([]);
    expect(held).toMatchObject({ tbl: 'items', reason: expect.stringMatching(/future/) });
    expect(held?.columns).toContain('future');
    expect(held?.columns).not.toContain('amount');
  });

  test('a held row arrives once its table exists', () => {
    const [, unknown] = IMPOSSIBLE[3] as (typeof IMPOSSIBLE)[number];
    applyPayload(db, encodePacket(packet(unknown)));
    db.exec('CREATE TABLE nowhere(id TEXT NOT NULL PRIMARY KEY, a)');
    initTable(db, 'nowhere');
    applyPayload(db, encodePacket(packet(table('items', ['amount', 'needed'], [good]))));
    expect(dumpTable(db, 'nowhere')).toEqual(["('bad') a=5"]);
    expect(heldChanges(db)).toEqual([]);
  });

  test('a row that is held does not stop local writes from leaving', () => {
    const [, impossible] = IMPOSSIBLE[0] as (typeof IMPOSSIBLE)[number];
    applyPayload(db, encodePacket(packet(impossible)));
    db.exec("INSERT INTO items VALUES('local', 1, 'x')");
    const other = openDatabase();
    other.exec(CREATE);
    initTable(other, 'items');
    applyPayload(other, encodePayload(db));
    expect(dumpTable(other, 'items')).toContain("('local') amount=1 needed='x'");
    other.close();
  });
});
