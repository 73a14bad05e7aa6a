/**
 * picked_changes.ts: makes packets of rows of cloudsync_changes that somebody has picked (and may have
 * changed: every cell is checked). Neighbouring rows about the same data row become one row of the packet.
 *
 * A living row of an `aws` table, and its deletion, mean nothing without the stamps that deletions have
 * seen, and these are not in the rows; they are added from the clocks.
 */
import { CLOCK_MAX } from '../catalog/counters';
import { SITE_SIZE } from '../catalog/schema';
import { findSite, ownSite } from '../catalog/sites';
import { ALGORITHM_AWS, ALGORITHM_CLS, ALGORITHM_GOS, failUntracked } from '../catalog/table';
import { findTable, Table } from '../catalog/table';
import { CellReader } from '../bytes/cell';
import { writeBinary, writeInteger, writeNil, writeReal, writeText } from '../bytes/msgpack';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { fail, hasFailed, SQLITE_MISMATCH } from '../sql/failure';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { Encoder, RowImage } from './encoder';
import { CL_MAX, NAME_MAX, ROW_MAX, VALUE_MAX } from './limits';

/** One row of cloudsync_changes. */
class Change {
  table: Table | null = null;
  key: Slice = new Slice(0, 0);
  /** -1: the row itself. */
  column: i32 = -1;
  /** Encoded. */
  value: Slice = new Slice(0, 0);
  clock: i64 = 0;
  site: i32 = 0;
  cl: i64 = 0;
}

function wrong(column: string, expected: string): bool {
  const text = new Text().add(column).add(' of a change must be ').add(expected);
  return fail(text, SQLITE_MISMATCH);
}

export class PickedChanges {
  private cells: CellReader;
  /** The row of the packet that is being put together; null = none. */
  private table: Table | null = null;
  private first: Change = new Change();
  private image: RowImage = new RowImage(1);
  private values: Array<Slice> = [];
  private bytes: u32 = 0;

  /** The rows are in an argument of the SQL call. The tables must be open. */
  constructor(
    private tables: Array<Table>,
    argument: i32,
  ) {
    this.cells = new CellReader(argument);
  }

  /**
   * The next packet of about `aim` bytes, or null at the end and after a failure. It may be released
   * afterwards.
   */
  next(aim: u32): Slice | null {
    const encoder = new Encoder(ownSite(), aim + 4096);
    while (encoder.size + this.bytes < aim && !this.cells.atEnd) {
      const change = this.read();
      if (change == null) return null;
      if (!this.belongs(change)) {
        if (!this.flush(encoder)) return null;
        this.begin(change);
      }
      this.add(change);
    }
    if (!this.flush(encoder) || encoder.isEmpty) return null;
    return encoder.finish(0, 0);
  }

  /** Does the change go into the row that is being put together? */
  private belongs(change: Change): bool {
    if (this.table == null || change.column < 0 || this.image.includes(change.column)) return false;
    const first = this.first;
    const same = this.table!.id == change.table!.id && first.cl == change.cl && first.key.equals(change.key);
    return same && this.bytes + change.value.size <= ROW_MAX;
  }

  private begin(change: Change): void {
    this.table = change.table;
    this.first = change;
    this.image = new RowImage(change.table!.width);
    this.image.cl = change.cl;
    this.image.clock = change.clock;
    this.image.site = change.site;
    this.values = new Array<Slice>(change.table!.width);
  }

  private add(change: Change): void {
    if (change.column < 0) return;
    this.image.include(change.column, change.clock, change.site);
    this.values[change.column] = change.value;
    this.bytes += change.value.size;
  }

  private flush(encoder: Encoder): bool {
    const table = this.table;
    if (table == null) return !hasFailed();
    const image = this.image;
    const hasDeleted = table.algorithm == ALGORITHM_AWS && !table.keyOnly;
    if (hasDeleted && !addDeleted(table, this.first.key, image)) return false;
    encoder.beginRow(table, this.first.key, image);
    for (let i = 0; image.count > 0 && i < image.width; i++) {
      if (image.includes(i)) encoder.column(image, i).bytes(this.values[i].pointer, this.values[i].size);
    }
    encoder.endRow(image);
    this.table = null;
    this.bytes = 0;
    return true;
  }

  private read(): Change | null {
    const change = new Change();
    const named = this.readTable(change) && this.readKey(change);
    const ok = named && this.readColumn(change) && this.readStamp(change);
    return ok && agrees(change) ? change : null;
  }

  private readTable(change: Change): bool {
    if (!this.cells.next(NAME_MAX)) return false;
    if (this.cells.type != TYPE_TEXT) return wrong('tbl', 'a text');
    const table = findTable(this.tables, this.cells.bytes);
    if (table == null) return failUntracked(this.cells.bytes);
    change.table = table;
    return true;
  }

  private readKey(change: Change): bool {
    if (!this.cells.next(VALUE_MAX)) return false;
    const key = this.cells.bytes;
    const reader = new Reader(key.pointer, key.pointer + (this.cells.type == TYPE_BLOB ? key.size : 0));
    for (let i = 0; i < change.table!.keys.length; i++) {
      if (reader.left == 0 || load<u8>(reader.position) == 0xc0) reader.reject();
      reader.value(VALUE_MAX);
    }
    change.key = key;
    if (this.cells.type == TYPE_BLOB && !reader.bad && reader.left == 0) return true;
    return wrong('pk', 'the key values as in cloudsync_changes');
  }

  private readColumn(change: Change): bool {
    if (!this.cells.next(NAME_MAX)) return false;
    const named = this.cells.type == TYPE_TEXT;
    if (!named && this.cells.type != TYPE_NULL) return wrong('col_name', 'a text or NULL');
    if (named) {
      const name = this.cells.bytes;
      change.column = change.table!.columnIndex(name);
      const text = new Text().add("table '").bytes(change.table!.name).add("' has no column '").bytes(name);
      if (change.column < 0) return fail(text.add("' besides its key"));
    }
    if (!this.cells.next(VALUE_MAX)) return false;
    if (!named && this.cells.type != TYPE_NULL) return wrong('col_value', 'NULL where col_name is');
    const long = this.cells.type == TYPE_TEXT || this.cells.type == TYPE_BLOB;
    const value = new Writer(long ? this.cells.bytes.size + 32 : 16);
    writeCell(value, this.cells);
    change.value = new Slice(value.start, value.size);
    return true;
  }

  /** col_version, db_version (which is ours and does not travel), site_id, cl, seq. */
  private readStamp(change: Change): bool {
    change.clock = this.integer('col_version', CLOCK_MAX);
    if (hasFailed() || !this.cells.next(VALUE_MAX) || !this.cells.next(VALUE_MAX)) return false;
    if (this.cells.type != TYPE_BLOB || this.cells.bytes.size != SITE_SIZE) {
      return wrong('site_id', 'a blob of 16 bytes');
    }
    change.site = findSite(this.cells.bytes.pointer);
    if (change.site == 0) return wrong('site_id', 'a site that this database has met');
    const algorithm = change.table!.algorithm;
    const largest: i64 = algorithm == ALGORITHM_CLS ? <i64>CL_MAX : algorithm == ALGORITHM_GOS ? 1 : 2;
    change.cl = this.integer('cl', largest);
    return !hasFailed() && this.cells.next(VALUE_MAX);
  }

  private integer(column: string, max: i64): i64 {
    if (!this.cells.next(VALUE_MAX)) return 0;
    const word = this.cells.word;
    if (this.cells.type == TYPE_INTEGER && word >= 1 && word <= max) return word;
    const expected = new Text().add(column).add(' of a change must be an integer from 1 to ').number(max);
    fail(expected, SQLITE_MISMATCH);
    return 0;
  }
}

/** Whole living rows have columns; deletions and rows of key columns only have none. */
function agrees(change: Change): bool {
  const whole = (change.cl & 1) == 0 || change.table!.keyOnly;
  if (whole == change.column < 0) return true;
  if (whole) return wrong('col_name', 'NULL where cl is even or the table has key columns only');
  return wrong('col_name', 'the name of a column where cl is odd');
}

function writeCell(target: Writer, cell: CellReader): void {
  if (cell.type == TYPE_INTEGER) writeInteger(target, cell.word);
  else if (cell.type == TYPE_REAL && !isNaN(reinterpret<f64>(cell.word))) writeReal(target, cell.word);
  else if (cell.type == TYPE_TEXT) writeText(target, cell.bytes.pointer, cell.bytes.size);
  else if (cell.type == TYPE_BLOB) writeBinary(target, cell.bytes.pointer, cell.bytes.size);
  else writeNil(target);
}

/** Puts the deleted stamps of a row that this database knows into the image. */
function addDeleted(table: Table, key: Slice, image: RowImage): bool {
  const clock = new RowClock(table);
  const clocks = new ClockTable(table);
  const ok = clocks.read(key.pointer, clock);
  if (ok && clock.hasDeleted) image.deleted = clock.deleted;
  clocks.close();
  return ok;
}
