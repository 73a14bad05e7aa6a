/**
 * uuid.ts: canonical UUID text (8-4-4-4-12, lower case) to and from 16 bytes, and new UUIDs of version 7 (RFC 9562):
 * 48 bits of milliseconds, then random bits, so that keys made one after another lie near each other in an index.
 */
import { random_bytes, time_microseconds } from '../host';
import { hexDigit } from './writer';

export const UUID_TEXT_SIZE: u32 = 36;
export const UUID_SIZE: u32 = 16;

function isDash(position: u32): bool {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

/** Value of a lower-case hexadecimal digit, or 16. */
function digitValue(byte: u32): u32 {
  if (byte - 48 < 10) return byte - 48;
  return byte - 97 < 6 ? byte - 87 : 16;
}

/** Packs 36 bytes of text into 16 bytes at `target`. False when the text is not a canonical UUID. */
export function packUuid(text: usize, target: usize): bool {
  let high: u32 = 16;
  let at = target;
  for (let i: u32 = 0; i < UUID_TEXT_SIZE; i++) {
    const byte = <u32>load<u8>(text + i);
    if (isDash(i)) {
      if (byte != 45) return false;
      continue;
    }
    const value = digitValue(byte);
    if (value == 16) return false;
    if (high == 16) {
      high = value;
    } else {
      store<u8>(at++, (high << 4) | value);
      high = 16;
    }
  }
  return true;
}

/** Writes the 36 characters of a packed UUID. */
export function unpackUuid(packed: usize, target: usize): void {
  let at = target;
  for (let i: u32 = 0; i < UUID_SIZE; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) store<u8>(at++, 45);
    const byte = <u32>load<u8>(packed + i);
    store<u8>(at++, hexDigit(byte >> 4));
    store<u8>(at++, hexDigit(byte & 15));
  }
}

/** Makes a new UUID of version 7 at `target` (16 bytes). */
export function makeUuid(target: usize): void {
  random_bytes(target, UUID_SIZE);
  const milliseconds = <u64>time_microseconds() / 1000;
  for (let i: u32 = 0; i < 6; i++) store<u8>(target + i, <u32>(milliseconds >> (40 - 8 * i)));
  store<u8>(target + 6, (<u32>load<u8>(target + 6) & 0x0f) | 0x70);
  store<u8>(target + 8, (<u32>load<u8>(target + 8) & 0x3f) | 0x80);
}
