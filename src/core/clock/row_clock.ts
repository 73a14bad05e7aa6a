/**
 * row_clock.ts: the clocks of one row: what a row of `todos_cloudsync` says, spread out into one stamp per column, and
 * packed again.
 *
 * Most rows carry one stamp for all columns. So a clock row has a base stamp (clock, site) for every column that has no
 * exception, and exceptions in the blob `cols`:
 *
 *     cols = NULL, or  varint age of the base (row seq - base seq)
 *                      varint number of exceptions, then per exception, ascending by id:
 *                          varint column id, clock, site, age (row seq - column seq)
 *                      varint number of deleted stamps (aws), then per stamp: varint column id, clock, site
 *                      where bases are known (clock/bases.ts): varint number of different ones, then per base:
 *                          varint floor, number of sites, per site clock and site; number of columns, their ids
 *
 * The base covers a column only when the base seq is not older than the column (ALTER TABLE ADD COLUMN): a default
 * value that a column came with must not look like a write of the row's author. A dead row keeps the stamp of its
 * deletion as base and has no column stamps.
 */
import { sql_column_copy, sql_column_integer, sql_column_size } from '../host';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { arenaAllocate, arenaMark, arenaRelease } from '../runtime/arena';
import { Varints } from '../bytes/varints';
import { Writer } from '../bytes/writer';
import { failWith } from '../sql/failure';
import { Bases, groupCount, unpackBase } from './bases';
import { Stamps } from './stamps';

export class RowClock {
  /** False: this database has never heard of the row. */
  found: bool = false;
  seq: i64 = 0;
  cl: i64 = 0;
  /** Base stamp; of a dead row the stamp of its deletion. */
  clock: i64 = 0;
  site: i32 = 0;
  baseSeq: i64 = 0;
  /** As it was read, every column of the living row has the base stamp and the base seq. */
  uniform: bool = false;
  /** Stamps of the columns (one pseudo column in a key-only table). */
  stamps: Stamps;
  /** The seq at which each column changed last. */
  private seqs: usize;
  /** The seq at which the newest column came to the table. */
  private newestColumn: i64 = 0;
  /** aws: the stamps that deletions have seen. */
  deleted: Stamps;
  hasDeleted: bool = false;
  /** The bases of the stamps, of a dead row those of its deletion, as far as they are known. */
  bases: Bases;

  constructor(private table: Table) {
    const width = table.width;
    this.bases = new Bases(width);
    this.stamps = new Stamps(width);
    this.deleted = new Stamps(width);
    this.seqs = arenaAllocate(<usize>width * 8);
    for (let i = 0; i < table.columns.length; i++) {
      if (table.columns[i].addedSeq > this.newestColumn) this.newestColumn = table.columns[i].addedSeq;
    }
  }

  columnSeq(index: i32): i64 {
    return load<i64>(this.seqs + ((<usize>index) << 3));
  }

  setColumnSeq(index: i32, seq: i64): void {
    store<i64>(this.seqs + ((<usize>index) << 3), seq);
  }

  get alive(): bool {
    return (this.cl & 1) == 1;
  }

  clear(): void {
    this.found = false;
    this.seq = 0;
    this.cl = 0;
    this.clock = 0;
    this.site = 0;
    this.baseSeq = 0;
    this.uniform = false;
    this.stamps.clear();
    this.forgetDeleted();
    this.bases.clear();
    memory.fill(this.seqs, 0, <usize>this.table.width * 8);
  }

  private forgetDeleted(): void {
    if (this.hasDeleted) this.deleted.clear();
    this.hasDeleted = false;
  }

  private idOf(index: i32): i32 {
    return this.table.keyOnly ? 0 : this.table.columns[index].id;
  }

  private covered(index: i32, baseSeq: i64): bool {
    return this.table.keyOnly || baseSeq >= this.table.columns[index].addedSeq;
  }

  /** Reads the five columns seq, cl, clock, site, cols of a statement's row, the first at `first`. */
  read(statement: i32, first: i32): bool {
    this.forgetDeleted();
    this.bases.clear();
    this.found = true;
    this.seq = sql_column_integer(statement, first);
    this.cl = sql_column_integer(statement, first + 1);
    this.clock = sql_column_integer(statement, first + 2);
    this.site = <i32>sql_column_integer(statement, first + 3);
    const size = sql_column_size(statement, first + 4);
    if (size == 0) {
      this.spread(this.seq);
      this.uniform = this.alive && (this.table.keyOnly || this.seq >= this.newestColumn);
      return true;
    }
    this.uniform = false;
    const mark = arenaMark();
    const bytes = arenaAllocate(size);
    sql_column_copy(statement, first + 4, bytes, size);
    const ok = this.readExceptions(new Varints(bytes, bytes + size));
    if (this.bases.count == 0) arenaRelease(mark);
    return ok;
  }

  /** Gives every column the base stamp, as far as the base covers it. */
  private spread(baseSeq: i64): void {
    this.baseSeq = baseSeq;
    const alive = this.alive;
    if (alive && (this.table.keyOnly || baseSeq >= this.newestColumn)) {
      this.stamps.fill(this.clock, this.site);
      for (let i = 0; i < this.stamps.width; i++) this.setColumnSeq(i, baseSeq);
      return;
    }
    for (let i = 0; i < this.stamps.width; i++) {
      if (alive && this.covered(i, baseSeq)) {
        this.stamps.set(i, this.clock, this.site);
        this.setColumnSeq(i, baseSeq);
      } else {
        this.stamps.set(i, 0, 0);
        this.setColumnSeq(i, 0);
      }
    }
  }

  private readExceptions(input: Varints): bool {
    this.spread(this.seq - input.next());
    for (let left = input.next(); left > 0 && !input.damaged; left--) {
      const index = this.indexOf(<i32>input.next());
      const clock = input.next();
      const site = <i32>input.next();
      const age = input.next();
      if (index < 0) continue;
      this.stamps.set(index, clock, site);
      this.setColumnSeq(index, clock == 0 ? 0 : this.seq - age);
    }
    for (let left = input.next(); left > 0 && !input.damaged; left--) {
      const index = this.indexOf(<i32>input.next());
      const clock = input.next();
      const site = <i32>input.next();
      if (index < 0) continue;
      this.hasDeleted = true;
      this.deleted.set(index, clock, site);
    }
    if (!input.atEnd) this.readBases(input);
    if (input.damaged || !input.atEnd) {
      return failWith('the clocks of a row are damaged; restore the database from a copy', 11);
    }
    return true;
  }

  private readBases(input: Varints): void {
    for (let left = input.next(); left > 0 && !input.damaged; left--) {
      const base = unpackBase(input);
      for (let columns = input.next(); columns > 0 && !input.damaged; columns--) {
        const index = this.indexOf(<i32>input.next());
        if (index >= 0) this.bases.set(index, base);
      }
    }
  }

  private indexOf(id: i32): i32 {
    if (this.table.keyOnly) return id == 0 ? 0 : -1;
    const columns = this.table.columns;
    if (<u32>id < <u32>columns.length && columns[id].id == id) return id;
    for (let i = 0; i < columns.length; i++) {
      if (columns[i].id == id) return i;
    }
    return -1;
  }

  /** Gives the row's columns one stamp, announced at `seq`: an insert, or a REPLACE. Their bases are unknown then. */
  stampAll(clock: i64, site: i32, seq: i64): void {
    this.bases.clear();
    this.clock = clock;
    this.site = site;
    this.stamps.fill(clock, site);
    for (let i = 0; i < this.stamps.width; i++) this.setColumnSeq(i, seq);
  }

  /** Gives a column a stamp. Its base is unknown then. */
  stampOne(index: i32, clock: i64, site: i32, seq: i64): void {
    if (this.bases.count > 0) this.bases.set(index, null);
    this.stamps.set(index, clock, site);
    this.setColumnSeq(index, seq);
  }

  /**
   * A deletion on this device, stamped (clock, site). aws: it has seen every stamp that the row has; `cl` is 2. (A
   * key-only row needs only the deletion's own stamp.)
   */
  deleteLocally(clock: i64, site: i32): void {
    this.sawStamps();
    this.cl += 1;
    this.bury(clock, site);
  }

  /** aws: a deletion has seen the stamps that the row has now. */
  sawStamps(): void {
    if (this.table.algorithm != ALGORITHM_AWS || this.table.keyOnly) return;
    for (let i = 0; i < this.stamps.width; i++) {
      if (this.stamps.clock(i) != 0) this.raiseDeleted(i, this.stamps.clock(i), this.stamps.site(i));
    }
  }

  /**
   * Brings a row back that this device shows and a deletion with the causal length `cl` took: the next generation, with
   * the clocks that the columns had. So two devices that bring it back join to the newest of its values.
   */
  bringBack(cl: i64, site: i32, seq: i64): void {
    this.cl = cl + 1;
    for (let i = 0; i < this.stamps.width; i++) {
      const clock = this.stamps.clock(i);
      if (clock != 0) this.stampOne(i, clock, site, seq);
    }
  }

  /** Makes the row dead, deleted by the stamp given. */
  bury(clock: i64, site: i32): void {
    this.clock = clock;
    this.site = site;
    this.stamps.clear();
    this.bases.clear();
    memory.fill(this.seqs, 0, <usize>this.table.width * 8);
  }

  /** aws: a deletion has seen this stamp of the column. True when that is news. */
  raiseDeleted(index: i32, clock: i64, site: i32): bool {
    const raised = this.deleted.raise(index, clock, site);
    if (raised) this.hasDeleted = true;
    return raised;
  }

  /** All columns count as changed at `seq`, so that readers get the row whole. */
  announceWhole(seq: i64): void {
    for (let i = 0; i < this.stamps.width; i++) {
      if (this.stamps.clock(i) != 0) this.setColumnSeq(i, seq);
    }
  }

  /**
   * Chooses the base stamp and packs the exceptions; null when there are none (`cols` is NULL). Call after `seq` is
   * set. The base is kept while a column still carries it, else it becomes the largest stamp.
   */
  pack(): Writer | null {
    let exceptions = 0;
    this.baseSeq = this.seq;
    if (this.alive) {
      const base = this.chooseBase();
      this.clock = this.stamps.clock(base);
      this.site = this.stamps.site(base);
      this.baseSeq = this.columnSeq(base);
      exceptions = this.countExceptions();
    }
    this.dropLostBases();
    if (exceptions == 0 && !this.hasDeleted && this.bases.count == 0 && this.baseSeq == this.seq) return null;
    const target = new Writer(64);
    target.varint(this.seq - this.baseSeq);
    target.varint(exceptions);
    for (let i = 0; exceptions > 0 && i < this.stamps.width; i++) {
      if (!this.isException(i)) continue;
      target.varint(this.idOf(i));
      target.varint(this.stamps.clock(i));
      target.varint(this.stamps.site(i));
      target.varint(this.stamps.clock(i) == 0 ? 0 : this.seq - this.columnSeq(i));
    }
    this.packDeleted(target);
    if (this.bases.count > 0) this.packBases(target);
    return target;
  }

  private chooseBase(): i32 {
    for (let i = 0; i < this.stamps.width; i++) {
      if (this.stamps.clock(i) == this.clock && this.stamps.site(i) == this.site) return i;
    }
    return this.stamps.largest();
  }

  private isException(index: i32): bool {
    const clock = this.stamps.clock(index);
    if (!this.covered(index, this.baseSeq)) return clock != 0;
    if (clock != this.clock || this.stamps.site(index) != this.site) return true;
    return this.columnSeq(index) != this.baseSeq;
  }

  private countExceptions(): i32 {
    let count = 0;
    for (let i = 0; i < this.stamps.width; i++) if (this.isException(i)) count++;
    return count;
  }

  private packDeleted(target: Writer): void {
    let count = 0;
    if (this.hasDeleted) {
      for (let i = 0; i < this.deleted.width; i++) if (this.deleted.clock(i) != 0) count++;
    }
    target.varint(count);
    for (let i = 0; count > 0 && i < this.deleted.width; i++) {
      if (this.deleted.clock(i) == 0) continue;
      target.varint(this.idOf(i));
      target.varint(this.deleted.clock(i));
      target.varint(this.deleted.site(i));
    }
  }

  /** A column of a living row without a stamp (a new generation came without it) has no base. */
  private dropLostBases(): void {
    for (let i = 0; this.alive && this.bases.count > 0 && i < this.stamps.width; i++) {
      if (this.stamps.clock(i) == 0) this.bases.set(i, null);
    }
  }

  private packBases(target: Writer): void {
    const leaders = this.bases.leaders();
    target.varint(groupCount(leaders));
    for (let i = 0; i < leaders.length; i++) {
      if (leaders[i] != i) continue;
      this.bases.get(i)!.pack(target);
      let columns = 0;
      for (let k = i; k < leaders.length; k++) if (leaders[k] == i) columns++;
      target.varint(columns);
      for (let k = i; k < leaders.length; k++) if (leaders[k] == i) target.varint(this.idOf(k));
    }
  }
}
