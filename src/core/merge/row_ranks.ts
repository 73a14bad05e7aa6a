/**
 * row_ranks.ts: which of two rows that claim the same unique value keeps it: the one whose claim is older. The rank of
 * a row is the newest stamp among the columns that take part in any unique index of the table, so it depends on
 * nothing but the merged state, and all replicas agree.
 */
import { allColumns, uniqueIndexes } from '../capture/unique_indexes';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { RowClock } from '../clock/row_clock';
import { compareStamps } from '../clock/stamps';

export class Rank {
  clock: i64 = 0;
  site: i32 = 0;
  constructor(public key: Slice) {}

  /** Negative when this claim is the older one. Never 0 for different rows. */
  compare(other: Rank): i32 {
    const order = compareStamps(this.clock, this.site, other.clock, other.site);
    if (order != 0) return order;
    const shorter = this.key.size < other.key.size ? this.key.size : other.key.size;
    const bytes = memory.compare(this.key.pointer, other.key.pointer, shorter);
    return bytes != 0 ? bytes : <i32>this.key.size - <i32>other.key.size;
  }
}

export class RowRanks {
  /** Columns that take part in a unique index. */
  private claims: StaticArray<bool>;
  /** The table has unique indexes besides its key. */
  private competes: bool;

  constructor(private table: Table) {
    this.claims = new StaticArray<bool>(table.width);
    const columns = allColumns(table);
    const indexes = uniqueIndexes(table, columns);
    this.competes = indexes.length > 0;
    for (let i = 0; i < indexes.length; i++) {
      for (let t = 0; t < indexes[i].terms.length; t++) {
        const term = indexes[i].terms[t];
        if (term.column.size > 0) this.addColumn(term.column);
        else this.addNamed(term.expression);
      }
      this.addNamed(indexes[i].condition);
    }
  }

  /** What a generated column is made of is not known: then every column counts. */
  private addColumn(name: Slice): void {
    const index = this.table.columnIndex(name);
    if (index >= 0) {
      this.claims[index] = true;
      return;
    }
    for (let k = 0; k < this.table.keys.length; k++) {
      if (this.table.keys[k].name.equalsIgnoreCase(name)) return;
    }
    for (let i = 0; i < this.table.columns.length; i++) this.claims[i] = true;
  }

  /** Columns whose names occur in the words of an index. */
  private addNamed(words: Slice): void {
    for (let i = 0; i < this.table.columns.length; i++) {
      if (occursIn(this.table.columns[i].name, words)) this.claims[i] = true;
    }
  }

  /**
   * The rank of the living row with these clocks; `key` are bytes that all replicas have in common. Rows that cannot
   * claim anything come last.
   */
  of(clock: RowClock, key: Slice): Rank {
    const rank = new Rank(key);
    if (!this.competes) {
      rank.clock = i64.MAX_VALUE;
      return rank;
    }
    for (let i = 0; i < this.table.columns.length; i++) {
      const stamp = clock.stamps.clock(i);
      const site = clock.stamps.site(i);
      if (!this.claims[i] || compareStamps(stamp, site, rank.clock, rank.site) <= 0) continue;
      rank.clock = stamp;
      rank.site = site;
    }
    if (rank.clock == 0) {
      // Only key columns claim something: the row's oldest stamp counts, which edits of other columns do not move.
      const smallest = clock.stamps.smallest();
      rank.clock = clock.stamps.clock(smallest);
      rank.site = clock.stamps.site(smallest);
    }
    return rank;
  }
}

/**
 * Sorts ranks, the oldest claim first: Shell's method (1959), because Array.sort would need calls through pointers.
 */
export function sortRanks(list: Array<Rank>): void {
  for (let gap = list.length / 2; gap > 0; gap /= 2) {
    for (let i = gap; i < list.length; i++) {
      const rank = list[i];
      let at = i;
      while (at >= gap && list[at - gap].compare(rank) > 0) {
        list[at] = list[at - gap];
        at -= gap;
      }
      list[at] = rank;
    }
  }
}

function isWordByte(byte: u32): bool {
  return (byte | 32) - 97 < 26 || byte - 48 < 10 || byte == 95 || byte == 36 || byte >= 128;
}

/** True when `name` stands in `words` and no letter or digit before or after it. */
function occursIn(name: Slice, words: Slice): bool {
  for (let at: u32 = 0; at + name.size <= words.size; at++) {
    const part = new Slice(words.pointer + at, name.size);
    if (!part.equalsIgnoreCase(name)) continue;
    const before = at > 0 ? <u32>load<u8>(part.pointer - 1) : 0;
    const after = at + name.size < words.size ? <u32>load<u8>(part.pointer + name.size) : 0;
    if (!isWordByte(before) && !isWordByte(after)) return true;
  }
  return false;
}
