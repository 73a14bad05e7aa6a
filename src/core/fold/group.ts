/**
 * group.ts: what the log entries of one row, within one chunk, add up to.
 *
 * The rules look at the row's clocks before the chunk (cl0) and at whether the row exists in the data table now, which
 * is after all entries of the log, also those of later chunks:
 *
 *     exists: entries take effect one after another. Insert: an even cl grows by 1; over a live row it is a REPLACE and
 *             restamps every column. Update: stamps the columns changed. Delete: an odd cl grows by 1. A row that ends
 *             even is alive again by an entry of a later chunk: its cl grows by 1 here already.
 *     gone:   cl0 even or 0: the row came and went between two folds and leaves no trace. cl0 odd: the delete is what
 *             counts; without one in this chunk nothing happens yet. An eviction (REPLACE through another unique
 *             index) is a delete here. Of rows that exist such entries are left out before, see fold/fold.ts.
 *
 * `dws` and `gos` never go beyond cl 1 (2 once deleted); their triggers refuse what would lead there, and what slips
 * through (writes while a table was disabled) is not announced. `aws` has cl 1 and 2 only: a delete raises the deleted
 * stamps instead.
 */
import { sql_column_integer } from '../host';
import { BITS_PER_MASK, MASK_DELETE, MASK_EVICTED, MASK_INSERT, maskCount } from '../capture/tables';
import { currentSeq, nextSeq } from '../catalog/counters';
import { HeldRows } from '../catalog/held_rows';
import { ownSite } from '../catalog/sites';
import { ALGORITHM_AWS, ALGORITHM_CLS, Table } from '../catalog/table';
import { ClockTable } from '../clock/clock_table';
import { deleteReplacing, stampAllReplacing, stampReplacing } from '../clock/replacing';
import { RowClock } from '../clock/row_clock';
import { Writer } from '../bytes/writer';
import { xxh64 } from '../bytes/xxh64';
import { arenaAllocate } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { FRESH_BATCH, FreshRows } from './fresh_rows';

class Entry {
  next: Entry | null = null;
  constructor(
    public mask: i64,
    /** The further masks of a wide table, 8 bytes each, or 0. */
    public moreMasks: usize,
    public clock: i64,
  ) {}
}

class Group {
  first: Entry | null = null;
  last: Entry | null = null;
  /** Next group with the same hash slot. */
  next: Group | null = null;
  constructor(
    public key: Writer,
    public hash: u64,
    public exists: bool,
  ) {}

  /** A deletion is among the entries. */
  get deleted(): bool {
    let entry = this.first;
    while (entry != null && entry.mask != MASK_DELETE && entry.mask != MASK_EVICTED) entry = entry.next;
    return entry != null;
  }

  /** Inserted, not touched again, and there. */
  get onlyInserted(): bool {
    return this.exists && this.first == this.last && this.first!.mask == MASK_INSERT;
  }
}

const SLOTS: i32 = 1024;

export class GroupMap {
  private slots: StaticArray<Group | null> = new StaticArray<Group | null>(SLOTS);
  private groups: Array<Group> = [];

  /** The newest seq before this fold. */
  private startSeq: i64;
  private held: HeldRows;
  /** A deletion was among the entries. */
  buried: bool = false;

  constructor(
    private table: Table,
    private clocks: ClockTable,
    private clock: RowClock,
    private fresh: FreshRows,
  ) {
    this.startSeq = currentSeq();
    this.held = new HeldRows(table);
  }

  /** Forgets the chunk before. */
  begin(): void {
    for (let i = 0; i < SLOTS; i++) this.slots[i] = null;
    this.groups = [];
  }

  /** Takes the entry in the current row of a statement: a write of the row with that key, stamped `clock`. */
  add(key: Writer, exists: bool, entryRow: i32, firstMask: i32, clock: i64): void {
    const hash = xxh64(key.start, key.size, 0);
    const slot = <i32>(hash & (SLOTS - 1));
    let group = this.slots[slot];
    while (group != null && !(group.hash == hash && sameKey(group.key, key))) group = group.next;
    if (group == null) {
      group = new Group(key, hash, exists);
      group.next = this.slots[slot];
      this.slots[slot] = group;
      this.groups.push(group);
    }
    const entry = new Entry(
      sql_column_integer(entryRow, firstMask),
      this.moreMasks(entryRow, firstMask),
      clock,
    );
    if (group.last == null) group.first = entry;
    else group.last!.next = entry;
    group.last = entry;
  }

  private moreMasks(entryRow: i32, firstMask: i32): usize {
    const count = maskCount(this.table) - 1;
    if (count == 0) return 0;
    const target = arenaAllocate(count * 8);
    for (let i = 0; i < count; i++) {
      store<i64>(target + i * 8, sql_column_integer(entryRow, firstMask + 1 + i));
    }
    return target;
  }

  /** Writes the clocks of all groups, in the order in which their rows first appeared. */
  write(): bool {
    const groups = this.groups;
    let i = 0;
    let together = true;
    while (i < groups.length) {
      together = together && this.areFresh(i);
      if (together) {
        for (let k = 0; k < FRESH_BATCH; k++)
          this.fresh.put(k, groups[i + k].key.start, groups[i + k].first!.clock);
        if (this.fresh.addAll()) {
          i += FRESH_BATCH;
          continue;
        }
        if (hasFailed()) return false;
        together = false;
      }
      if (!this.writeGroup(groups[i++])) return false;
    }
    return true;
  }

  /** A batch of groups from `from` on were only inserted. */
  private areFresh(from: i32): bool {
    if (from + FRESH_BATCH > this.groups.length) return false;
    for (let i = 0; i < FRESH_BATCH; i++) if (!this.groups[from + i].onlyInserted) return false;
    return true;
  }

  private writeGroup(group: Group): bool {
    if (group.onlyInserted) {
      if (this.fresh.add(group.key.start, group.first!.clock)) return true;
      if (hasFailed()) return false;
    }
    const clock = this.clock;
    if (!this.clocks.read(group.key.start, clock)) return false;
    const oldSeq = clock.seq;
    const key = group.key.start;
    // A held row was hidden after its entries were written, or somebody has inserted its key anew.
    const held = clock.alive && this.held.has(key);
    const changed =
      group.exists || (held && !group.deleted) ? this.applyToLiving(group) : this.applyToGone(group);
    if (held && (group.exists || !clock.alive) && !this.held.drop(key)) return false;
    return changed ? this.clocks.write(key, clock, oldSeq) : true;
  }

  private applyToGone(group: Group): bool {
    const clock = this.clock;
    // Buried by an earlier chunk of this fold: the deletion that counts is the last one.
    const buried = !clock.alive && clock.found && clock.seq > this.startSeq;
    if (!clock.alive && !buried) return false;
    let deletion: Entry | null = null;
    let entry = group.first;
    while (entry != null) {
      if (entry.mask == MASK_DELETE || entry.mask == MASK_EVICTED) deletion = entry;
      entry = entry.next;
    }
    if (deletion == null) return false;
    if (buried) {
      deleteReplacing(this.table, clock, deletion.clock, ownSite());
      return true;
    }
    clock.seq = nextSeq();
    deleteReplacing(this.table, clock, deletion.clock, ownSite());
    this.buried = true;
    return true;
  }

  private applyToLiving(group: Group): bool {
    const clock = this.clock;
    const algorithm = this.table.algorithm;
    if (algorithm != ALGORITHM_CLS && algorithm != ALGORITHM_AWS && clock.cl > 1) return false;
    clock.seq = nextSeq();
    let last: i64 = 0;
    let entry = group.first;
    while (entry != null) {
      last = entry.clock;
      if (entry.mask == MASK_DELETE) this.deleteBetween();
      else if (entry.mask == MASK_INSERT || !clock.alive) this.insert(entry.clock);
      else this.update(entry);
      entry = entry.next;
    }
    if (!clock.alive) this.insert(last);
    return true;
  }

  private insert(stamp: i64): void {
    const clock = this.clock;
    const present = clock.alive;
    if (!present) clock.cl = this.table.algorithm == ALGORITHM_AWS ? 1 : clock.cl + 1;
    stampAllReplacing(this.table, clock, present, stamp, ownSite());
  }

  /** A delete that a later insert takes back. */
  private deleteBetween(): void {
    const clock = this.clock;
    if (!clock.alive) return;
    const algorithm = this.table.algorithm;
    if (algorithm == ALGORITHM_AWS) clock.sawStamps();
    else if (algorithm == ALGORITHM_CLS) clock.cl += 1;
  }

  private update(entry: Entry): void {
    const columns = this.table.columns;
    for (let i = 0; i < columns.length; i++) {
      const id = columns[i].id;
      const index = id / BITS_PER_MASK;
      const mask = index == 0 ? entry.mask : load<i64>(entry.moreMasks + (index - 1) * 8);
      if (((mask >> <i64>(id % BITS_PER_MASK)) & 1) == 0) continue;
      stampReplacing(this.table, this.clock, i, entry.clock, ownSite());
    }
  }
}

function sameKey(a: Writer, b: Writer): bool {
  return a.size == b.size && memory.compare(a.start, b.start, a.size) == 0;
}
