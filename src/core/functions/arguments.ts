/**
 * arguments.ts: reads and checks the arguments of the SQL call that is being served. A wrong type is a failure that
 * names the function's argument.
 */
import { argument_copy, argument_integer, argument_real, argument_size, argument_type } from '../host';
import { writeBinary, writeInteger, writeNil, writeReal, writeText } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { PACKET_MAX, VALUE_MAX } from '../packet/limits';
import { arenaAllocate } from '../runtime/arena';
import { fail, failWith, hasFailed, SQLITE_MISMATCH, SQLITE_TOOBIG } from '../sql/failure';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';

/** Names, settings, URLs, tokens: nothing of these is longer. */
const TEXT_MAX: u32 = 16384;
/** Bytes of a list of rows. */
const LIST_MAX: u32 = PACKET_MAX;

function wrongType(what: string, expected: string): bool {
  return fail(new Text().add(what).add(' must be ').add(expected), SQLITE_MISMATCH);
}

/** A TEXT argument that is not empty; `what` names it in the error. Of size 0 after a failure. */
export function argumentText(index: i32, what: string): Slice {
  const none = new Slice(0, 0);
  if (argument_type(index) != TYPE_TEXT) {
    wrongType(what, 'a text');
    return none;
  }
  const size = argument_size(index);
  if (size == 0 || size > TEXT_MAX) {
    wrongType(what, 'a text of 1 to 16384 bytes');
    return none;
  }
  const target = arenaAllocate(size);
  argument_copy(index, 0, target, size);
  for (let i: u32 = 0; i < size; i++) {
    if (load<u8>(target + i) != 0) continue;
    wrongType(what, 'a text without NUL characters');
    return none;
  }
  return new Slice(target, size);
}

/** Largest whole number up to which every REAL is exact. */
const REAL_WHOLE_MAX: f64 = 9007199254740992;

/** An INTEGER argument, or a REAL without a fraction: many drivers hand every number over as REAL. */
function isWhole(index: i32): bool {
  if (argument_type(index) == TYPE_INTEGER) return true;
  if (argument_type(index) != TYPE_REAL) return false;
  const real = reinterpret<f64>(argument_real(index));
  return real >= -REAL_WHOLE_MAX && real <= REAL_WHOLE_MAX && floor(real) == real;
}

function wholeArgument(index: i32): i64 {
  if (argument_type(index) == TYPE_INTEGER) return argument_integer(index);
  return <i64>reinterpret<f64>(argument_real(index));
}

/** A whole number between `min` and `max`; `otherwise` when the call has fewer arguments. Check hasFailed(). */
export function argumentInteger(
  index: i32,
  count: i32,
  otherwise: i64,
  min: i64,
  max: i64,
  what: string,
): i64 {
  if (index >= count) return otherwise;
  if (!isWhole(index)) {
    wrongType(what, 'an integer');
    return otherwise;
  }
  const value = wholeArgument(index);
  if (value < min || value > max) {
    const text = new Text().add(what).add(' must be an integer from ').number(min).add(' to ').number(max);
    fail(text, SQLITE_MISMATCH);
  }
  return value;
}

/** An argument of any type as an encoded value; its text and blob at most as large as a packet can carry. */
export function argumentValue(index: i32): Writer {
  const target = new Writer(64);
  const type = argument_type(index);
  if (type == TYPE_NULL) writeNil(target);
  else if (type == TYPE_INTEGER) writeInteger(target, argument_integer(index));
  else if (type == TYPE_REAL) writeReal(target, argument_real(index));
  else writeBytes(target, index, type);
  return target;
}

function writeBytes(target: Writer, index: i32, type: i32): void {
  const size = argument_size(index);
  if (size > VALUE_MAX) {
    failWith('the value is larger than a packet can carry', SQLITE_TOOBIG);
    return;
  }
  const bytes = arenaAllocate(size + 1);
  argument_copy(index, 0, bytes, size);
  if (type == TYPE_TEXT) writeText(target, bytes, size);
  else writeBinary(target, bytes, size);
}

/** Checks that an argument is a BLOB; its size. */
export function argumentBlobSize(index: i32, what: string): u32 {
  const type = argument_type(index);
  if (type != TYPE_BLOB) {
    if (type == TYPE_NULL) wrongType(what, 'a blob, not NULL');
    else wrongType(what, 'a blob');
    return 0;
  }
  return argument_size(index);
}

/** A BLOB argument of exactly `size` bytes, or NULL (size 0). */
export function argumentOptionalBlob(index: i32, size: u32, what: string): Slice {
  if (argument_type(index) == TYPE_NULL) return new Slice(0, 0);
  if (argumentBlobSize(index, what) != size) {
    failWith('a blob argument has the wrong size', SQLITE_TOOBIG);
    return new Slice(0, 0);
  }
  const target = arenaAllocate(size);
  argument_copy(index, 0, target, size);
  return new Slice(target, size);
}

/** A BLOB argument with a list in it, or NULL (size 0). */
export function argumentList(index: i32, what: string): Slice {
  if (argument_type(index) == TYPE_NULL) return new Slice(0, 0);
  const size = argumentBlobSize(index, what);
  if (size > LIST_MAX) failWith('a list of rows is larger than a packet may be', SQLITE_TOOBIG);
  if (hasFailed()) return new Slice(0, 0);
  const target = arenaAllocate(size + 1);
  argument_copy(index, 0, target, size);
  return new Slice(target, size);
}
