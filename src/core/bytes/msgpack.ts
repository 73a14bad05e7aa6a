/**
 * msgpack.ts: writes MessagePack items in the canonical subset of docs/PROTOCOL.md. This is also the core's form of
 * a value in memory: what is read from a statement is encoded once and then only copied. reader.ts is the other half.
 */
import {
  sql_column_copy,
  sql_column_integer,
  sql_column_real,
  sql_column_size,
  sql_column_type,
} from '../host';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { packUuid, UUID_SIZE, UUID_TEXT_SIZE } from './uuid';
import { Writer } from './writer';

export const NIL: u32 = 0xc0;
export const FLOAT64: u32 = 0xcb;
export const FIXEXT16: u32 = 0xd8;
export const EXT_UUID: u32 = 1;

function big16(at: usize, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}

function big32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

function big64(at: usize, value: u64): void {
  store<u64>(at, bswap<u64>(value));
}

export function writeNil(writer: Writer): void {
  writer.byte(NIL);
}

export function writeUnsigned(writer: Writer, value: u64): void {
  const at = writer.reserve(9);
  if (value < 0x80) {
    store<u8>(at, <u32>value);
    writer.size += 1;
  } else if (value <= 0xff) {
    store<u8>(at, 0xcc);
    store<u8>(at + 1, <u32>value);
    writer.size += 2;
  } else if (value <= 0xffff) {
    store<u8>(at, 0xcd);
    big16(at + 1, <u32>value);
    writer.size += 3;
  } else if (value <= 0xffffffff) {
    store<u8>(at, 0xce);
    big32(at + 1, <u32>value);
    writer.size += 5;
  } else {
    store<u8>(at, 0xcf);
    big64(at + 1, value);
    writer.size += 9;
  }
}

export function writeInteger(writer: Writer, value: i64): void {
  if (value >= 0) {
    writeUnsigned(writer, <u64>value);
    return;
  }
  const at = writer.reserve(9);
  if (value >= -32) {
    store<u8>(at, <u32>value);
    writer.size += 1;
  } else if (value >= -0x80) {
    store<u8>(at, 0xd0);
    store<u8>(at + 1, <u32>value);
    writer.size += 2;
  } else if (value >= -0x8000) {
    store<u8>(at, 0xd1);
    big16(at + 1, <u32>value);
    writer.size += 3;
  } else if (value >= -0x80000000) {
    store<u8>(at, 0xd2);
    big32(at + 1, <u32>value);
    writer.size += 5;
  } else {
    store<u8>(at, 0xd3);
    big64(at + 1, <u64>value);
    writer.size += 9;
  }
}

export function writeReal(writer: Writer, bits: i64): void {
  const at = writer.reserve(9);
  store<u8>(at, FLOAT64);
  big64(at + 1, <u64>bits);
  writer.size += 9;
}

/** The head of a str (fix 0xa0 up to 31, then 0xd9..0xdb). */
function writeStringHead(writer: Writer, size: u32): void {
  if (size < 32) writer.byte(0xa0 | size);
  else writeSizedHead(writer, 0xd9, size);
}

function writeSizedHead(writer: Writer, code8: u32, size: u32): void {
  const at = writer.reserve(5);
  if (size <= 0xff) {
    store<u8>(at, code8);
    store<u8>(at + 1, size);
    writer.size += 2;
  } else if (size <= 0xffff) {
    store<u8>(at, code8 + 1);
    big16(at + 1, size);
    writer.size += 3;
  } else {
    store<u8>(at, code8 + 2);
    big32(at + 1, size);
    writer.size += 5;
  }
}

/** A str item, never packed as a UUID: for names and messages. */
export function writeString(writer: Writer, pointer: usize, size: u32): void {
  writeStringHead(writer, size);
  writer.bytes(pointer, size);
}

/** A TEXT value: canonical UUID text travels as 16 bytes. */
export function writeText(writer: Writer, pointer: usize, size: u32): void {
  writeString(writer, pointer, size);
  if (size == UUID_TEXT_SIZE) packInPlace(writer);
}

export function writeBinary(writer: Writer, pointer: usize, size: u32): void {
  writeSizedHead(writer, 0xc4, size);
  writer.bytes(pointer, size);
}

export function writeArray(writer: Writer, count: u32): void {
  if (count < 16) {
    writer.byte(0x90 | count);
    return;
  }
  const at = writer.reserve(5);
  if (count <= 0xffff) {
    store<u8>(at, 0xdc);
    big16(at + 1, count);
    writer.size += 3;
  } else {
    store<u8>(at, 0xdd);
    big32(at + 1, count);
    writer.size += 5;
  }
}

/** Encodes one column of the statement's current row as a value; canonical UUID text travels as 16 bytes. */
export function writeColumn(writer: Writer, handle: i32, index: i32): void {
  const type = sql_column_type(handle, index);
  if (type == TYPE_INTEGER) {
    writeInteger(writer, sql_column_integer(handle, index));
  } else if (type == TYPE_REAL) {
    writeReal(writer, sql_column_real(handle, index));
  } else if (type == TYPE_TEXT) {
    const size = sql_column_size(handle, index);
    writeStringHead(writer, size);
    sql_column_copy(handle, index, writer.reserve(size), size);
    writer.size += size;
    if (size == UUID_TEXT_SIZE) packInPlace(writer);
  } else if (type == TYPE_BLOB) {
    const size = sql_column_size(handle, index);
    writeSizedHead(writer, 0xc4, size);
    sql_column_copy(handle, index, writer.reserve(size), size);
    writer.size += size;
  } else {
    writer.byte(NIL);
  }
}

/** Replaces the str with 36 characters that ends the buffer by a packed UUID, when it is one. */
function packInPlace(writer: Writer): void {
  const spare = writer.reserve(UUID_SIZE);
  if (!packUuid(spare - UUID_TEXT_SIZE, spare)) return;
  const item = spare - UUID_TEXT_SIZE - 2;
  store<u8>(item, FIXEXT16);
  store<u8>(item + 1, EXT_UUID);
  memory.copy(item + 2, spare, UUID_SIZE);
  writer.size -= UUID_TEXT_SIZE - UUID_SIZE;
}
