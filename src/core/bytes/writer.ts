/**
 * writer.ts: a byte buffer that grows in the arena. It writes raw bytes, little-endian numbers, variable-length
 * integers (7 bits per byte, lowest first) and decimal numbers. While it is the newest thing in the arena it grows in
 * place; otherwise it moves to twice the room.
 */
import { arenaAllocate, arenaMark } from '../runtime/arena';

export class Writer {
  start: usize;
  size: u32 = 0;
  private capacity: u32;

  constructor(capacity: u32) {
    this.capacity = (capacity + 15) & ~15;
    this.start = arenaAllocate(this.capacity);
  }

  clear(): void {
    this.size = 0;
  }

  /** Makes room for `count` more bytes and returns the address where they go; the caller adds to `size`. */
  reserve(count: u32): usize {
    if (count > this.capacity - this.size) this.grow(count);
    return this.start + this.size;
  }

  private grow(count: u32): void {
    const missing = (count - (this.capacity - this.size) + 15) & ~15;
    if (this.start + this.capacity == arenaMark()) {
      const more = missing > 4096 ? missing : 4096;
      arenaAllocate(more);
      this.capacity += more;
      return;
    }
    const capacity = (this.capacity > missing ? this.capacity : missing) + this.capacity;
    const moved = arenaAllocate(capacity);
    memory.copy(moved, this.start, this.size);
    this.start = moved;
    this.capacity = capacity;
  }

  byte(value: u32): void {
    store<u8>(this.reserve(1), value);
    this.size += 1;
  }

  bytes(source: usize, count: u32): void {
    memory.copy(this.reserve(count), source, count);
    this.size += count;
  }

  u32(value: u32): void {
    store<u32>(this.reserve(4), value);
    this.size += 4;
  }

  u64(value: u64): void {
    store<u64>(this.reserve(8), value);
    this.size += 8;
  }

  varint(value: u64): void {
    let at = this.reserve(10);
    const first = at;
    while (value >= 0x80) {
      store<u8>(at++, <u32>value | 0x80);
      value >>= 7;
    }
    store<u8>(at++, <u32>value);
    this.size += <u32>(at - first);
  }

  /** An ASCII literal. */
  literal(text: string): void {
    const length = text.length;
    const at = this.reserve(length);
    for (let i = 0; i < length; i++) store<u8>(at + i, text.charCodeAt(i));
    this.size += length;
  }

  decimal(value: i64): void {
    if (value < 0) {
      this.byte(45);
      this.decimalDigits(~(<u64>value) + 1);
    } else {
      this.decimalDigits(<u64>value);
    }
  }

  private decimalDigits(value: u64): void {
    const at = this.reserve(20);
    let count: u32 = 0;
    let rest = value;
    do {
      count++;
      rest /= 10;
    } while (rest != 0);
    rest = value;
    for (let i = count; i > 0; i--) {
      store<u8>(at + i - 1, 48 + <u32>(rest % 10));
      rest /= 10;
    }
    this.size += count;
  }

  /** Lower-case hexadecimal, two digits a byte. */
  hex(source: usize, count: u32): void {
    const at = this.reserve(count * 2);
    for (let i: u32 = 0; i < count; i++) {
      const byte = <u32>load<u8>(source + i);
      store<u8>(at + i * 2, hexDigit(byte >> 4));
      store<u8>(at + i * 2 + 1, hexDigit(byte & 15));
    }
    this.size += count * 2;
  }
}

export function hexDigit(value: u32): u32 {
  return value < 10 ? 48 + value : 87 + value;
}
