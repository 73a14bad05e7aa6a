/**
 * decoder.ts: reads the body of a packet that nobody vouches for; docs/PROTOCOL.md section 1.2. The dictionaries are
 * read at once, rows one at a time into one reused object whose values point into the body. Whatever is wrong becomes a
 * failure "the packet is damaged (...)", and what has been applied so far is rolled back by the caller.
 */
import { internSite } from '../catalog/sites';
import { SITE_SIZE } from '../catalog/schema';
import { ALGORITHM_AWS, Column, COLUMNS_MAX, Table } from '../catalog/table';
import { isName } from '../bytes/utf8';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { CLOCK_MAX } from '../catalog/counters';
import { Base, BASE_SITES_MAX, Bases } from '../clock/bases';
import { Stamps } from '../clock/stamps';
import { arenaAllocate } from '../runtime/arena';
import { fail, failWith, hasFailed } from '../sql/failure';
import { Text } from '../sql/text';
import {
  CL_MAX,
  KEYS_MAX,
  latestClock,
  NAME_MAX,
  SITES_MAX,
  TABLES_MAX,
  TAG_BASES,
  TAG_CAUSAL_LENGTH,
  TAG_COLUMNS_ALL,
  TAG_COLUMNS_MASK,
  TAG_COLUMNS_NONE,
  TAG_COLUMNS_SOME,
  TAG_DELETED,
  TAG_MAX,
  TAG_SITE,
  TAG_STAMP_PER_COLUMN,
  VALUE_MAX,
} from './limits';

/** What a table's algorithm allows as causal length, by algorithm number. */
const CL_MAX_BY_ALGORITHM: StaticArray<u64> = [CL_MAX, 2, 2, 1];

/** One row as it came; columns are those of the packet's dictionary. */
export class IncomingRow {
  key: Slice = new Slice(0, 0);
  cl: i64 = 1;
  clock: i64 = 0;
  site: i32 = 0;
  stamps: Stamps;
  deleted: Stamps;
  hasDeleted: bool = false;
  /** Bases of the columns' stamps, of a deletion for any columns, as far as the packet has them. */
  bases: Bases;
  /** Address of each column's encoded value, 0 = absent. */
  private values: usize;
  count: i32 = 0;

  constructor(public width: i32) {
    const room = width > 0 ? width : 1;
    this.stamps = new Stamps(room);
    this.deleted = new Stamps(room);
    this.bases = new Bases(room);
    this.values = arenaAllocate(<usize>room * 4);
  }

  clear(): void {
    memory.fill(this.values, 0, <i32>this.stamps.width * 4);
    this.count = 0;
    if (this.hasDeleted) this.deleted.clear();
    this.hasDeleted = false;
    this.bases.clear();
  }

  value(index: i32): usize {
    return <usize>load<u32>(this.values + ((<usize>index) << 2));
  }

  setValue(index: i32, address: usize): void {
    store<u32>(this.values + ((<usize>index) << 2), <u32>address);
  }

  includes(index: i32): bool {
    return this.value(index) != 0;
  }

  get alive(): bool {
    return (this.cl & 1) == 1;
  }
}

export class Decoder {
  private reader: Reader;
  site: i32 = 0;
  since: i64 = 0;
  upto: i64 = 0;
  /** Ordinals of the sites that occur in the packet's stamps. */
  sites: Array<i32> = [];
  /** The packet's tables, made of its dictionary only. */
  tables: Array<Table> = [];
  private groupsLeft: u32 = 0;
  private itemsLeft: u32 = 0;
  private previousClock: i64 = 0;
  private clockLimit: i64;
  /** Largest clock met so far. */
  largestClock: i64 = 0;
  private row: IncomingRow = new IncomingRow(0);
  private seen: StaticArray<bool> = new StaticArray<bool>(0);
  /** Index of the table whose group is being read. */
  table: i32 = 0;

  constructor(body: Slice) {
    this.reader = new Reader(body.pointer, body.pointer + body.size);
    this.clockLimit = latestClock();
  }

  private damaged(what: string): bool {
    return hasFailed() ? false : fail(new Text().add('the packet is damaged (').add(what).add(')'));
  }

  /** Reads everything before the rows. */
  begin(): bool {
    const reader = this.reader;
    if (reader.array(6) != 6) reader.reject();
    const site = reader.binary(SITE_SIZE);
    this.since = <i64>reader.unsigned(CLOCK_MAX);
    this.upto = <i64>reader.unsigned(CLOCK_MAX);
    if (this.since > this.upto) reader.reject();
    if (reader.bad || site.size != SITE_SIZE) return this.damaged('beginning');
    this.site = internSite(site.pointer);
    if (!this.readSites()) return this.damaged('sites');
    const count = reader.array(TABLES_MAX);
    for (let i: u32 = 0; i < count && !reader.bad; i++) this.readTable();
    if (reader.bad) return this.damaged('tables');
    this.groupsLeft = reader.array(count);
    this.seen = new StaticArray<bool>(count);
    return reader.bad ? this.damaged('groups') : !hasFailed();
  }

  private readSites(): bool {
    const count = this.reader.array(SITES_MAX);
    for (let i: u32 = 0; i < count; i++) {
      const site = this.reader.binary(SITE_SIZE);
      if (this.reader.bad || site.size != SITE_SIZE) return false;
      const ordinal = internSite(site.pointer);
      if (ordinal == 0 || this.sites.includes(ordinal)) return false;
      this.sites.push(ordinal);
    }
    return !this.reader.bad;
  }

  private readTable(): void {
    const reader = this.reader;
    if (reader.array(4) != 4) reader.reject();
    const name = reader.string(NAME_MAX);
    const algorithm = <i32>reader.unsigned(3);
    const none = new Slice(0, 0);
    const table = new Table(-1 - this.tables.length, name, algorithm, true, none, none);
    this.readNames(table.keys, KEYS_MAX);
    this.readNames(table.columns, COLUMNS_MAX);
    if (table.keys.length == 0 || !isName(name)) reader.reject();
    for (let i = 0; i < table.keys.length; i++) {
      if (table.columnIndex(table.keys[i].name) >= 0) reader.reject();
    }
    for (let i = 0; i < this.tables.length; i++) {
      if (this.tables[i].name.equalsIgnoreCase(name)) reader.reject();
    }
    this.tables.push(table);
  }

  private readNames(list: Array<Column>, max: u32): void {
    const reader = this.reader;
    const count = reader.array(max);
    for (let i: u32 = 0; i < count; i++) {
      const name = reader.string(NAME_MAX);
      if (!isName(name)) reader.reject();
      for (let j = 0; j < list.length; j++) if (list[j].name.equalsIgnoreCase(name)) reader.reject();
      if (reader.bad) return;
      const column = new Column(name, new Slice(0, 0));
      column.id = i;
      list.push(column);
    }
  }

  /** Goes to the next group. False at the end and after a failure. */
  nextGroup(): bool {
    const reader = this.reader;
    if (this.groupsLeft == 0) {
      if (reader.left != 0) this.damaged('bytes after the end');
      return false;
    }
    this.groupsLeft--;
    const items = reader.array(u32.MAX_VALUE);
    const table = <i32>reader.unsigned(TABLES_MAX);
    if (reader.bad || table >= this.tables.length || this.seen[table]) return this.damaged('group');
    this.seen[table] = true;
    this.table = table;
    this.itemsLeft = items - 1;
    this.previousClock = 0;
    this.row = new IncomingRow(this.tables[table].columns.length);
    return true;
  }

  /** The next row of the group, or null at its end and after a failure. */
  nextRow(): IncomingRow | null {
    if (this.itemsLeft == 0) return null;
    const row = this.row;
    const table = this.tables[this.table];
    row.clear();
    if (!this.readRow(row, table)) {
      this.damaged('row');
      return null;
    }
    return row;
  }

  /** Counts items against what the group's array promised. */
  private spend(count: u32): void {
    if (count > this.itemsLeft) this.reader.reject();
    else this.itemsLeft -= count;
  }

  private readRow(row: IncomingRow, table: Table): bool {
    const reader = this.reader;
    const tag = <u32>reader.unsigned(TAG_MAX);
    this.spend(2 + table.keys.length);
    const keyStart = reader.position;
    for (let i = 0; i < table.keys.length; i++) {
      if (reader.left > 0 && load<u8>(reader.position) == 0xc0) reader.reject();
      reader.value(VALUE_MAX);
    }
    row.key = new Slice(keyStart, <u32>(reader.position - keyStart));
    row.cl = 1;
    if ((tag & TAG_CAUSAL_LENGTH) != 0) row.cl = this.counted(CL_MAX);
    if (row.cl == 0 || <u64>row.cl > CL_MAX_BY_ALGORITHM[table.algorithm]) reader.reject();
    if ((tag & TAG_CAUSAL_LENGTH) != 0 && row.cl == 1) reader.reject();
    row.clock = this.clockFrom(this.previousClock);
    this.previousClock = row.clock;
    const site = (tag & TAG_SITE) != 0 ? <i32>this.counted(SITES_MAX) : 0;
    if ((tag & TAG_SITE) != 0 && site == 0) reader.reject();
    row.site = this.siteAt(site);
    if (!reader.bad) this.readColumns(row, table, tag);
    if (!reader.bad && (tag & TAG_DELETED) != 0) this.readDeleted(row, table);
    if (!reader.bad && (tag & TAG_BASES) != 0) this.readBases(row);
    return !reader.bad && !hasFailed();
  }

  private counted(max: u64): i64 {
    this.spend(1);
    return <i64>this.reader.unsigned(max);
  }

  private siteAt(index: i32): i32 {
    if (index < this.sites.length) return this.sites[index];
    this.reader.reject();
    return 0;
  }

  private clockFrom(base: i64): i64 {
    const difference = this.reader.integer();
    if (difference > CLOCK_MAX || difference < -CLOCK_MAX) this.reader.reject();
    const clock = base + difference;
    if (clock < 0 || clock > CLOCK_MAX) this.reader.reject();
    if (this.reader.bad) return 0;
    if (clock > this.clockLimit) {
      failWith(
        'a change in the packet is stamped more than a day ahead of the clock of this device; check both clocks',
      );
    }
    if (clock > this.largestClock) this.largestClock = clock;
    return clock;
  }

  private readColumns(row: IncomingRow, table: Table, tag: u32): void {
    const reader = this.reader;
    const form = tag & TAG_COLUMNS_MASK;
    const width = table.columns.length;
    if (form == TAG_COLUMNS_NONE) {
      // Alive without any column is a row of a key-only table.
      if ((row.alive && width > 0) || (tag & TAG_STAMP_PER_COLUMN) != 0) reader.reject();
      row.stamps.set(0, row.clock, row.site);
      return;
    }
    if (form > TAG_COLUMNS_SOME || !row.alive || width == 0) reader.reject();
    let bits = new Slice(0, 0);
    if (form == TAG_COLUMNS_SOME) bits = this.bitmap(width);
    let reached = false;
    for (let i = 0; i < width && !reader.bad; i++) {
      if (form == TAG_COLUMNS_SOME && !bitAt(bits, i)) continue;
      if ((tag & TAG_STAMP_PER_COLUMN) != 0) this.readStamp(row, row.stamps, i);
      else row.stamps.set(i, row.clock, row.site);
      this.spend(1);
      row.setValue(i, reader.value(VALUE_MAX));
      row.count++;
      const order = row.stamps.compare(i, row.clock, row.site);
      if (order > 0) reader.reject();
      if (order == 0) reached = true;
    }
    // The row stamp is the largest of its columns' stamps.
    if (!reached || (form == TAG_COLUMNS_SOME && row.count == width)) reader.reject();
  }

  private readStamp(row: IncomingRow, target: Stamps, index: i32): void {
    this.spend(2);
    const clock = this.clockFrom(row.clock);
    target.set(index, clock, this.siteAt(<i32>this.reader.unsigned(SITES_MAX)));
  }

  private bitmap(width: i32): Slice {
    this.spend(1);
    const bits = this.reader.binary((width + 7) / 8);
    if (this.reader.bad || bits.size == 0 || load<u8>(bits.pointer + bits.size - 1) == 0)
      this.reader.reject();
    else if (bits.size == <u32>((width + 7) / 8) && width % 8 != 0) {
      if (<u32>load<u8>(bits.pointer + bits.size - 1) >> (width % 8) != 0) this.reader.reject();
    }
    return this.reader.bad ? new Slice(0, 0) : bits;
  }

  private readDeleted(row: IncomingRow, table: Table): void {
    const width = table.columns.length;
    if (table.algorithm != ALGORITHM_AWS || width == 0) this.reader.reject();
    if (this.reader.bad) return;
    const bits = this.bitmap(width);
    for (let i = 0; i < width && !this.reader.bad; i++) {
      if (bitAt(bits, i)) this.readStamp(row, row.deleted, i);
    }
    row.hasDeleted = true;
  }

  private readBases(row: IncomingRow): void {
    const reader = this.reader;
    const groups = this.counted(row.alive ? row.count : row.width);
    if (groups == 0) reader.reject();
    for (let left = groups; left > 0 && !reader.bad; left--) {
      const bits = this.bitmap(row.width);
      const base = this.readBase(row);
      for (let i = 0; i < row.width && !reader.bad; i++) {
        if (!bitAt(bits, i)) continue;
        if ((row.alive && !row.includes(i)) || row.bases.get(i) != null) reader.reject();
        row.bases.set(i, base);
      }
    }
  }

  /** The sites of a base come in the order of their stamps, the largest clock first, and none is at the floor. */
  private readBase(row: IncomingRow): Base {
    const reader = this.reader;
    const floor = this.counted(CLOCK_MAX);
    const count = <i32>this.counted(BASE_SITES_MAX);
    const base = new Base(floor, count);
    let above = row.clock;
    for (let i = 0; i < count && !reader.bad; i++) {
      this.spend(2);
      const clock = this.clockFrom(row.clock);
      const site = this.siteAt(<i32>reader.unsigned(SITES_MAX));
      if (clock > above || clock <= floor || base.lists(site)) reader.reject();
      base.add(clock, site);
      above = clock;
    }
    return base;
  }
}

function bitAt(bits: Slice, index: i32): bool {
  const byte = <u32>index >> 3;
  return byte < bits.size && ((<u32>load<u8>(bits.pointer + byte) >> (<u32>index & 7)) & 1) == 1;
}
