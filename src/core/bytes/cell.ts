/**
 * cell.ts: one SQLite value in the form in which the core and its host exchange rows of virtual tables and aggregates:
 * the type (SQLite's number, one byte), then eight bytes, little endian: the integer, the bits of the real, or the size
 * of the TEXT or BLOB whose bytes follow; 0 for NULL. The host's half is shim/cells.c.
 */
import { sql_column_copy, sql_column_integer, sql_column_real, sql_column_size, sql_column_type } from '../host';
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
