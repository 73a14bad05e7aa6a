/**
 * pieces.ts: the small readers under the packet: values, variable-length integers, LZ4. What they accept is written
 * again; values have one form only, so the bytes must be the same.
 */
import { lz4Bound, lz4Compress, lz4Decompress } from '../../../src/core/bytes/lz4';
import { writeColumn } from '../../../src/core/bytes/msgpack';
import { Reader } from '../../../src/core/bytes/reader';
import { Slice } from '../../../src/core/bytes/slice';
import { bindValue, compareValues, valueSize } from '../../../src/core/bytes/value';
import { Varints } from '../../../src/core/bytes/varints';
import { Writer } from '../../../src/core/bytes/writer';
import { VALUE_MAX } from '../../../src/core/packet/limits';
import { arenaAllocate } from '../../../src/core/runtime/arena';
import { Statement } from '../../../src/core/sql/statement';
import { Text } from '../../../src/core/sql/text';
import { ACCEPTED, BROKEN, REFUSED } from './outcome';

/** Values one after another, as in a key; the order among neighbours must be an order. */
export function runValues(input: Slice): i32 {
  const reader = new Reader(input.pointer, input.pointer + input.size);
  const statement = new Statement(new Text().add('SELECT ?1'));
  let former: usize = 0;
  while (reader.left > 0 && !reader.bad) {
    const item = reader.value(VALUE_MAX);
    if (reader.bad) break;
    const size = <u32>(reader.position - item);
    if (valueSize(item) != size) return BROKEN;
    bindValue(statement, 1, item);
    if (!writtenAgain(statement.handle, new Slice(item, size))) return BROKEN;
    if (compareValues(item, item) != 0) return BROKEN;
    if (former != 0 && sign(compareValues(former, item)) != -sign(compareValues(item, former))) return BROKEN;
    former = item;
  }
  statement.close();
  return reader.bad ? REFUSED : ACCEPTED;
}

/** Writes what was bound to the statement as a value; it must have the bytes that it came from. */
function writtenAgain(handle: i32, item: Slice): bool {
  const again = new Writer(item.size + 32);
  writeColumn(again, handle, 0);
  return new Slice(again.start, again.size).equals(item);
}

function sign(value: i32): i32 {
  return value < 0 ? -1 : value > 0 ? 1 : 0;
}

/** A number may be written longer than needed; its value must survive. */
export function runVarints(input: Slice): i32 {
  const varints = new Varints(input.pointer, input.pointer + input.size);
  while (!varints.atEnd && !varints.damaged) {
    const value = varints.next();
    if (varints.damaged) break;
    if (value < 0) return BROKEN;
    const again = new Writer(16);
    again.varint(value);
    const reader = new Varints(again.start, again.start + again.size);
    if (reader.next() != value || reader.damaged || !reader.atEnd) return BROKEN;
  }
  return varints.damaged ? REFUSED : ACCEPTED;
}

/** The first two bytes are the raw size that the block claims to have. */
export function runLz4(input: Slice): i32 {
  if (input.size < 3) return REFUSED;
  const raw: u32 = load<u16>(input.pointer);
  const target = arenaAllocate(raw + 8);
  store<u64>(target + raw, GUARD);
  const ok = lz4Decompress(input.pointer + 2, input.size - 2, target, raw);
  if (load<u64>(target + raw) != GUARD) return BROKEN;
  if (!ok || raw == 0) return REFUSED;
  const block = arenaAllocate(lz4Bound(raw));
  const size = lz4Compress(target, raw, block);
  const again = arenaAllocate(raw);
  if (size > lz4Bound(raw) || !lz4Decompress(block, size, again, raw)) return BROKEN;
  return memory.compare(target, again, raw) == 0 ? ACCEPTED : BROKEN;
}

/** Stands behind the target of a decompression, which must not touch it. */
const GUARD: u64 = 0x5ca1ab1e0ddba11;
