/**
 * reader.ts: reads MessagePack items of the canonical subset from bytes that nobody vouches for. Every length is
 * compared with what is left before it is used (never `position + length <= end`, which could wrap around). The first
 * wrong byte makes the reader `bad`; from then on it returns zeros and moves no further, so that callers may check
 * once at the end of a group of reads.
 */
import { EXT_UUID, FIXEXT16, FLOAT64, NIL } from './msgpack';
import { Slice } from './slice';
import { packUuid, UUID_SIZE, UUID_TEXT_SIZE } from './uuid';

const scratch = memory.data(16);

export class Reader {
  bad: bool = false;

  constructor(
    public position: usize,
    public end: usize,
  ) {}

  get left(): u32 {
    return <u32>(this.end - this.position);
  }

  /** Marks the input as wrong. */
  reject(): void {
    this.bad = true;
    this.position = this.end;
  }

  /** Address of the next `count` bytes, stepping over them; rejects when there are fewer. */
  take(count: u32): usize {
    if (count > this.left) {
      this.reject();
      return this.position;
    }
    const at = this.position;
    this.position += count;
    return at;
  }

  private byte(): u32 {
    const at = this.take(1);
    return this.bad ? 0 : <u32>load<u8>(at);
  }

  private big(size: u32): u64 {
    const at = this.take(size);
    if (this.bad) return 0;
    if (size == 1) return <u64>load<u8>(at);
    if (size == 2) return <u64>bswap<u16>(load<u16>(at));
    if (size == 4) return <u64>bswap<u32>(load<u32>(at));
    return bswap<u64>(load<u64>(at));
  }

  private unsignedOf(head: u32): u64 {
    if (head < 0x80) return head;
    if (head < 0xcc || head > 0xcf) {
      this.reject();
      return 0;
    }
    const value = this.big(1 << (head - 0xcc));
    const smallest: u64 = head == 0xcc ? 0x80 : head == 0xcd ? 0x100 : head == 0xce ? 0x10000 : 0x100000000;
    if (value < smallest) this.reject();
    return value;
  }

  /** A non-negative integer of at most `max`. */
  unsigned(max: u64): u64 {
    const value = this.unsignedOf(this.byte());
    if (value > max) this.reject();
    return this.bad ? 0 : value;
  }

  private integerOf(head: u32): i64 {
    if (head >= 0xe0) return <i64>head - 256;
    if (head < 0xd0 || head > 0xd3) {
      const value = this.unsignedOf(head);
      if (value > <u64>i64.MAX_VALUE) this.reject();
      return <i64>value;
    }
    const shift: u64 = head == 0xd0 ? 56 : head == 0xd1 ? 48 : head == 0xd2 ? 32 : 0;
    const value = <i64>(this.big(1 << (head - 0xd0)) << shift) >> shift;
    const largest: i64 = head == 0xd0 ? -33 : head == 0xd1 ? -129 : head == 0xd2 ? -0x8001 : -0x80000001;
    if (value > largest) this.reject();
    return value;
  }

  integer(): i64 {
    const value = this.integerOf(this.byte());
    return this.bad ? 0 : value;
  }

  /** Length of a str or bin item whose one-byte-length form has the code `code8`. */
  private sized(head: u32, code8: u32): u32 {
    if (head < code8 || head > code8 + 2) {
      this.reject();
      return 0;
    }
    const size = this.big(1 << (head - code8));
    const smallest: u64 = head == code8 ? (code8 == 0xd9 ? 32 : 0) : head == code8 + 1 ? 0x100 : 0x10000;
    if (size < smallest) this.reject();
    return <u32>size;
  }

  private stringSize(head: u32): u32 {
    return head >= 0xa0 && head <= 0xbf ? head & 31 : this.sized(head, 0xd9);
  }

  /** A str of at most `max` bytes. */
  string(max: u32): Slice {
    const size = this.stringSize(this.byte());
    if (size > max) this.reject();
    return new Slice(this.take(size), this.bad ? 0 : size);
  }

  /** A bin of at most `max` bytes. */
  binary(max: u32): Slice {
    const size = this.sized(this.byte(), 0xc4);
    if (size > max) this.reject();
    return new Slice(this.take(size), this.bad ? 0 : size);
  }

  /** Number of items of an array, at most `max` and at most the bytes left (an item has at least one byte). */
  array(max: u32): u32 {
    const head = this.byte();
    let count: u64 = head & 15;
    if (head < 0x90 || head > 0x9f) {
      if (head != 0xdc && head != 0xdd) this.reject();
      count = this.big(head == 0xdc ? 2 : 4);
      if (count < (head == 0xdc ? 16 : 0x10000)) this.reject();
    }
    if (count > max || count > this.left) this.reject();
    return this.bad ? 0 : <u32>count;
  }

  /** Steps over one SQLite value; str and bin of at most `max` bytes. Returns the address where it begins. */
  value(max: u32): usize {
    const start = this.position;
    const head = this.byte();
    if (head == NIL) return start;
    if (head == FLOAT64) {
      const bits = this.big(8);
      // SQLite has no NaN; it stores NULL instead, which has its own item.
      if ((bits & 0x7fffffffffffffff) > 0x7ff0000000000000) this.reject();
    } else if (head == FIXEXT16) {
      if (this.byte() != EXT_UUID) this.reject();
      this.take(UUID_SIZE);
    } else if ((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb)) {
      const size = this.stringSize(head);
      if (size > max) this.reject();
      const text = this.take(size);
      if (!this.bad && size == UUID_TEXT_SIZE && packUuid(text, scratch)) this.reject();
    } else if (head >= 0xc4 && head <= 0xc6) {
      const size = this.sized(head, 0xc4);
      if (size > max) this.reject();
      this.take(size);
    } else {
      this.integerOf(head);
    }
    return start;
  }
}
