/**
 * mutations.ts: changes of a packet that keep it a packet: those of SQLite's changesetfuzz (values swapped, changed and
 * replaced, rows, columns and groups doubled, removed and turned into others) and ours (sites, stamps, causal lengths,
 * positions, names), then of its items (other types, other counts, nesting), then of its bytes.
 */
import { bodyItems, encodePacket, fixChecksum, frame } from '../../packet/encode.js';
import { array, type Output, raw, writeItem } from '../../packet/msgpack.js';
import { ALGORITHMS, type Base, type Packet, type Row, type Stamp, type Table } from '../../packet/packet.js';
import { blob, integer, NULL, real, text, type Value } from '../../packet/value.js';
import type { Random } from '../child/random.js';

const NOW = BigInt(Date.now()) * 1000n;
const HOUR = 3_600_000_000n;
const CLOCKS = [
  0n,
  1n,
  5n,
  NOW,
  NOW + 23n * HOUR,
  NOW + 25n * HOUR,
  NOW + 876_000n * HOUR,
  2n ** 53n - 1n,
  2n ** 53n,
];
const COUNTS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  2n ** 20n,
  2n ** 20n + 3n,
  2n ** 40n,
  2n ** 40n + 1n,
  2n ** 63n - 1n,
  -1n,
];
const NAMES = [
  ...[
    '',
    'notes',
    'NOTES',
    'marks',
    'id',
    'title',
    'a"b',
    "a'b",
    'a;b',
    '[x]',
    'select',
    'a\0b',
    '\u{1f600}',
    'rowid',
  ],
  ...[
    'sqlite_schema',
    'sqlite_sequence',
    'cloudsync_settings',
    'cloudsync_held',
    'notes_cloudsync',
    'marks_cloudsync_log',
  ],
  ...['n'.repeat(1024), 'n'.repeat(1025), 'n'.repeat(65536), 'main.notes', '\ud800'],
];

/** A value of any kind. */
export function anyValue(random: Random): Value {
  switch (random.below(10)) {
    case 0:
      return NULL;
    case 1:
      return integer(random.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 255n, 256n, 2n ** 32n, 99n]));
    case 2:
      return real(random.pick([0, -0, 1.5, 1e300, -1e300, Number.POSITIVE_INFINITY, 5e-324, 2 ** 63, 1]));
    case 3:
      return text(
        random.pick(['', 'x', 'a\0b', '0190a1b2-0000-7000-8000-000000000011', 'y'.repeat(300), "'"]),
      );
    case 4:
      return text(random.bytes(random.below(5)));
    case 5:
      return blob(random.bytes(random.pick([0, 1, 16, 40])));
    case 6:
      return text('z'.repeat(random.pick([31, 32, 36, 255, 256, 65535, 65536])));
    default:
      return random.pick([
        text('shared'),
        text('22'),
        integer(1),
        text('the same title'),
        blob('00'),
        text('11'),
      ]);
  }
}

function changedValue(random: Random, value: Value): Value {
  if (random.oneIn(2) || value.type === 'null' || value.type === 'real') return anyValue(random);
  if (value.type === 'integer')
    return integer(BigInt.asIntN(64, value.integer ^ (1n << BigInt(random.below(64)))));
  const bytes = Buffer.from(value.bytes);
  if (bytes.length > 0) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  }
  return { type: value.type, bytes };
}

function anyStamp(random: Random, packet: Packet): Stamp {
  const sites = packet.tables.flatMap((table) => table.rows.map((row) => row.stamp.site));
  const site = random.oneIn(4) ? random.bytes(16).toString('hex') : random.pick([packet.site, ...sites]);
  return { clock: random.oneIn(3) ? BigInt(random.below(100_000)) : random.pick(CLOCKS), site };
}

function changeRow(random: Random, packet: Packet, table: Table, row: Row): void {
  const names = [...row.columns.keys()];
  const name = names.length > 0 ? random.pick(names) : undefined;
  const cell = name === undefined ? undefined : row.columns.get(name);
  const column = table.columns.length > 0 ? random.pick(table.columns) : undefined;
  const anyBase = (): Base => ({
    floor: random.pick([0n, 5n, row.stamp.clock]),
    stamps: Array.from({ length: random.below(4) }, () => anyStamp(random, packet)),
  });
  switch (random.below(12)) {
    case 0:
      if (cell) cell.value = changedValue(random, cell.value);
      break;
    case 1: {
      const other = row.columns.get(random.pick([...names, '']));
      if (cell && other) [cell.value, other.value] = [other.value, cell.value];
      break;
    }
    case 2:
      if (name !== undefined) row.columns.delete(name);
      break;
    case 3:
      if (column !== undefined) row.columns.set(column, { stamp: row.stamp, value: anyValue(random) });
      break;
    case 4:
      row.key[random.below(row.key.length)] = anyValue(random);
      break;
    case 5:
      row.cl = random.pick(COUNTS);
      if (random.oneIn(2)) row.columns.clear();
      break;
    case 6:
      row.cl += 1n;
      row.columns.clear();
      break;
    case 7:
      row.stamp = anyStamp(random, packet);
      for (const each of row.columns.values()) each.stamp = row.stamp;
      break;
    case 8:
      if (cell) cell.stamp = anyStamp(random, packet);
      break;
    case 9:
      if (column !== undefined) row.deleted.set(column, anyStamp(random, packet));
      break;
    case 10:
      if (column !== undefined) row.bases = new Map([...(row.bases ?? []), [column, anyBase()]]);
      break;
    default:
      row.key = random.oneIn(2) ? row.key.slice(1) : [...row.key, anyValue(random)];
  }
}

function changeTable(random: Random, packet: Packet, table: Table): void {
  const { rows, columns, keyColumns } = table;
  const row = rows.length > 0 ? random.pick(rows) : undefined;
  const at = random.below(rows.length);
  switch (random.below(11)) {
    case 0:
      if (row) rows.splice(at, 0, structuredClone(row));
      break;
    case 1:
      rows.splice(at, 1);
      break;
    case 2:
      columns.push(random.pick(NAMES));
      break;
    case 3:
      columns.splice(random.below(columns.length), 1);
      break;
    case 4:
      keyColumns.push(random.pick(NAMES));
      if (random.oneIn(2)) for (const each of rows) each.key.push(anyValue(random));
      break;
    case 5:
      table.name = random.pick(NAMES);
      break;
    case 6:
      table.algorithm = random.pick(ALGORITHMS);
      break;
    case 7:
      columns.reverse();
      break;
    case 8:
      for (const each of rows) {
        each.cl = 2n;
        each.columns.clear();
      }
      break;
    default:
      if (row) changeRow(random, packet, table, row);
  }
}

function changePacket(random: Random, packet: Packet): void {
  const { tables } = packet;
  const at = random.below(tables.length);
  const table = tables[at];
  switch (random.below(14)) {
    case 0:
      packet.site = random.bytes(16).toString('hex');
      break;
    case 1:
      packet.since = random.pick(CLOCKS);
      break;
    case 2:
      packet.upto = random.pick(CLOCKS);
      break;
    case 3:
      if (table) tables.push(structuredClone(table));
      break;
    case 4:
      tables.splice(at, 1);
      break;
    case 5:
      tables.reverse();
      break;
    default:
      if (table) changeTable(random, packet, table);
  }
}

type Items = { type: 'array'; items: Output[] };

/** Items of another type, more or fewer of them, wrong counts, arrays in arrays. */
function changeItem(random: Random, tree: Items): void {
  let node = tree;
  for (let depth = random.below(4); depth > 0; depth--) {
    const inner = node.items.filter((item): item is Items => item.type === 'array');
    if (inner.length > 0) node = random.pick(inner);
  }
  const at = random.below(node.items.length);
  const other = random.pick<Output>([
    anyValue(random),
    array([]),
    raw('ddffffffff'),
    raw('dbffffffff'),
    raw('c1'),
    raw('91'.repeat(300)),
  ]);
  const way = random.below(4);
  if (way === 0) node.items[at] = other;
  else if (way === 1) node.items.splice(at, 1);
  else if (way === 2) node.items.splice(at, 0, other);
  else if (node.items[at]) node.items.push(node.items[at]);
}

function changeBytes(random: Random, packet: Buffer): Buffer {
  const bytes = Buffer.from(packet);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.oneIn(8) ? random.below(24) : 24 + random.below(Math.max(1, bytes.length - 24));
    if (at < bytes.length)
      bytes[at] = random.oneIn(2) ? random.below(256) : (bytes[at] as number) ^ (1 << random.below(8));
  }
  if (random.oneIn(6)) return bytes.subarray(0, random.below(bytes.length + 1));
  return random.oneIn(4) || bytes.length < 25 ? bytes : fixChecksum(bytes);
}

/** A packet made of one of the sources by one to five changes. */
export function mutatedPacket(random: Random, sources: readonly Packet[]): Buffer {
  const packet = structuredClone(random.pick(sources));
  for (const table of packet.tables) {
    // structuredClone makes plain byte arrays of Buffers.
    for (const row of table.rows) restoreBuffers(row);
  }
  const compress = random.oneIn(2);
  for (let left = 1 + random.below(5); left > 0; left--) changePacket(random, packet);
  if (random.oneIn(4)) {
    const tree = bodyItems(packet) as Items;
    changeItem(random, tree);
    return frame(writeItem(tree), { compress });
  }
  const bytes = encodePacket(packet, { compress });
  return random.oneIn(5) ? changeBytes(random, bytes) : bytes;
}

function restoreBuffers(row: Row): void {
  const restored = (value: Value): Value =>
    value.type === 'text' || value.type === 'blob' ? { ...value, bytes: Buffer.from(value.bytes) } : value;
  row.key = row.key.map(restored);
  for (const cell of row.columns.values()) cell.value = restored(cell.value);
}
