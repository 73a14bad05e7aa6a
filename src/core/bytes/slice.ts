/**
 * slice.ts: a run of bytes somewhere in linear memory: names, SQL text, encoded values. It does not own the bytes.
 */

export class Slice {
  constructor(
    public pointer: usize,
    public size: u32,
  ) {}

  equals(other: Slice): bool {
    return this.size == other.size && memory.compare(this.pointer, other.pointer, this.size) == 0;
  }

  /** Equality as SQLite compares names: ASCII letters fold, all other bytes must be the same. */
  equalsIgnoreCase(other: Slice): bool {
    if (this.size != other.size) return false;
    for (let i: u32 = 0; i < this.size; i++) {
      if (lower(load<u8>(this.pointer + i)) != lower(load<u8>(other.pointer + i))) return false;
    }
    return true;
  }

  /** Compares with an ASCII literal. */
  is(literal: string): bool {
    if (this.size != <u32>literal.length) return false;
    for (let i: u32 = 0; i < this.size; i++) {
      if (<i32>load<u8>(this.pointer + i) != literal.charCodeAt(i)) return false;
    }
    return true;
  }
}

/** True when the same bytes are in the list. */
export function isAmong(list: Array<Slice>, key: Slice): bool {
  for (let i = 0; i < list.length; i++) if (list[i].equals(key)) return true;
  return false;
}

function lower(byte: u32): u32 {
  return byte - 65 < 26 ? byte + 32 : byte;
}
