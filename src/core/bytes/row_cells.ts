/**
 * row_cells.ts: columns of a statement's row, fetched from the host in one call as cells (cell.ts) and turned into
 * encoded values (msgpack.ts). A call for each column, and several for a text, take longer than all the rest of a row.
 */
import { sql_row } from '../host';
import { arenaAllocate } from '../runtime/arena';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { writeBinary, writeColumn, writeInteger, writeNil, writeReal, writeText } from './msgpack';
import { Writer } from './writer';

const CELL_HEAD: usize = 9;
const ROOM: u32 = 4096;
const ROOM_PER_COLUMN: u32 = 32;

export class RowCells {
  private start: usize;
  private capacity: u32;
  /** The next cell, 0 when the row did not fit. */
  private next: usize = 0;
  private handle: i32 = 0;
  /** The column that comes next. */
  private column: i32 = 0;

  /** Room for rows of `count` columns, unless they are long. */
  constructor(private count: i32) {
    this.capacity = ROOM + ROOM_PER_COLUMN * <u32>count;
    this.start = arenaAllocate(this.capacity);
  }

  /** Fetches the columns of the statement's row from `first` on. It has to stay on that row until they are read. */
  load(handle: i32, first: i32): void {
    this.handle = handle;
    this.column = first;
    this.next = sql_row(handle, first, this.count, this.start, this.capacity) > 0 ? this.start : 0;
  }

  /** All values together are no larger than a few KiB. */
  get areSmall(): bool {
    return this.next != 0;
  }

  /** Appends the next column as an encoded value. */
  write(target: Writer): void {
    if (this.next == 0) writeColumn(target, this.handle, this.column++);
    else this.next = writeCell(target, this.next);
  }

  /** Passes over the next column. */
  skip(): void {
    if (this.next == 0) this.column++;
    else this.next = cellEnd(this.next);
  }
}

function cellEnd(cell: usize): usize {
  const type = <i32>load<u8>(cell);
  const hasBytes = type == TYPE_TEXT || type == TYPE_BLOB;
  return cell + CELL_HEAD + (hasBytes ? <usize>load<u32>(cell + 1) : 0);
}

/** Appends the value of a cell. Returns where the next one begins. */
function writeCell(target: Writer, cell: usize): usize {
  const type = <i32>load<u8>(cell);
  const bytes = cell + CELL_HEAD;
  if (type == TYPE_INTEGER) {
    writeInteger(target, load<i64>(cell + 1));
  } else if (type == TYPE_REAL) {
    writeReal(target, load<i64>(cell + 1));
  } else if (type == TYPE_TEXT) {
    const size = load<u32>(cell + 1);
    writeText(target, bytes, size);
    return bytes + size;
  } else if (type == TYPE_BLOB) {
    const size = load<u32>(cell + 1);
    writeBinary(target, bytes, size);
    return bytes + size;
  } else {
    writeNil(target);
  }
  return bytes;
}
