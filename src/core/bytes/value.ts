/**
 * value.ts: works on one encoded SQLite value (an item of msgpack.ts that is known to be well formed): binds it to a
 * statement and compares it with another one.
 */
import { Statement } from '../sql/statement';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { FIXEXT16, FLOAT64, NIL } from './msgpack';
import { Reader } from './reader';
import { Slice } from './slice';
import { unpackUuid, UUID_TEXT_SIZE } from './uuid';

const WHOLE_MEMORY: usize = 0xffffffff;
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

function valueInteger(item: usize): i64 {
  return new Reader(item, WHOLE_MEMORY).integer();
}

function valueRealBits(item: usize): i64 {
  return <i64>bswap<u64>(load<u64>(item + 1));
}

/** The bytes of a TEXT or BLOB; a packed UUID is spelled out at `scratch`. */
function valueBytes(item: usize, scratch: usize): Slice {
  const head = <u32>load<u8>(item);
  if (head == FIXEXT16) {
    unpackUuid(item + 2, scratch);
    return new Slice(scratch, UUID_TEXT_SIZE);
  }
  const reader = new Reader(item, WHOLE_MEMORY);
  return head >= 0xc4 && head <= 0xc6 ? reader.binary(u32.MAX_VALUE) : reader.string(u32.MAX_VALUE);
}

/** Size in bytes of an encoded value. */
export function valueSize(item: usize): u32 {
  const reader = new Reader(item, WHOLE_MEMORY);
  reader.value(u32.MAX_VALUE);
  return <u32>(reader.position - item);
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
