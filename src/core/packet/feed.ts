/**
 * feed.ts: reads the changes of one table, in the order of their seq or row by row as they are asked for, and turns
 * each into a row of a packet.
 */
import { HeldRows } from '../catalog/held_rows';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { RowClock } from '../clock/row_clock';
import { sql_column_size, sql_column_type } from '../host';
import { writeColumn } from '../bytes/msgpack';
import { RowCells } from '../bytes/row_cells';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { hasFailed } from '../sql/failure';
import { TYPE_BLOB, TYPE_TEXT } from '../sql/types';
import { Encoder, RowImage } from './encoder';
import { FeedRows } from './feed_rows';
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

export class Feed {
  clock: RowClock;
  private rows: FeedRows;
  /** What of the waiting change is wanted, after `take`. */
  image: RowImage;
  /** Its encoded key. */
  key: Slice = new Slice(0, 0);
  /** The rows that are living and not in the table, and the values of the waiting one. */
  private held: HeldRows;
  private heldValues: HeldValues | null = null;
  private isHeld: bool = false;
  /** The values of the waiting change, unless it is held or the table wide. */
  private cells: RowCells | null = null;
  /** What the table's filter lets out, null where it has none. */
  private limits: RowLimit | null = null;
  /** Columns of the table stay on this device. */
  private keepsColumns: bool = false;
  /** A change is waiting in `clock`. */
  ready: bool = false;

  /** `inOrder`: it goes on by `advance`, else by `seek`. */
  constructor(
    public table: Table,
    private filter: FeedFilter,
    inOrder: bool,
  ) {
    this.clock = new RowClock(table);
    this.held = new HeldRows(table);
    this.image = new RowImage(table.width);
    this.rows = new FeedRows(table, filter.start, filter.onlySite, inOrder);
    if (this.held.any) this.heldValues = new HeldValues(table);
    if (table.filter.size > 0) this.limits = new RowLimit(table);
    for (let i = 0; i < table.columns.length; i++)
      this.keepsColumns = this.keepsColumns || table.columns[i].kept;
  }

  /** Goes to the next change. False at the end and on errors (hasFailed()). */
  advance(): bool {
    this.ready = this.rows.next(this.clock.seq) && this.clock.read(this.rows.clockHandle, 0);
    return this.ready;
  }

  /** Goes to the newest change of the row with that encoded key. False when there is none, and on errors. */
  seek(key: usize): bool {
    this.ready = this.rows.seek(key) && this.clock.read(this.rows.clockHandle, 0);
    return this.ready;
  }

  close(): void {
    this.rows.close();
    if (this.heldValues != null) this.heldValues!.close();
    if (this.limits != null) this.limits!.close();
  }

  /**
   * Makes `image`, `key` and the values of the waiting change ready. False when the filter wants nothing of it, and on
   * errors (hasFailed()).
   */
  take(oversized: Array<Oversized>): bool {
    const image = this.image;
    const clock = this.clock;
    const rows = this.rows;
    const key = rows.key();
    this.key = new Slice(key.start, key.size);
    this.cells = null;
    const present = clock.alive && rows.isThere(clock.seq, key);
    this.isHeld = clock.alive && !present && this.held.any && this.heldValues!.seek(this.held, key.start);
    if (hasFailed() || !this.choose(present)) return false;
    if (image.count == 0) return true;
    if (!this.isHeld) {
      if (!rows.seekValues(clock.seq)) return false;
      this.cells = rows.cells();
      if (this.cells != null && this.cells!.areSmall) return true;
    }
    const before = oversized.length;
    this.dropOversized(this.key, oversized);
    return oversized.length == before || image.count > 0;
  }

  /** Writes the waiting change into the packet, when the filter wants anything of it. False on errors. */
  write(encoder: Encoder, oversized: Array<Oversized>): bool {
    if (!this.take(oversized)) return !hasFailed();
    const image = this.image;
    encoder.beginRow(this.table, this.key, image);
    if (this.cells != null) this.writeCells(encoder, this.cells!);
    else this.writeColumns(encoder);
    encoder.endRow(image);
    return true;
  }

  private writeCells(encoder: Encoder, cells: RowCells): void {
    const image = this.image;
    for (let i = 0; i < image.width; i++) {
      if (image.includes(i)) cells.write(encoder.column(image, i));
      else cells.skip();
    }
  }

  private writeColumns(encoder: Encoder): void {
    const image = this.image;
    for (let i = 0; image.count > 0 && i < image.width; i++) {
      if (image.includes(i)) writeColumn(encoder.column(image, i), this.valueHandle(), this.valueColumn(i));
    }
  }

  /** Fills the image with the columns that the filter wants. False when there are none. */
  private choose(present: bool): bool {
    const clock = this.clock;
    const image = this.image;
    // The bases that `advance` read lie in memory that may have been released since.
    if (clock.bases.count > 0 && !clock.read(this.rows.clockHandle, 0)) return false;
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
      if (clock.seq > limit || clock.seq <= this.filter.since) return false;
      image.clock = clock.stamps.clock(0);
      image.site = clock.stamps.site(0);
      return this.wanted(image.site);
    }
    if (clock.uniform && !this.isHeld && limit == i64.MAX_VALUE && !this.keepsColumns) {
      if (clock.baseSeq <= this.filter.since || !this.wanted(clock.site)) return false;
      image.includeAll(clock.clock, clock.site);
      return true;
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
    return this.isHeld ? this.heldValues!.handle : this.rows.valueHandle;
  }

  valueColumn(index: i32): i32 {
    return this.isHeld ? index : this.rows.firstValue + index;
  }
}
