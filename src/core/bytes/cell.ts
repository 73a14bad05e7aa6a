/**
 * cell.ts: one SQLite value in the form in which the core and its host exchange rows of virtual tables and
 * aggregates: the type (SQLite's number, one byte), then eight bytes, little endian: the integer, the bits
 * of the real, or the size of the TEXT or BLOB whose bytes follow; 0 for NULL. The host's half is
 * shim/cells.c.
 */
import {
  argument_copy,
  argument_size,
  sql_column_copy,
  sql_column_integer,
  sql_column_real,
  sql_column_size,
  sql_column_type,
} from '../host';
import { arenaAllocate } from '../runtime/arena';
import { failWith } from '../sql/failure';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { Slice } from './slice';
import { Writer } from './writer';

function writeHead(writer: Writer, type: i32, word: u64): void {
  writer.byte(type);
  writer.u64(word);
}

export function writeNullCell(writer: Writer): void {
  writeHead(writer, TYPE_NULL, 0);
}

export function writeIntegerCell(writer: Writer, value: i64): void {
  writeHead(writer, TYPE_INTEGER, value);
}

export function writeTextCell(writer: Writer, text: Slice): void {
  writeHead(writer, TYPE_TEXT, text.size);
  writer.bytes(text.pointer, text.size);
}

export function writeBlobCell(writer: Writer, bytes: Slice): void {
  writeHead(writer, TYPE_BLOB, bytes.size);
  writer.bytes(bytes.pointer, bytes.size);
}

/** Writes a column of a statement's row. */
export function writeColumnCell(writer: Writer, handle: i32, index: i32): void {
  const type = sql_column_type(handle, index);
  if (type == TYPE_INTEGER) writeHead(writer, type, sql_column_integer(handle, index));
  else if (type == TYPE_REAL) writeHead(writer, type, sql_column_real(handle, index));
  else if (type == TYPE_TEXT || type == TYPE_BLOB) {
    const size = sql_column_size(handle, index);
    writeHead(writer, type, size);
    sql_column_copy(handle, index, writer.reserve(size), size);
    writer.size += size;
  } else writeNullCell(writer);
}

function damaged(): bool {
  return failWith('the rows of changes are damaged; take them from cloudsync_changes');
}

const CELL_HEAD: u32 = 9;
const IN_MEMORY: i32 = -1;
const head = memory.data(16);

/** Reads cells one after another, in an argument of the SQL call or in memory; nobody vouches for them. */
export class CellReader {
  type: i32 = TYPE_NULL;
  /** The integer or the bits of the real. */
  word: i64 = 0;
  /** The bytes of a TEXT or BLOB, in the arena. */
  bytes: Slice = new Slice(0, 0);
  private offset: u32 = 0;

  private constructor(
    private argument: i32,
    private start: usize,
    private end: u32,
  ) {}

  static ofArgument(index: i32): CellReader {
    return new CellReader(index, 0, argument_size(index));
  }

  static ofMemory(cells: Slice): CellReader {
    return new CellReader(IN_MEMORY, cells.pointer, cells.size);
  }

  get atEnd(): bool {
    return this.offset == this.end;
  }

  /**
   * Goes to the next cell. A TEXT or BLOB of more than `max` bytes and a cell that is cut off are failures.
   */
  next(max: u32): bool {
    if (this.end - this.offset < CELL_HEAD) return damaged();
    this.copy(head, CELL_HEAD);
    this.type = load<u8>(head);
    this.word = load<i64>(head + 1);
    if (this.type < TYPE_INTEGER || this.type > TYPE_NULL) return damaged();
    if (this.type != TYPE_TEXT && this.type != TYPE_BLOB) return true;
    if (<u64>this.word > <u64>(this.end - this.offset)) return damaged();
    const size = <u32>this.word;
    if (size > max) return failWith('a value in the rows of changes is larger than a packet can carry');
    const target = arenaAllocate(size);
    this.copy(target, size);
    this.bytes = new Slice(target, size);
    return true;
  }

  private copy(target: usize, size: u32): void {
    if (this.argument == IN_MEMORY) memory.copy(target, this.start + this.offset, size);
    else argument_copy(this.argument, this.offset, target, size);
    this.offset += size;
  }
}
