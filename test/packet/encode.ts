/**
 * Encodes packets independently of the core, and makes wrong ones: `bodyItems` gives the tree of items, in
 * which a test may replace anything before `frame` writes it, and `frame` takes every header field as an
 * option.
 */
import { compress } from './lz4.js';
import { array, type Output, writeItem } from './msgpack.js';
import {
  ALGORITHMS,
  type Base,
  compareStamps,
  type Packet,
  type Row,
  type Stamp,
  type Table,
} from './packet.js';
import { blob, integer, text } from './value.js';
import { xxh64 } from './xxh64.js';

export interface FrameOptions {
  /** Compress with LZ4 when that makes the body smaller (the default), or never. */
  compress?: boolean;
  /** Bytes to store in place of the body (or its compressed form). */
  stored?: Buffer;
  magic?: string;
  version?: number;
  flags?: number;
  reserved?: number;
  rawSize?: number;
  storedSize?: number;
  checksum?: bigint;
}

/** Encodes one packet. */
export function encodePacket(packet: Packet, options: FrameOptions = {}): Buffer {
  return frame(writeItem(bodyItems(packet)), options);
}

/** Puts the header before a body. Options replace what would be right. */
export function frame(body: Buffer, options: FrameOptions = {}): Buffer {
  const block = options.compress === false ? body : compress(body);
  const small = block.length < body.length;
  const stored = options.stored ?? (small ? block : body);
  const header = Buffer.alloc(24);
  header.write(options.magic ?? 'CSP', 0, 'latin1');
  header[3] = options.version ?? 1;
  header[4] = options.flags ?? Number(small);
  header.writeUIntLE(options.reserved ?? 0, 5, 3);
  header.writeUInt32LE(options.rawSize ?? body.length, 8);
  header.writeUInt32LE(options.storedSize ?? stored.length, 12);
  header.writeBigUInt64LE(options.checksum ?? xxh64(stored, header.readBigUInt64LE(8)), 16);
  return Buffer.concat([header, stored]);
}

/** Gives a packet whose bytes were changed the checksum that fits them. */
export function fixChecksum(packet: Buffer): Buffer {
  const fixed = Buffer.from(packet);
  fixed.writeBigUInt64LE(xxh64(fixed.subarray(24), fixed.readBigUInt64LE(8)), 16);
  return fixed;
}

/** The six items of a body. */
export function bodyItems(packet: Packet): { type: 'array'; items: Output[] } {
  const sites = collectSites(packet);
  const groups = packet.tables.flatMap((table, index) =>
    table.rows.length === 0 ? [] : [array([integer(index), ...rowItems(table, sites)])],
  );
  return {
    type: 'array',
    items: [
      blob(packet.site),
      integer(packet.since),
      integer(packet.upto),
      array(sites.map((site) => blob(site))),
      array(packet.tables.map(tableItem)),
      array(groups),
    ],
  };
}

function collectSites(packet: Packet): string[] {
  const sites = new Set<string>();
  for (const row of packet.tables.flatMap((table) => table.rows)) {
    sites.add(row.stamp.site);
    for (const cell of row.columns.values()) sites.add(cell.stamp.site);
    for (const stamp of row.deleted.values()) sites.add(stamp.site);
    for (const base of row.bases?.values() ?? []) for (const stamp of base.stamps) sites.add(stamp.site);
  }
  return [...sites];
}

function tableItem(table: Table): Output {
  return array([
    text(table.name),
    integer(ALGORITHMS.indexOf(table.algorithm)),
    array(table.keyColumns.map((name) => text(name))),
    array(table.columns.map((name) => text(name))),
  ]);
}

function rowItems(table: Table, sites: readonly string[]): Output[] {
  let previous = 0n;
  return table.rows.flatMap((row) => {
    const items = rowItem(table, row, sites, previous);
    previous = row.stamp.clock;
    return items;
  });
}

function rowItem(table: Table, row: Row, sites: readonly string[], previous: bigint): Output[] {
  const siteIndex = (stamp: Stamp) => sites.indexOf(stamp.site);
  const stampItems = (stamp: Stamp) => [integer(stamp.clock - row.stamp.clock), integer(siteIndex(stamp))];
  const present = table.columns.filter((name) => row.columns.has(name));
  const all = present.length === table.columns.length;
  const columns = present.length === 0 ? 0 : all ? 1 : 2;
  const ownStamps = [...row.columns.values()].some((cell) => compareStamps(cell.stamp, row.stamp) !== 0);
  const tag =
    columns +
    (ownStamps ? 4 : 0) +
    (row.cl !== 1n ? 8 : 0) +
    (siteIndex(row.stamp) > 0 ? 16 : 0) +
    (row.deleted.size > 0 ? 32 : 0) +
    (row.bases ? 64 : 0);
  const items: Output[] = [integer(tag), ...row.key];
  if (tag & 8) items.push(integer(row.cl));
  items.push(integer(row.stamp.clock - previous));
  if (tag & 16) items.push(integer(siteIndex(row.stamp)));
  if (columns === 2) items.push(bitmap(table, present));
  for (const name of present) {
    const cell = row.columns.get(name);
    if (!cell) continue;
    if (ownStamps) items.push(...stampItems(cell.stamp));
    items.push(cell.value);
  }
  if (tag & 32) {
    const deleted = table.columns.filter((name) => row.deleted.has(name));
    items.push(bitmap(table, deleted));
    for (const name of deleted) items.push(...stampItems(row.deleted.get(name) as Stamp));
  }
  if (row.bases) items.push(...baseItems(table, row.bases, stampItems));
  return items;
}

/** Columns with equal bases share a group, in the order of their first columns. */
function baseItems(
  table: Table,
  bases: ReadonlyMap<string, Base>,
  stampItems: (stamp: Stamp) => Output[],
): Output[] {
  const groups = new Map<string, { base: Base; names: string[] }>();
  for (const name of table.columns) {
    const base = bases.get(name);
    if (!base) continue;
    const text = [base.floor, ...base.stamps.map(({ clock, site }) => `${clock}@${site}`)].join(' ');
    const group = groups.get(text) ?? { base, names: [] };
    group.names.push(name);
    groups.set(text, group);
  }
  const items = [...groups.values()].flatMap(({ base, names }) => [
    bitmap(table, names),
    integer(base.floor),
    integer(base.stamps.length),
    ...base.stamps.flatMap(stampItems),
  ]);
  return [integer(groups.size), ...items];
}

function bitmap(table: Table, names: readonly string[]): Output {
  const indexes = names.map((name) => table.columns.indexOf(name));
  const bytes = Buffer.alloc((Math.max(...indexes) >> 3) + 1);
  for (const index of indexes) bytes[index >> 3] = (bytes[index >> 3] as number) | (1 << (index & 7));
  return blob(bytes);
}
