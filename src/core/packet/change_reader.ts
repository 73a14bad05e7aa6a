/**
 * change_reader.ts: reads rows of cloudsync_changes that somebody has picked or brought, and may have changed: every
 * cell is checked. What a row says about the number of its arrival (db_version, seq) means nothing here.
 */
import { CLOCK_MAX } from '../catalog/counters';
import { SITE_SIZE } from '../catalog/schema';
import { findSite, internSite } from '../catalog/sites';
import { ALGORITHM_AWS, ALGORITHM_CLS, ALGORITHM_GOS, failUntracked } from '../catalog/table';
import { findTable, Table } from '../catalog/table';
import { CellReader } from '../bytes/cell';
import { writeBinary, writeInteger, writeNil, writeReal, writeText } from '../bytes/msgpack';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { isName } from '../bytes/utf8';
import { Stamps } from '../clock/stamps';
import { fail, failWith, hasFailed, SQLITE_MISMATCH } from '../sql/failure';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { DeletedStampReader } from './deleted_stamps';
import { CL_MAX, KEYS_MAX, latestClock, NAME_MAX, VALUE_MAX } from './limits';

/** The rows were read in this database: it knows their tables, columns and sites. */
export const PICKED: i32 = 0;
/** From anywhere, and only to be checked: tables, columns and sites may be unknown. Writes nothing. */
export const OFFERED: i32 = 1;
/** From anywhere, to be merged now: tables and columns must be known, sites become so. Inside a write transaction. */
export const ARRIVED: i32 = 2;

/** One row of cloudsync_changes. */
export class Change {
  /** Null: not known here as it is, when the row is only offered. */
  table: Table | null = null;
  key: Slice = new Slice(0, 0);
  /** -1: the row itself, or a column that is not known here. */
  column: i32 = -1;
  /** The name of the column; null = the row itself. */
  name: Slice | null = null;
  /** Encoded. */
  value: Slice = new Slice(0, 0);
  clock: i64 = 0;
  site: i32 = 0;
  cl: i64 = 0;
  /** What the deletions of an `aws` row have seen. */
  deleted: Stamps | null = null;

  get alive(): bool {
    return (this.cl & 1) == 1;
  }
}

function wrong(column: string, expected: string): bool {
  const text = new Text().add(column).add(' of a change must be ').add(expected);
  return fail(text, SQLITE_MISMATCH);
}

export class ChangeReader {
  private clockLimit: i64;
  /** What col_value holds where there is no column: a BLOB of deleted stamps. Of size 0 when there is none. */
  private deletions: Slice = new Slice(0, 0);

  /** `tables`: those of this database. `kind`: PICKED, OFFERED or ARRIVED. */
  constructor(
    private tables: Array<Table>,
    private cells: CellReader,
    private kind: i32,
  ) {
    this.clockLimit = kind == PICKED ? CLOCK_MAX : latestClock();
  }

  get atEnd(): bool {
    return this.cells.atEnd;
  }

  /** The next row, or null with a failure. Not at the end. */
  next(): Change | null {
    const change = new Change();
    const named = this.readTable(change) && this.readKey(change) && this.readColumn(change);
    const ok = named && this.readValue(change) && this.readStamp(change) && agrees(change);
    return ok && this.readDeletions(change) ? change : null;
  }

  private readTable(change: Change): bool {
    if (!this.cells.next(NAME_MAX)) return false;
    const name = this.cells.bytes;
    if (this.cells.type != TYPE_TEXT || !isName(name)) return wrong('tbl', 'a text, the name of a table');
    const table = findTable(this.tables, name);
    if (this.kind != PICKED && table != null && !table.open()) return false;
    if (table != null && !table.missing && (this.kind == PICKED || !table.altering)) change.table = table;
    if (change.table != null || this.kind == OFFERED) return true;
    if (table == null || table.missing) return failUntracked(name);
    const text = new Text().add("table '").bytes(name).add("' is being altered on this device");
    return fail(text.add(': call cloudsync_commit_alter first'));
  }

  private readKey(change: Change): bool {
    if (!this.cells.next(VALUE_MAX)) return false;
    const key = this.cells.bytes;
    const isBlob = this.cells.type == TYPE_BLOB;
    const reader = new Reader(key.pointer, key.pointer + (isBlob ? <usize>key.size : 0));
    let count = 0;
    while (!reader.bad && (reader.left > 0 || count == 0)) {
      if (reader.left == 0 || load<u8>(reader.position) == 0xc0) reader.reject();
      reader.value(VALUE_MAX);
      count++;
    }
    change.key = key;
    const fits = change.table == null ? <u32>count <= KEYS_MAX : count == change.table!.keys.length;
    if (isBlob && !reader.bad && fits) return true;
    return wrong('pk', 'a blob of the key values as in cloudsync_changes');
  }

  private readColumn(change: Change): bool {
    if (!this.cells.next(NAME_MAX)) return false;
    if (this.cells.type == TYPE_NULL) return true;
    const name = this.cells.bytes;
    if (this.cells.type != TYPE_TEXT || !isName(name)) return wrong('col_name', 'a name as text, or NULL');
    change.name = name;
    const table = change.table;
    if (table == null) return true;
    change.column = table.columnIndex(name);
    if (change.column >= 0) return true;
    let isKey = false;
    for (let i = 0; i < table.keys.length; i++) isKey = isKey || table.keys[i].name.equalsIgnoreCase(name);
    if (this.kind == OFFERED && !isKey) return true;
    const text = new Text().add("table '").bytes(table.name);
    if (this.kind == ARRIVED && !isKey) return fail(text.add("' does not have yet: ").bytes(name));
    return fail(text.add("' has no column '").bytes(name).add("' besides its key"));
  }

  private readValue(change: Change): bool {
    const cells = this.cells;
    if (!cells.next(VALUE_MAX)) return false;
    this.deletions = new Slice(0, 0);
    if (change.name == null) {
      if (cells.type == TYPE_NULL) return true;
      if (cells.type != TYPE_BLOB) return wrong('col_value', 'NULL where col_name is');
      this.deletions = cells.bytes;
      return cells.bytes.size > 0 || wrong('col_value', 'NULL where col_name is');
    }
    const long = cells.type == TYPE_TEXT || cells.type == TYPE_BLOB;
    const value = new Writer(long ? cells.bytes.size + 32 : 16);
    writeCell(value, cells);
    change.value = new Slice(value.start, value.size);
    return true;
  }

  /** col_version, db_version, site_id, cl, seq. */
  private readStamp(change: Change): bool {
    change.clock = this.integer('col_version', CLOCK_MAX);
    if (hasFailed() || !this.inTime(change.clock)) return false;
    if (!this.cells.next(VALUE_MAX) || !this.cells.next(VALUE_MAX)) return false;
    if (this.cells.type != TYPE_BLOB || this.cells.bytes.size != SITE_SIZE) {
      return wrong('site_id', 'a blob of 16 bytes');
    }
    change.site = this.siteOf(this.cells.bytes);
    if (hasFailed()) return false;
    let largest: i64 = CL_MAX;
    if (change.table != null && change.table!.algorithm != ALGORITHM_CLS) {
      largest = change.table!.algorithm == ALGORITHM_GOS ? 1 : 2;
    }
    change.cl = this.integer('cl', largest);
    return !hasFailed() && this.cells.next(VALUE_MAX);
  }

  private inTime(clock: i64): bool {
    if (clock <= this.clockLimit) return true;
    return failWith(
      'a change is stamped more than a day ahead of the clock of this device; check both clocks',
    );
  }

  /** Its number here; 0 when the row is only offered, and after a failure. */
  private siteOf(site: Slice): i32 {
    if (this.kind == OFFERED) return 0;
    if (this.kind == ARRIVED) return internSite(site.pointer);
    const found = findSite(site.pointer);
    if (found == 0) wrong('site_id', 'a site that this database has met');
    return found;
  }

  private integer(column: string, max: i64): i64 {
    if (!this.cells.next(VALUE_MAX)) return 0;
    const word = this.cells.word;
    if (this.cells.type == TYPE_INTEGER && word >= 1 && word <= max) return word;
    const expected = new Text().add(column).add(' of a change must be an integer from 1 to ').number(max);
    fail(expected, SQLITE_MISMATCH);
    return 0;
  }

  /** The stamps in col_value of a deletion. Those of columns that are not here are left out, as from packets. */
  private readDeletions(change: Change): bool {
    if (this.deletions.size == 0) return true;
    const table = change.table;
    const fits = table == null || (table.algorithm == ALGORITHM_AWS && !table.keyOnly);
    if (!fits || change.alive) return wrong('col_value', 'NULL where col_name is');
    const reader = new DeletedStampReader(this.deletions);
    while (reader.next()) {
      if (!this.inTime(reader.clock)) return false;
      if (table == null || this.kind == OFFERED) continue;
      const column = table.columnIndex(reader.name);
      const site = column < 0 ? 0 : this.siteOf(reader.site);
      if (hasFailed()) return false;
      if (column < 0) continue;
      if (change.deleted == null) change.deleted = new Stamps(table.width);
      change.deleted!.raise(column, reader.clock, site);
    }
    return !reader.isDamaged || wrong('col_value', 'the deleted stamps as in cloudsync_changes');
  }
}

/** Whole living rows have columns; deletions and rows of key columns only have none. */
function agrees(change: Change): bool {
  const table = change.table;
  const named = change.name != null;
  if (!change.alive) return !named || wrong('col_name', 'NULL where cl is even');
  if (table == null || named == !table.keyOnly) return true;
  // A column of a table that has none here may come with a change of its schema.
  if (named) return change.column < 0 || wrong('col_name', 'NULL where the table has key columns only');
  return wrong('col_name', 'the name of a column where cl is odd');
}

function writeCell(target: Writer, cell: CellReader): void {
  if (cell.type == TYPE_INTEGER) writeInteger(target, cell.word);
  else if (cell.type == TYPE_REAL && !isNaN(reinterpret<f64>(cell.word))) writeReal(target, cell.word);
  else if (cell.type == TYPE_TEXT) writeText(target, cell.bytes.pointer, cell.bytes.size);
  else if (cell.type == TYPE_BLOB) writeBinary(target, cell.bytes.pointer, cell.bytes.size);
  else writeNil(target);
}
