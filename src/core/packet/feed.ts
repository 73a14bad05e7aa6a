/**
 * feed.ts: reads the changes of one table in the order of their seq and turns each into a row of a packet.
 */
import { keyNames } from '../capture/tables';
import { HeldRows } from '../catalog/held_rows';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { RowClock } from '../clock/row_clock';
import { sql_column_size, sql_column_type } from '../host';
import { writeColumn } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_TEXT } from '../sql/types';
import { Encoder, RowImage } from './encoder';
import { HeldValues } from './held_values';
import { ROW_MAX, VALUE_MAX } from './limits';
import { RowLimit } from './row_limit';

/**
 * Which changes are wanted. A reader that catches up page by page moves `position` with every page, and `since` only
 * when there was nothing left behind one: a row that moved while it was read brings its older columns along.
 */
export class FeedFilter {
  /** Only columns with a larger seq. */
  since: i64 = 0;
  /** Rows up to this seq have been read before. */
  position: i64 = 0;
  /** Ordinal of a site whose own changes are left out, or 0: the asker has them. */
  excludeSite: i32 = 0;
  /** Ordinal of the only site whose changes are wanted, or 0. */
  onlySite: i32 = 0;

  /** The rows wanted have a larger seq; older columns of theirs may not be wanted. */
  get start(): i64 {
    return this.position > this.since ? this.position : this.since;
  }
}

/** A value that is too large to travel; the caller reports it. */
export class Oversized {
  constructor(
    public table: Table,
    public key: Slice,
    public column: Slice,
    public size: u32,
  ) {}
}

/** Tables with more columns than this read their values with a second statement (SQLite: 2,000 result columns). */
const JOIN_COLUMNS_MAX: i32 = 1900;
const EXISTS_COLUMN: i32 = 5;

export class Feed {
  clock: RowClock;
  private select: Statement;
  private values: Statement | null = null;
  /** What of the waiting change is wanted, after `take`. */
  image: RowImage;
  /** Its encoded key. */
  key: Slice = new Slice(0, 0);
  private wide: bool;
  /** The rows that are living and not in the table, and the values of the waiting one. */
  private held: HeldRows;
  private heldValues: HeldValues | null = null;
  private isHeld: bool = false;
  /** What the table's filter lets out, null where it has none. */
  private limits: RowLimit | null = null;
  /** A change is waiting in `clock`. */
  ready: bool = false;

  constructor(
    public table: Table,
    private filter: FeedFilter,
  ) {
    this.clock = new RowClock(table);
    this.held = new HeldRows(table);
    this.image = new RowImage(table.width);
    const wide = table.columns.length + table.keys.length > JOIN_COLUMNS_MAX;
    this.wide = wide;
    this.select = new Statement(selectSql(table, wide, filter));
    this.select.integer(1, filter.start);
    if (wide) this.values = new Statement(valuesSql(table));
    if (this.held.any) this.heldValues = new HeldValues(table);
    if (table.filter.size > 0) this.limits = new RowLimit(table);
  }

  /** Goes to the next change. False at the end and on errors (hasFailed()). */
  advance(): bool {
    this.ready = this.select.step() && this.clock.read(this.select.handle, 0);
    return this.ready;
  }

  close(): void {
    this.select.close();
    if (this.values != null) this.values!.close();
    if (this.heldValues != null) this.heldValues!.close();
    if (this.limits != null) this.limits!.close();
  }

  /**
   * Makes `image`, `key` and the values of the waiting change ready. False when the filter wants nothing of it, and on
   * errors (hasFailed()).
   */
  take(oversized: Array<Oversized>): bool {
    const image = this.image;
    const key = new Writer(64);
    for (let i = 0; i < this.table.keys.length; i++)
      writeColumn(key, this.select.handle, EXISTS_COLUMN + 1 + i);
    this.key = new Slice(key.start, key.size);
    const present = this.select.columnInteger(EXISTS_COLUMN) != 0;
    this.isHeld =
      !present && this.clock.alive && this.held.any && this.heldValues!.seek(this.held, key.start);
    if (hasFailed() || !this.choose(present)) return false;
    if (image.count > 0 && !this.isHeld && !this.seekValues()) return false;
    const before = oversized.length;
    this.dropOversized(this.key, oversized);
    return oversized.length == before || image.count > 0;
  }

  /** Writes the waiting change into the packet, when the filter wants anything of it. False on errors. */
  write(encoder: Encoder, oversized: Array<Oversized>): bool {
    if (!this.take(oversized)) return !hasFailed();
    const image = this.image;
    encoder.beginRow(this.table, this.key, image);
    for (let i = 0; image.count > 0 && i < image.width; i++) {
      if (image.includes(i)) writeColumn(encoder.column(image, i), this.valueHandle(), this.valueColumn(i));
    }
    encoder.endRow(image);
    return true;
  }

  /** Fills the image with the columns that the filter wants. False when there are none. */
  private choose(present: bool): bool {
    const clock = this.clock;
    const image = this.image;
    // The bases that `advance` read lie in memory that may have been released since.
    if (clock.bases.count > 0 && !clock.read(this.select.handle, 0)) return false;
    image.clear();
    image.cl = clock.cl;
    image.clock = clock.clock;
    image.site = clock.site;
    if (clock.hasDeleted) image.deleted = clock.deleted;
    if (!clock.alive) {
      for (let i = 0; clock.bases.count > 0 && i < image.width; i++) image.bases.set(i, clock.bases.get(i));
      return this.wanted(clock.site);
    }
    // A living row that is neither there nor held cannot be sent; it is again when it is written again.
    if (!present && !this.isHeld) return false;
    const limits = this.limits;
    const limit = limits == null ? i64.MAX_VALUE : limits.of(clock.seq, this.filter.since);
    if (this.table.keyOnly) {
      if (clock.seq > limit) return false;
      image.clock = clock.stamps.clock(0);
      image.site = clock.stamps.site(0);
      return this.wanted(image.site);
    }
    for (let i = 0; i < clock.stamps.width; i++) {
      const stamp = clock.stamps.clock(i);
      const seq = clock.columnSeq(i);
      if (stamp == 0 || seq <= this.filter.since || seq > limit || this.table.columns[i].kept) continue;
      if (!this.wanted(clock.stamps.site(i))) continue;
      if (this.isHeld && !this.heldValues!.knows(i)) continue;
      image.include(i, stamp, clock.stamps.site(i));
      image.bases.set(i, clock.bases.get(i));
    }
    return image.count > 0;
  }

  /**
   * Of `aws` rows everything is wanted: a row that an edit revived carries stamps of others that they may have
   * forgotten, and a row with the asker's own stamps may carry deleted stamps that it has not seen.
   */
  private wanted(site: i32): bool {
    const filter = this.filter;
    if (this.table.algorithm == ALGORITHM_AWS) return true;
    if (filter.excludeSite != 0 && site == filter.excludeSite) return false;
    return filter.onlySite == 0 || site == filter.onlySite;
  }

  private dropOversized(key: Slice, oversized: Array<Oversized>): void {
    const image = this.image;
    let total: u64 = 0;
    for (let i = 0; image.count > 0 && i < image.width; i++) {
      if (!image.includes(i)) continue;
      const type = sql_column_type(this.valueHandle(), this.valueColumn(i));
      const size: u32 =
        type == TYPE_TEXT || type == TYPE_BLOB ? sql_column_size(this.valueHandle(), this.valueColumn(i)) : 8;
      if (size <= VALUE_MAX && total + size <= ROW_MAX) {
        total += size;
        continue;
      }
      image.exclude(i);
      const copy = new Writer(key.size);
      copy.bytes(key.pointer, key.size);
      oversized.push(
        new Oversized(this.table, new Slice(copy.start, copy.size), this.table.columns[i].name, size),
      );
    }
  }

  /** The statement, and below the column in it, that has the value of a column of `image`. */
  valueHandle(): i32 {
    if (this.isHeld) return this.heldValues!.handle;
    return this.wide ? this.values!.handle : this.select.handle;
  }

  valueColumn(index: i32): i32 {
    if (this.isHeld) return index;
    return this.wide ? index : EXISTS_COLUMN + 1 + this.table.keys.length + index;
  }

  /** In a wide table: reads the row's values with the second statement. */
  private seekValues(): bool {
    if (!this.wide) return true;
    this.values!.reset();
    return this.values!.integer(1, this.clock.seq).step();
  }
}

function valueNames(sql: Text, table: Table, prefix: string): Text {
  const columns = table.columns;
  for (let i = 0; i < columns.length; i++) {
    if (i > 0) sql.add(',');
    sql.add(prefix).name(columns[i].name);
  }
  return sql;
}

/** seq, cl, clock, site, cols, exists, pk0.., and the values unless the table is wide. */
function selectSql(table: Table, wide: bool, filter: FeedFilter): Text {
  const keys = table.keys;
  const sql = new Text(1024).add('SELECT c.seq,c.cl,c.clock,c.site,c.cols,d.').name(keys[0].name);
  keyNames(sql.add(' IS NOT NULL,'), table, 'c.');
  if (!wide && table.columns.length > 0) valueNames(sql.add(','), table, 'd.');
  sql.add(' FROM ').main(table.clockName).add(' AS c LEFT JOIN ').main(table.name).add(' AS d ON ');
  for (let i = 0; i < keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .add('d.')
      .name(keys[i].name)
      .add('=c.pk')
      .number(i);
  }
  sql.add(' WHERE c.seq>?1');
  if (filter.onlySite != 0 && table.algorithm != ALGORITHM_AWS) {
    // Rows that only others have written are passed over without a look at their data.
    sql.add(' AND (c.site=').number(filter.onlySite).add(' OR c.cols IS NOT NULL)');
  }
  // What was announced before a pause is still sent; what came after it is announced anew by cloudsync_enable.
  if (!table.enabled) sql.add(' AND c.seq<=').number(table.pausedSeq);
  return sql.add(' ORDER BY c.seq');
}

function valuesSql(table: Table): Text {
  const keys = table.keys;
  const sql = valueNames(new Text(4096).add('SELECT '), table, '')
    .add(' FROM ')
    .main(table.name)
    .add(' WHERE ');
  for (let i = 0; i < keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .name(keys[i].name)
      .add('=(SELECT pk')
      .number(i);
    sql.add(' FROM ').main(table.clockName).add(' WHERE seq=?1)');
  }
  return sql;
}
