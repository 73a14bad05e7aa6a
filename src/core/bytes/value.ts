/**
 * value.ts: works on one encoded SQLite value (an item of msgpack.ts that is known to be well formed): binds it to a
 * statement and compares it with another one.
 */
import { Statement } from '../sql/statement';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { FIXEXT16, FLOAT64, NIL } from './msgpack';
import { Slice } from './slice';
import { unpackUuid, UUID_SIZE, UUID_TEXT_SIZE } from './uuid';

const uuidText = memory.data(40);
const otherUuidText = memory.data(40);

export function valueType(item: usize): i32 {
  const head = <u32>load<u8>(item);
  if (head == NIL) return TYPE_NULL;
  if (head == FLOAT64) return TYPE_REAL;
  if (head >= 0xc4 && head <= 0xc6) return TYPE_BLOB;
  if (head == FIXEXT16 || (head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb)) return TYPE_TEXT;
  return TYPE_INTEGER;
}

/** The big-endian number of 1, 2, 4 or 8 bytes at `at`. */
function bigEndian(at: usize, width: u32): u64 {
  if (width == 1) return <u64>load<u8>(at);
  if (width == 2) return <u64>bswap<u16>(load<u16>(at));
  if (width == 4) return <u64>bswap<u32>(load<u32>(at));
  return bswap<u64>(load<u64>(at));
}

/** The number of an INTEGER value. */
export function valueInteger(item: usize): i64 {
  const head = <u32>load<u8>(item);
  if (head < 0x80) return head;
  if (head >= 0xe0) return <i64>head - 256;
  const width: u32 = 1 << (head & 3);
  const number = bigEndian(item + 1, width);
  if (head < 0xd0) return <i64>number;
  const spare: i64 = 64 - 8 * width;
  return ((<i64>number) << spare) >> spare;
}

function valueRealBits(item: usize): i64 {
  return <i64>bswap<u64>(load<u64>(item + 1));
}

/** The number of a REAL value. */
export function valueReal(item: usize): f64 {
  return reinterpret<f64>(valueRealBits(item));
}

/** Bytes of the length that follows the head of a str or bin: 0, 1, 2 or 4. */
function lengthWidth(head: u32): u32 {
  if (head <= 0xbf) return 0;
  return 1 << (head >= 0xd9 ? head - 0xd9 : head - 0xc4);
}

function contentSize(item: usize, width: u32): u32 {
  return width == 0 ? <u32>load<u8>(item) & 31 : <u32>bigEndian(item + 1, width);
}

/** The bytes of a TEXT or BLOB; a packed UUID is spelled out at `scratch`. */
export function valueBytes(item: usize, scratch: usize): Slice {
  const head = <u32>load<u8>(item);
  if (head == FIXEXT16) {
    unpackUuid(item + 2, scratch);
    return new Slice(scratch, UUID_TEXT_SIZE);
  }
  const width = lengthWidth(head);
  return new Slice(item + 1 + width, contentSize(item, width));
}

/** Size in bytes of an encoded value. */
export function valueSize(item: usize): u32 {
  const head = <u32>load<u8>(item);
  if (head < 0x80 || head >= 0xe0 || head == NIL) return 1;
  if (head == FLOAT64) return 9;
  if (head == FIXEXT16) return 2 + UUID_SIZE;
  if (head >= 0xcc && head <= 0xd3) return 1 + (1 << (head & 3));
  const width = lengthWidth(head);
  return 1 + width + contentSize(item, width);
}

/** Binds an encoded value to a parameter (the first is 1). */
export function bindValue(statement: Statement, index: i32, item: usize): void {
  const type = valueType(item);
  if (type == TYPE_NULL) {
    statement.nothing(index);
  } else if (type == TYPE_INTEGER) {
    statement.integer(index, valueInteger(item));
  } else if (type == TYPE_REAL) {
    statement.real(index, valueRealBits(item));
  } else {
    const bytes = valueBytes(item, uuidText);
    if (type == TYPE_TEXT) statement.text(index, bytes);
    else statement.blob(index, bytes.pointer, bytes.size);
  }
}

/** The order of IEEE doubles as the order of signed integers, with -0.0 below 0.0. */
function sortableReal(bits: i64): i64 {
  return bits < 0 ? bits ^ i64.MAX_VALUE : bits;
}

function order(a: i64, b: i64): i32 {
  return a < b ? -1 : a > b ? 1 : 0;
}

function typeRank(type: i32): i32 {
  return type == TYPE_NULL ? 0 : type;
}

/**
 * The fixed total order over values that decides between equal stamps: NULL, INTEGER, REAL, TEXT, BLOB; within a
 * type by number or by bytes. Negative, 0 or positive, as a < b, a = b, a > b.
 */
export function compareValues(a: usize, b: usize): i32 {
  const type = valueType(a);
  const ranks = typeRank(type) - typeRank(valueType(b));
  if (ranks != 0 || type == TYPE_NULL) return ranks;
  if (type == TYPE_INTEGER) return order(valueInteger(a), valueInteger(b));
  if (type == TYPE_REAL) return order(sortableReal(valueRealBits(a)), sortableReal(valueRealBits(b)));
  const bytes = valueBytes(a, uuidText);
  const other = valueBytes(b, otherUuidText);
  const shorter = bytes.size < other.size ? bytes.size : other.size;
  const compared = memory.compare(bytes.pointer, other.pointer, shorter);
  return compared != 0 ? compared : order(bytes.size, other.size);
}
