/**
 * uuid.ts: canonical UUID text (8-4-4-4-12, lower case) to and from 16 bytes, and new UUIDs of version 7 (RFC 9562):
 * 48 bits of milliseconds, then random bits, so that keys made one after another lie near each other in an index.
 */
import { random_bytes, time_microseconds } from '../host';

export const UUID_TEXT_SIZE: u32 = 36;
export const UUID_SIZE: u32 = 16;

const DASH: u32 = 45;

/** Eight bytes of 0x0f, 0x30, 0x01: the same operation on eight digits at once. */
const LOW_HALVES: u64 = 0x0f0f0f0f0f0f0f0f;
const ZERO_DIGITS: u64 = 0x3030303030303030;
const ONES: u64 = 0x0101010101010101;
/** From '9' + 1 to 'a'. */
const LETTER_GAP: u64 = 0x27;

/** The last `packDigits` met something else than lower-case hexadecimal digits. */
let wrongDigits: bool = false;

/** The digits for eight values of 0 to 15, one in each byte. */
function digitsOf(values: u64): u64 {
  const letters = ((values + 6 * ONES) >> 4) & ONES;
  return values + ZERO_DIGITS + letters * LETTER_GAP;
}

/** Eight lower-case hexadecimal digits, the first in the lowest byte, as four bytes in the same order. */
function packDigits(digits: u64): u32 {
  // The digits a to f have the bit 0x40 and end in 1 to 6.
  let values = (digits & LOW_HALVES) + ((digits >> 6) & ONES) * 9;
  if ((values & ~LOW_HALVES) != 0 || digitsOf(values) != digits) wrongDigits = true;
  values = ((values << 4) | (values >> 8)) & 0x00ff00ff00ff00ff;
  values = (values | (values >> 8)) & 0x0000ffff0000ffff;
  return <u32>(values | (values >> 16));
}

/** The inverse of packDigits. */
function unpackDigits(bytes: u32): u64 {
  let values = <u64>bytes;
  values = (values | (values << 16)) & 0x0000ffff0000ffff;
  values = (values | (values << 8)) & 0x00ff00ff00ff00ff;
  return digitsOf(((values >> 4) | (values << 8)) & LOW_HALVES);
}

/** Two groups of four digits as one of eight. */
function joinGroups(first: usize, second: usize): u64 {
  return <u64>load<u32>(first) | ((<u64>load<u32>(second)) << 32);
}

/** Packs 36 bytes of text into 16 bytes at `target`. False when the text is not a canonical UUID. */
export function packUuid(text: usize, target: usize): bool {
  if (load<u8>(text, 8) != DASH || load<u8>(text, 13) != DASH) return false;
  if (load<u8>(text, 18) != DASH || load<u8>(text, 23) != DASH) return false;
  wrongDigits = false;
  store<u32>(target, packDigits(load<u64>(text)));
  store<u32>(target, packDigits(joinGroups(text + 9, text + 14)), 4);
  store<u32>(target, packDigits(joinGroups(text + 19, text + 24)), 8);
  store<u32>(target, packDigits(load<u64>(text, 28)), 12);
  return !wrongDigits;
}

/** Writes the 36 characters of a packed UUID. */
export function unpackUuid(packed: usize, target: usize): void {
  const second = unpackDigits(load<u32>(packed, 4));
  const third = unpackDigits(load<u32>(packed, 8));
  store<u64>(target, unpackDigits(load<u32>(packed)));
  store<u8>(target, DASH, 8);
  store<u32>(target, <u32>second, 9);
  store<u8>(target, DASH, 13);
  store<u32>(target, <u32>(second >> 32), 14);
  store<u8>(target, DASH, 18);
  store<u32>(target, <u32>third, 19);
  store<u8>(target, DASH, 23);
  store<u32>(target, <u32>(third >> 32), 24);
  store<u64>(target, unpackDigits(load<u32>(packed, 12)), 28);
}

/** Makes a new UUID of version 7 at `target` (16 bytes). */
export function makeUuid(target: usize): void {
  random_bytes(target, UUID_SIZE);
  const milliseconds = <u64>time_microseconds() / 1000;
  for (let i: u32 = 0; i < 6; i++) store<u8>(target + i, <u32>(milliseconds >> (40 - 8 * i)));
  store<u8>(target + 6, (<u32>load<u8>(target + 6) & 0x0f) | 0x70);
  store<u8>(target + 8, (<u32>load<u8>(target + 8) & 0x3f) | 0x80);
}
