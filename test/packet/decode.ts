/**
 * Decodes a payload into plain objects, independently of the core: own reading of the header, checksum, LZ4
 * and MessagePack, and every rule of docs/PROTOCOL.md section 1 checked. msgpackr reads each body once more
 * and must agree.
 */
import assert from 'node:assert/strict';
import { addExtension, Unpackr } from 'msgpackr';
import { decompress } from './lz4.js';
import { type Item, readItem } from './msgpack.js';
import {
  ALGORITHMS,
  type Base,
  compareStamps,
  type Packet,
  type Row,
  type Stamp,
  type Table,
} from './packet.js';
import { identity, uuidText, type Value } from './value.js';
import { xxh64 } from './xxh64.js';

export const HEADER_SIZE = 24;
const FLAG_LZ4 = 1;
const MAXIMUM_CLOCK = 2n ** 53n - 1n;

/** Splits a payload into its packets, as bytes. */
export function splitPayload(payload: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < payload.length; ) {
    assert(at + HEADER_SIZE <= payload.length, 'the payload ends inside a header');
    const end = at + HEADER_SIZE + payload.readUInt32LE(at + 12);
    assert(end <= payload.length, 'the payload ends inside a packet');
    packets.push(payload.subarray(at, end));
    at = end;
  }
  return packets;
}

/** Decodes all packets of a payload. Throws an Error that names the first rule which the bytes break. */
export function decodePayload(payload: Buffer): Packet[] {
  return splitPayload(payload).map((bytes) => decodeBody(decodeFrame(bytes)));
}

/** Checks the header and the checksum of one packet and returns its body, decompressed. */
export function decodeFrame(bytes: Buffer): Buffer {
  assert.equal(bytes.toString('latin1', 0, 3), 'CSP', 'magic');
  assert.equal(bytes[3], 1, 'format version');
  const flags = bytes[4] as number;
  assert.equal(flags & ~FLAG_LZ4, 0, 'unknown flags');
  assert.equal(bytes.readUIntLE(5, 3), 0, 'reserved bytes');
  const rawSize = bytes.readUInt32LE(8);
  const stored = bytes.subarray(HEADER_SIZE);
  assert.equal(stored.length, bytes.readUInt32LE(12), 'stored size');
  assert.equal(bytes.readBigUInt64LE(16), xxh64(stored, bytes.readBigUInt64LE(8)), 'checksum');
  if (flags & FLAG_LZ4) {
    assert(stored.length < rawSize, 'a compressed body must be smaller than the raw one');
    return decompress(stored, rawSize);
  }
  assert.equal(stored.length, rawSize, 'raw size of an uncompressed body');
  return stored;
}

/** Decodes the body of one packet. */
export function decodeBody(body: Buffer): Packet {
  const item = readItem(body);
  assertSameAsMsgpackr(item, body);
  const [site, since, upto, sites, tables, groups, ...rest] = list(item);
  assert.equal(rest.length, 0, 'items of the body');
  const siteNames = list(sites).map(siteName);
  assert.equal(new Set(siteNames).size, siteNames.length, 'a site twice in the dictionary');
  const packet: Packet = {
    site: siteName(site),
    since: unsigned(since),
    upto: unsigned(upto),
    tables: list(tables).map(readTable),
  };
  assert(packet.since <= packet.upto, 'since above upto');
  const seen = new Set<Table>();
  for (const group of list(groups)) {
    const cursor = new Cursor(list(group));
    const table = packet.tables[Number(unsigned(cursor.next()))];
    assert(table, 'index of a table out of range');
    assert(!seen.has(table), `two groups of table ${table.name}`);
    seen.add(table);
    readRows(cursor, table, siteNames);
  }
  return packet;
}

function readTable(item: Item): Table {
  const [name, algorithm, keyColumns, columns, ...rest] = list(item);
  assert.equal(rest.length, 0, 'items of a table');
  const kind = ALGORITHMS[Number(unsigned(algorithm))];
  assert(kind, 'algorithm');
  const table: Table = {
    name: string(name),
    algorithm: kind,
    keyColumns: list(keyColumns).map(string),
    columns: list(columns).map(string),
    rows: [],
  };
  assert(table.keyColumns.length > 0, 'a table without key columns');
  return table;
}

function readRows(cursor: Cursor, table: Table, sites: readonly string[]): void {
  let previous = 0n;
  const keys = new Set<string>();
  while (!cursor.done()) {
    const row = readRow(cursor, table, sites, previous);
    const key = identity(row.key);
    assert(!keys.has(key), `row ${key} twice in one group`);
    keys.add(key);
    table.rows.push(row);
    previous = row.stamp.clock;
  }
}

function readRow(cursor: Cursor, table: Table, sites: readonly string[], previous: bigint): Row {
  const tag = Number(unsigned(cursor.next()));
  assert(tag < 128, 'tag');
  const key = table.keyColumns.map(() => value(cursor.next()));
  assert(
    key.every((part) => part.type !== 'null'),
    'a key value that is NULL',
  );
  const cl = tag & 8 ? unsigned(cursor.next()) : 1n;
  const readStamp = (base: bigint, withSite: boolean): Stamp => {
    const clock = base + integerOf(cursor.next());
    assert(clock >= 0n && clock <= MAXIMUM_CLOCK, `clock ${clock} out of range`);
    const site = sites[withSite ? Number(unsigned(cursor.next())) : 0];
    assert(site !== undefined, 'index of a site out of range');
    return { clock, site };
  };
  const stamp = readStamp(previous, Boolean(tag & 16));
  const row: Row = { key, cl, stamp, columns: new Map(), deleted: new Map() };
  for (const name of readColumns(cursor, table, tag & 3)) {
    const own = tag & 4 ? readStamp(stamp.clock, true) : stamp;
    row.columns.set(name, { stamp: own, value: value(cursor.next()) });
  }
  if (tag & 32) {
    assert.equal(table.algorithm, 'aws', 'deleted stamps in a table that is not aws');
    for (const name of readBitmap(cursor, table)) row.deleted.set(name, readStamp(stamp.clock, true));
  }
  if (tag & 64) row.bases = readBases(cursor, table, row, (base) => readStamp(base, true));
  checkRow(row, tag);
  return row;
}

function readBases(
  cursor: Cursor,
  table: Table,
  row: Row,
  readStamp: (base: bigint) => Stamp,
): Map<string, Base> {
  const bases = new Map<string, Base>();
  const own = row.cl % 2n === 0n ? table.columns : [...row.columns.keys()];
  const groups = unsigned(cursor.next());
  assert(groups > 0n && groups <= BigInt(own.length), 'number of bases');
  for (let group = 0n; group < groups; group++) {
    const names = readBitmap(cursor, table);
    const base: Base = { floor: unsigned(cursor.next()), stamps: [] };
    const count = unsigned(cursor.next());
    assert(base.floor <= MAXIMUM_CLOCK && count <= 16n, 'floor or sites of a base');
    for (let i = 0n; i < count; i++) base.stamps.push(readStamp(row.stamp.clock));
    const clocks = [row.stamp.clock, ...base.stamps.map(({ clock }) => clock)];
    assert(
      clocks.every((clock, i) => i === 0 || (clock <= (clocks[i - 1] as bigint) && clock > base.floor)),
      'the stamps of a base must fall and stay above its floor',
    );
    assert.equal(
      new Set(base.stamps.map(({ site }) => site)).size,
      base.stamps.length,
      'a site twice in a base',
    );
    for (const name of names) {
      assert(own.includes(name) && !bases.has(name), 'a base of a column that is absent or has one');
      bases.set(name, base);
    }
  }
  return bases;
}

function readColumns(cursor: Cursor, table: Table, kind: number): readonly string[] {
  assert(kind < 3, 'tag bits 0-1');
  if (kind === 0) return [];
  if (kind === 1) {
    assert(table.columns.length > 0, 'all columns of a key-only table');
    return table.columns;
  }
  const names = readBitmap(cursor, table);
  assert(names.length < table.columns.length, 'a bitmap of all columns');
  return names;
}

function readBitmap(cursor: Cursor, table: Table): string[] {
  const item = cursor.next();
  assert.equal(item.type, 'blob', 'bitmap');
  const bytes = item.type === 'blob' ? item.bytes : Buffer.alloc(0);
  assert(bytes.length > 0 && bytes[bytes.length - 1] !== 0, 'a bitmap that is empty or ends with zero');
  const names: string[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (((bytes[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
    const name = table.columns[bit];
    assert(name !== undefined, 'index of a column out of range');
    names.push(name);
  }
  return names;
}

function checkRow(row: Row, tag: number): void {
  assert(row.cl >= 1n, 'cl 0');
  assert((tag & 8) === 0 || row.cl !== 1n, 'cl 1 is written by leaving it out');
  if (row.cl % 2n === 0n) {
    assert.equal(row.columns.size, 0, 'columns of a deleted row');
    assert.equal(tag & 4, 0, 'a stamp per column without columns');
    return;
  }
  if ((tag & 4) === 0) return;
  const stamps = [...row.columns.values()].map((cell) => cell.stamp);
  const largest = stamps.reduce((a, b) => (compareStamps(a, b) > 0 ? a : b));
  assert.deepEqual(row.stamp, largest, 'the row stamp is not the largest of its columns');
}

class Cursor {
  private at = 0;
  constructor(private readonly items: readonly Item[]) {}

  done(): boolean {
    return this.at === this.items.length;
  }

  next(): Item {
    const item = this.items[this.at++];
    assert(item, 'a group ends inside a row');
    return item;
  }
}

function list(item: Item | undefined): readonly Item[] {
  assert(item?.type === 'array', 'an array is expected');
  return item.items;
}

function value(item: Item): Value {
  assert(item.type !== 'array', 'a value is expected');
  return item;
}

function integerOf(item: Item | undefined): bigint {
  assert(item?.type === 'integer', 'an integer is expected');
  return item.integer;
}

function unsigned(item: Item | undefined): bigint {
  const number = integerOf(item);
  assert(number >= 0n, 'an unsigned integer is expected');
  return number;
}

function string(item: Item | undefined): string {
  assert(item?.type === 'text', 'a name is expected');
  const result = item.bytes.toString('utf8');
  assert(
    Buffer.from(result).equals(item.bytes) && item.bytes.length > 0,
    'a name must be UTF-8 and not empty',
  );
  return result;
}

function siteName(item: Item | undefined): string {
  assert(item?.type === 'blob' && item.bytes.length === 16, 'a site is 16 bytes');
  return item.bytes.toString('hex');
}

const unpackr = new Unpackr({ int64AsType: 'bigint', useRecords: false });
addExtension({ type: 1, unpack: (bytes) => uuidText(Buffer.from(bytes)).toString('latin1') });

/**
 * The second opinion: msgpackr's reading of the same bytes must be the same, as far as JavaScript's types go.
 */
function assertSameAsMsgpackr(item: Item, body: Buffer): void {
  assert.deepEqual(unpackr.unpack(body), plain(item), 'msgpackr reads the body differently');
}

function plain(item: Item): unknown {
  switch (item.type) {
    case 'null':
      return null;
    case 'integer': {
      // msgpackr gives a bigint only for the 64-bit forms.
      const wide = item.integer >= 2n ** 32n || item.integer < -(2n ** 31n);
      return wide ? item.integer : Number(item.integer);
    }
    case 'real':
      return item.real;
    case 'text':
      return item.bytes.toString('utf8');
    case 'blob':
      return item.bytes;
    case 'array':
      return item.items.map(plain);
  }
}
