/**
 * encoder.ts: builds one packet from rows in any order; docs/PROTOCOL.md section 1.2. Rows are written one after
 * another into one buffer and sorted into their tables' groups when the packet is closed.
 */
import { siteBytes } from '../catalog/sites';
import { SITE_SIZE } from '../catalog/schema';
import { Table } from '../catalog/table';
import { writeArray, writeBinary, writeInteger, writeString, writeUnsigned } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { Bases, groupCount } from '../clock/bases';
import { Stamps } from '../clock/stamps';
import { seal } from './envelope';
import {
  TAG_BASES,
  TAG_CAUSAL_LENGTH,
  TAG_COLUMNS_ALL,
  TAG_COLUMNS_NONE,
  TAG_COLUMNS_SOME,
  TAG_DELETED,
  TAG_SITE,
  TAG_STAMP_PER_COLUMN,
} from './limits';

/** The columns of a row that go into a packet, filled by the caller before `Encoder.add`. */
export class RowImage {
  cl: i64 = 1;
  /** Stamp of a dead or key-only row. */
  clock: i64 = 0;
  site: i32 = 0;
  /** Deleted stamps (aws); null when there are none. */
  deleted: Stamps | null = null;
  stamps: Stamps;
  /** Bases of the columns that go into the packet, as far as they are known. */
  bases: Bases;
  /** One byte per column: 1 = the column goes along. */
  private present: StaticArray<u8>;
  count: i32 = 0;
  /** All columns that go along are known to carry one stamp. */
  isUniform: bool = false;

  constructor(public width: i32) {
    this.stamps = new Stamps(width);
    this.bases = new Bases(width);
    this.present = new StaticArray<u8>(width);
  }

  clear(): void {
    for (let i = 0; i < this.width; i++) this.present[i] = 0;
    this.count = 0;
    this.isUniform = false;
    this.deleted = null;
    this.bases.clear();
  }

  include(index: i32, clock: i64, site: i32): void {
    if (this.present[index] == 0) this.count++;
    this.present[index] = 1;
    this.stamps.set(index, clock, site);
  }

  /** All columns go along, with one stamp. */
  includeAll(clock: i64, site: i32): void {
    for (let i = 0; i < this.width; i++) this.present[i] = 1;
    this.count = this.width;
    this.stamps.fill(clock, site);
    this.isUniform = true;
  }

  exclude(index: i32): void {
    if (this.present[index] != 0) this.count--;
    this.present[index] = 0;
    this.bases.set(index, null);
  }

  includes(index: i32): bool {
    return this.present[index] != 0;
  }
}

/** Rows of one table in the packet. */
class Group {
  items: u32 = 1;
  lastClock: i64 = 0;
  /** Offset and size of each run of rows in the row buffer, alternating. */
  runs: Array<u32> = [];
  /** Where the last run ends. */
  private end: u32 = 0;
  constructor(public table: Table) {}

  addRow(offset: u32, size: u32): void {
    const last = this.runs.length - 1;
    if (last > 0 && this.end == offset) {
      this.runs[last] += size;
    } else {
      this.runs.push(offset);
      this.runs.push(size);
    }
    this.end = offset + size;
  }
}

export class Encoder {
  private rows: Writer;
  private groups: Array<Group> = [];
  private sites: Array<i32> = [];
  private items: u32 = 0;
  private rowStart: u32 = 0;
  private current: Group | null = null;
  private rowClock: i64 = 0;
  private perColumn: bool = false;
  rowCount: i32 = 0;
  /** The largest stamp of the rows, of their columns or their deletion. */
  newestStamp: i64 = 0;

  constructor(
    private producer: i32,
    capacity: u32,
  ) {
    this.rows = new Writer(capacity);
    this.sites.push(producer);
  }

  /** Bytes of the rows so far. */
  get size(): u32 {
    return this.rows.size;
  }

  get isEmpty(): bool {
    return this.rowCount == 0;
  }

  private groupOf(table: Table): Group {
    for (let i = 0; i < this.groups.length; i++) {
      if (this.groups[i].table.id == table.id) return this.groups[i];
    }
    const group = new Group(table);
    this.groups.push(group);
    return group;
  }

  private siteIndex(site: i32): u32 {
    // A stamp of nobody has clock 0 and loses to every other one, whatever site it names.
    if (site == 0) return 0;
    for (let i = 0; i < this.sites.length; i++) {
      if (this.sites[i] == site) return i;
    }
    this.sites.push(site);
    return this.sites.length - 1;
  }

  /**
   * Begins a row and writes everything that comes before its values. The caller then calls `value` for every column of
   * the image in ascending order and ends with `endRow`. `key` is the encoded key.
   */
  beginRow(table: Table, key: Slice, image: RowImage): void {
    if (image.deleted != null && image.deleted!.isEmpty) image.deleted = null;
    const group = this.groupOf(table);
    const shared = sharedStamp(image);
    const stampIndex = image.count == 0 ? -1 : largestOf(image);
    const clock = stampIndex < 0 ? image.clock : image.stamps.clock(stampIndex);
    const site = this.siteIndex(stampIndex < 0 ? image.site : image.stamps.site(stampIndex));
    let tag =
      image.count == 0
        ? TAG_COLUMNS_NONE
        : image.count == table.columns.length
          ? TAG_COLUMNS_ALL
          : TAG_COLUMNS_SOME;
    if (!shared) tag |= TAG_STAMP_PER_COLUMN;
    if (image.cl != 1) tag |= TAG_CAUSAL_LENGTH;
    if (site != 0) tag |= TAG_SITE;
    if (image.deleted != null) tag |= TAG_DELETED;
    if (image.bases.count > 0) tag |= TAG_BASES;
    const rows = this.rows;
    this.rowStart = rows.size;
    this.items = 2 + table.keys.length;
    rows.byte(tag);
    rows.bytes(key.pointer, key.size);
    if (image.cl != 1) this.unsigned(image.cl);
    writeInteger(rows, clock - group.lastClock);
    if (site != 0) this.unsigned(site);
    if ((tag & 3) == TAG_COLUMNS_SOME) this.bitmap(image);
    group.lastClock = clock;
    this.current = group;
    this.rowClock = clock;
    this.newestStamp = max(this.newestStamp, clock);
    this.perColumn = !shared;
  }

  private unsigned(value: i64): void {
    writeUnsigned(this.rows, value);
    this.items++;
  }

  private bitmap(image: RowImage): void {
    let last = image.width - 1;
    while (!image.includes(last)) last--;
    const bits = new Writer(<u32>(last / 8 + 1));
    for (let i = 0; i <= last; i += 8) {
      let byte: u32 = 0;
      for (let j = 0; j < 8 && i + j <= last; j++) if (image.includes(i + j)) byte |= 1 << j;
      bits.byte(byte);
    }
    writeBinary(this.rows, bits.start, bits.size);
    this.items++;
  }

  /** The stamp of a column, where each column has its own, and the buffer to which the caller appends the value. */
  column(image: RowImage, index: i32): Writer {
    if (this.perColumn) this.stamp(image.stamps, index);
    this.items++;
    return this.rows;
  }

  private stamp(stamps: Stamps, index: i32): void {
    writeInteger(this.rows, stamps.clock(index) - this.rowClock);
    writeUnsigned(this.rows, this.siteIndex(stamps.site(index)));
    this.items += 2;
  }

  endRow(image: RowImage): void {
    const deleted = image.deleted;
    if (deleted != null) this.deletedStamps(deleted);
    if (image.bases.count > 0) this.writeBases(image.bases);
    const group = this.current!;
    group.addRow(this.rowStart, this.rows.size - this.rowStart);
    group.items += this.items;
    this.rowCount++;
  }

  private deletedStamps(deleted: Stamps): void {
    const listed = new RowImage(deleted.width);
    for (let i = 0; i < deleted.width; i++) {
      if (deleted.clock(i) != 0) listed.include(i, deleted.clock(i), deleted.site(i));
    }
    this.bitmap(listed);
    for (let i = 0; i < deleted.width; i++) if (listed.includes(i)) this.stamp(deleted, i);
  }

  private writeBases(bases: Bases): void {
    const leaders = bases.leaders();
    this.unsigned(groupCount(leaders));
    for (let i = 0; i < leaders.length; i++) {
      if (leaders[i] != i) continue;
      const columns = new RowImage(leaders.length);
      for (let k = i; k < leaders.length; k++) if (leaders[k] == i) columns.include(k, 0, 0);
      this.bitmap(columns);
      const base = bases.get(i)!;
      this.unsigned(base.floor);
      this.unsigned(base.count);
      for (let k = 0; k < base.count; k++) {
        writeInteger(this.rows, base.clock(k) - this.rowClock);
        writeUnsigned(this.rows, this.siteIndex(base.site(k)));
        this.items += 2;
      }
    }
  }

  /** Closes the packet that covers the producer's changes with since < seq <= upto. It lies in the arena. */
  finish(since: i64, upto: i64): Slice {
    this.sortGroups();
    const body = new Writer(this.rows.size + 1024);
    writeArray(body, 6);
    const producer = siteBytes(this.producer);
    writeBinary(body, producer.pointer, producer.size);
    writeUnsigned(body, since);
    writeUnsigned(body, upto);
    writeArray(body, this.sites.length);
    for (let i = 0; i < this.sites.length; i++)
      writeBinary(body, siteBytes(this.sites[i]).pointer, SITE_SIZE);
    writeArray(body, this.groups.length);
    for (let i = 0; i < this.groups.length; i++) writeTable(body, this.groups[i].table);
    writeArray(body, this.groups.length);
    for (let i = 0; i < this.groups.length; i++) this.writeGroup(body, i);
    return seal(new Slice(body.start, body.size));
  }

  private writeGroup(body: Writer, index: i32): void {
    const group = this.groups[index];
    writeArray(body, group.items);
    writeUnsigned(body, index);
    for (let i = 0; i < group.runs.length; i += 2) {
      body.bytes(this.rows.start + group.runs[i], group.runs[i + 1]);
    }
  }

  /** Orders the groups by rank: parents before children. */
  private sortGroups(): void {
    const groups = this.groups;
    for (let i = 1; i < groups.length; i++) {
      const group = groups[i];
      let j = i;
      for (; j > 0 && groups[j - 1].table.rank > group.table.rank; j--) groups[j] = groups[j - 1];
      groups[j] = group;
    }
  }
}

function writeTable(body: Writer, table: Table): void {
  writeArray(body, 4);
  writeString(body, table.name.pointer, table.name.size);
  writeUnsigned(body, table.algorithm);
  writeArray(body, table.keys.length);
  for (let i = 0; i < table.keys.length; i++) {
    writeString(body, table.keys[i].name.pointer, table.keys[i].name.size);
  }
  writeArray(body, table.columns.length);
  for (let i = 0; i < table.columns.length; i++) {
    writeString(body, table.columns[i].name.pointer, table.columns[i].name.size);
  }
}

/** True when all columns of the image carry the same stamp. */
function sharedStamp(image: RowImage): bool {
  if (image.isUniform) return true;
  let first = -1;
  for (let i = 0; i < image.width; i++) {
    if (!image.includes(i)) continue;
    if (first < 0) first = i;
    else if (
      image.stamps.clock(i) != image.stamps.clock(first) ||
      image.stamps.site(i) != image.stamps.site(first)
    ) {
      return false;
    }
  }
  return true;
}

function largestOf(image: RowImage): i32 {
  // Of columns that stay behind the stamp is there too.
  if (image.isUniform) return 0;
  let best = -1;
  for (let i = 0; i < image.width; i++) {
    if (!image.includes(i)) continue;
    const stamps = image.stamps;
    if (best < 0 || stamps.compare(i, stamps.clock(best), stamps.site(best)) > 0) best = i;
  }
  return best;
}
