/**
 * lz4.ts: the LZ4 block format (Yann Collet, "LZ4 Block Format Description"), so that packets have the same bytes on
 * every host and no library is needed. The compressor is greedy with one hash table of 16,384 positions; the
 * decompressor checks every length and offset against both buffers.
 *
 * A block is a list of sequences: a token (literal length in the high four bits, match length - 4 in the low four,
 * 15 = more bytes follow), the literals, a two-byte offset back, the match. The last sequence has literals only; the
 * last five bytes are always literals and the last match starts at least 12 bytes before the end.
 */
import { arenaAllocate, arenaMark, arenaRelease } from '../runtime/arena';

const HASH_BITS: u32 = 14;
const MATCH_MIN: u32 = 4;
const LAST_LITERALS: u32 = 5;
const MATCH_START_MARGIN: u32 = 12;
const OFFSET_MAX: usize = 65535;

/** Most bytes that `size` bytes can need. */
export function lz4Bound(size: u32): u32 {
  return size + size / 255 + 16;
}

function hashOf(bytes: u32): u32 {
  return (bytes * 2654435761) >>> (32 - HASH_BITS);
}

/** Writes the bytes that continue a length of 15 or more; returns the position after them. */
function putLength(at: usize, rest: u32): usize {
  while (rest >= 255) {
    store<u8>(at++, 255);
    rest -= 255;
  }
  store<u8>(at++, rest);
  return at;
}

/** Writes token, literals and, when `match` is not 0, offset and match length. */
function putSequence(at: usize, literals: usize, count: u32, offset: u32, match: u32): usize {
  const matchCode = match == 0 ? 0 : match - MATCH_MIN;
  const token = ((count < 15 ? count : 15) << 4) | (matchCode < 15 ? matchCode : 15);
  store<u8>(at++, token);
  if (count >= 15) at = putLength(at, count - 15);
  memory.copy(at, literals, count);
  at += count;
  if (match == 0) return at;
  store<u16>(at, <u16>offset);
  at += 2;
  return matchCode >= 15 ? putLength(at, matchCode - 15) : at;
}

function matchLength(position: usize, candidate: usize, limit: usize): u32 {
  let length: u32 = MATCH_MIN;
  while (position + length + 8 <= limit) {
    const difference = load<u64>(position + length) ^ load<u64>(candidate + length);
    if (difference != 0) return length + (<u32>ctz(difference) >> 3);
    length += 8;
  }
  while (position + length < limit && load<u8>(position + length) == load<u8>(candidate + length)) length++;
  return length;
}

/** Compresses `size` bytes into `target`, which has lz4Bound(size) bytes. Returns the compressed size. */
export function lz4Compress(source: usize, size: u32, target: usize): u32 {
  const mark = arenaMark();
  const table = arenaAllocate(4 << HASH_BITS);
  memory.fill(table, 0, 4 << HASH_BITS);
  const end = source + size;
  const matchEnd = end - LAST_LITERALS;
  const startEnd = size > MATCH_START_MARGIN ? end - MATCH_START_MARGIN : source;
  let at = target;
  let anchor = source;
  let position = source;
  let misses: u32 = 0;
  while (position < startEnd) {
    const bytes = load<u32>(position);
    const slot = table + (hashOf(bytes) << 2);
    const candidate = <usize>load<u32>(slot);
    store<u32>(slot, <u32>position);
    if (candidate == 0 || position - candidate > OFFSET_MAX || load<u32>(candidate) != bytes) {
      // The longer nothing matches, the larger the steps: incompressible data passes quickly.
      position += 1 + (misses++ >> 6);
      continue;
    }
    const length = matchLength(position, candidate, matchEnd);
    at = putSequence(at, anchor, <u32>(position - anchor), <u32>(position - candidate), length);
    position += length;
    anchor = position;
    misses = 0;
  }
  at = putSequence(at, anchor, <u32>(end - anchor), 0, 0);
  arenaRelease(mark);
  return <u32>(at - target);
}

const BROKEN: u32 = u32.MAX_VALUE;

/** Position behind the last length that `readLength` read. */
let lengthEnd: usize = 0;

/**
 * A length that starts at 15 and goes on in the bytes at `at`, at most `max`; BROKEN when it does not end or is larger.
 */
function readLength(at: usize, end: usize, max: u32): u32 {
  let length: u32 = 15;
  while (at < end) {
    const byte = <u32>load<u8>(at++);
    length += byte;
    if (length > max) return BROKEN;
    if (byte != 255) {
      lengthEnd = at;
      return length;
    }
  }
  return BROKEN;
}

/** Copies a match byte by byte where it overlaps itself. */
function copyMatch(to: usize, offset: usize, length: u32): void {
  const from = to - offset;
  if (offset >= length) {
    memory.copy(to, from, length);
    return;
  }
  for (let i: u32 = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
}

/** Decompresses exactly `rawSize` bytes into `target`. False when the block is not a well-formed block of that size. */
export function lz4Decompress(source: usize, size: u32, target: usize, rawSize: u32): bool {
  const end = source + size;
  const targetEnd = target + rawSize;
  let at = source;
  let to = target;
  while (at < end) {
    const token = <u32>load<u8>(at++);
    let count = token >> 4;
    if (count == 15) {
      count = readLength(at, end, rawSize);
      if (count == BROKEN) return false;
      at = lengthEnd;
    }
    if (count > <u32>(end - at) || count > <u32>(targetEnd - to)) return false;
    memory.copy(to, at, count);
    at += count;
    to += count;
    if (at == end) return to == targetEnd && (token & 15) == 0;
    if (end - at < 2) return false;
    const offset = <usize>load<u16>(at);
    at += 2;
    if (offset == 0 || offset > to - target) return false;
    let length = token & 15;
    if (length == 15) {
      length = readLength(at, end, rawSize);
      if (length == BROKEN) return false;
      at = lengthEnd;
    }
    length += MATCH_MIN;
    if (length > <u32>(targetEnd - to)) return false;
    copyMatch(to, offset, length);
    to += length;
  }
  return false;
}
