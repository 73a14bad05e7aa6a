/**
 * column_set.ts: values of some of the columns of one row, by the index of the column. It points at them, it does not
 * own them.
 */
import { arenaAllocate } from '../runtime/arena';

export class ColumnSet {
  /** Address of each column's encoded value; 0 = not in the set. */
  private values: usize;
  count: i32 = 0;

  constructor(public width: i32) {
    this.values = arenaAllocate(<usize>width * 4);
    this.clear();
  }

  clear(): void {
    memory.fill(this.values, 0, <usize>this.width * 4);
    this.count = 0;
  }

  put(index: i32, value: usize): void {
    if (this.value(index) == 0) this.count++;
    store<u32>(this.values + ((<usize>index) << 2), <u32>value);
  }

  /** Takes the values of the columns that `other` has. Both have the same width. */
  overlay(other: ColumnSet): void {
    for (let i = 0; i < other.width; i++) if (other.value(i) != 0) this.put(i, other.value(i));
  }

  /** Address of the encoded value; 0 = the set does not have the column. */
  value(index: i32): usize {
    return <usize>load<u32>(this.values + ((<usize>index) << 2));
  }
}
