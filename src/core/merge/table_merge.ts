/**
 * table_merge.ts: merges incoming rows into one tracked table by the rules of docs/PROTOCOL.md section 2: decides per
 * row and column, writes the values, then the clocks. The values go to the data table with one statement; when that
 * refuses the row, or the row is held already, they go to cloudsync_held (catalog/held_rows.ts). The clocks are merged
 * either way, so what is held is a matter of this device's constraints only.
 */
import { nextClock, nextSeq, restoreSeq } from '../catalog/counters';
import { HeldRows } from '../catalog/held_rows';
import { ownSite } from '../catalog/sites';
import { ALGORITHM_AWS, ALGORITHM_CLS, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { compareStamps } from '../clock/stamps';
import { compareValues } from '../bytes/value';
import { Slice } from '../bytes/slice';
import { sql_changes, time_microseconds } from '../host';
import { IncomingRow } from '../packet/decoder';
import { CL_STEP_MAX } from '../packet/limits';
import { arenaMark, arenaRelease } from '../runtime/arena';
import {
  failWith,
  failWithSql,
  hasFailed,
  lastMessage,
  SQLITE_CONSTRAINT_TRIGGER,
  SQLITE_DONE,
} from '../sql/failure';
import { sliceOf } from '../sql/text';
import { Conflicts } from './conflicts';
import { DataTable, isRefusal } from './data_table';
import { Departures } from './departures';
import { Expectations } from './expectations';
import { OUTCOME_APPLIED, OUTCOME_BLOCKED, OUTCOME_FAILED, OUTCOME_KNOWN, OUTCOME_REFUSED } from './outcome';
import { ReferenceUpdates } from './reference_updates';
import { Visibility } from './visibility';

export const BROKEN_REFERENCE = 'FOREIGN KEY constraint failed';

/** What a decision means for the row's values. */
const WRITE_NOTHING: i32 = 0;
/** The row is not there: a new one with the winners as its values. */
const WRITE_ROW: i32 = 1;
/** The row is there: it gets the winners and the defaults of the other columns. */
const WRITE_OVER: i32 = 2;
/** The winners take the place of what the row has in their columns. */
const WRITE_COLUMNS: i32 = 3;
/** The row goes. */
const WRITE_AWAY: i32 = 4;

/** How `merge` treats the row. */
export const MODE_NORMAL: i32 = 0;
/** A row that references a missing parent: it goes to cloudsync_held, whatever the table says. */
export const MODE_HOLD: i32 = 1;
/** A deletion that something in this database opposes: it is settled here. */
export const MODE_SETTLE: i32 = 2;
/** The packet's deletions take place together: rows that refer to one of them may be among them. */
export const MODE_TOGETHER: i32 = 3;

export class TableMerge {
  private clocks: ClockTable;
  private data: DataTable;
  private clock: RowClock;
  private winners: ColumnSet;
  private local: ColumnSet;
  /** The rows of the table that are held, and the values of the row at hand when it is one of them. */
  private held: HeldRows;
  private heldValues: ColumnSet;
  private isHeld: bool = false;
  /** What opposes the deletion is a trigger of the application. */
  private triggerRefused: bool = false;
  private departures: Departures;
  private updates: ReferenceUpdates;
  /** Foreign keys in force refer to the table. */
  private isReferred: bool;
  private write: i32 = WRITE_NOTHING;
  /** Why the data table refused the newest row that it refused. */
  refusal: Slice = new Slice(0, 0);
  knowsAllColumns: bool = true;
  /** For each column of the packet's dictionary the column of this table, or -1. */
  private columnMap: StaticArray<i32>;

  /** Kept where triggers of the application run during the merge. */
  private expectations: Expectations | null = null;
  /** The row that was merged last is among them. */
  private expected: bool = false;
  /** Notes what loses against a concurrent write, where the table keeps that. */
  private conflicts: Conflicts | null = null;

  /** `restoring`: what triggers of the application do to merged rows is to be undone by `restore`. */
  constructor(
    private table: Table,
    incoming: Table,
    private visibility: Visibility,
    restoring: bool,
  ) {
    const departures = new Departures(visibility);
    this.departures = departures;
    this.updates = new ReferenceUpdates(table, visibility, departures);
    this.isReferred = departures.referringTo(table).length > 0;
    this.clocks = new ClockTable(table);
    this.data = new DataTable(table);
    this.clock = new RowClock(table);
    this.winners = new ColumnSet(table.width);
    this.local = new ColumnSet(table.width);
    this.held = new HeldRows(table);
    this.heldValues = new ColumnSet(table.width);
    this.columnMap = new StaticArray<i32>(incoming.columns.length);
    if (restoring) this.expectations = new Expectations(this.data, this.held, table.width);
    if (table.keepsConflicts && !table.keyOnly) this.conflicts = new Conflicts(table, this.data);
    for (let i = 0; i < incoming.columns.length; i++) {
      this.columnMap[i] = table.columnIndex(incoming.columns[i].name);
      if (this.columnMap[i] < 0) this.knowsAllColumns = false;
    }
  }

  /** True when this table has the packet's column. */
  knowsColumn(index: i32): bool {
    return this.columnMap[index] >= 0;
  }

  /** Undoes what triggers of the application did to rows merged here. Triggers must be off. False on errors. */
  restore(): bool {
    return this.expectations == null || this.expectations!.restore();
  }

  close(): void {
    this.clocks.close();
    this.data.close();
    if (this.conflicts != null) this.conflicts!.close();
  }

  /**
   * Merges one row. Its columns that this table does not have are the caller's to hold. With MODE_HOLD, `refusal` says
   * why. When the outcome is none that changes the row (refused, blocked), nothing has changed.
   */
  merge(row: IncomingRow, mode: i32): i32 {
    const clock = this.clock;
    const key = row.key.pointer;
    if (!this.clocks.read(key, clock)) return OUTCOME_FAILED;
    if (row.cl > clock.cl + CL_STEP_MAX) {
      failWith('the packet has a causal length that no sequence of deletes and inserts can have reached');
      return OUTCOME_FAILED;
    }
    const oldSeq = clock.seq;
    const seqBefore = nextSeq() - 1;
    clock.seq = seqBefore + 1;
    const former = clock.cl;
    this.expected = false;
    this.isHeld = clock.alive && this.held.read(key, this.heldValues);
    const before = this.valuesBefore(row);
    this.winners.clear();
    this.write = WRITE_NOTHING;
    if (mode != MODE_SETTLE) this.triggerRefused = false;
    const conflicts = this.conflicts;
    if (conflicts != null) conflicts.begin(this.isHeld ? this.heldValues : null);
    let outcome = this.decide(row);
    if (outcome == OUTCOME_APPLIED) outcome = this.put(row, mode);
    if (hasFailed()) return OUTCOME_FAILED;
    if (conflicts != null && !conflicts.settle(row.key, outcome)) return OUTCOME_FAILED;
    if (outcome != OUTCOME_APPLIED) {
      restoreSeq(seqBefore);
      return outcome;
    }
    if (before != null && !this.isHeld) this.expect(row, before, clock.cl != former);
    if (!this.clocks.write(key, clock, oldSeq)) return OUTCOME_FAILED;
    if (this.isReferred && !this.isHeld && clock.alive && !this.updates.after(key, clock))
      return OUTCOME_FAILED;
    return OUTCOME_APPLIED;
  }

  /** The row that was merged last is about to be undone. */
  withdraw(): void {
    if (this.expected) this.expectations!.withdraw();
    this.expected = false;
  }

  /** What the row shows now, where that has to be known at the end. */
  private valuesBefore(row: IncomingRow): ColumnSet | null {
    const expectations = this.expectations;
    if (expectations == null || this.isHeld) return null;
    return expectations.before(row.key);
  }

  private expect(row: IncomingRow, before: ColumnSet, otherGeneration: bool): void {
    // The values of a former generation say nothing about this one.
    if (otherGeneration) before.clear();
    if (!this.clock.alive) this.winners.clear();
    this.expected = true;
    this.expectations!.add(row.key, this.clock.alive, before, this.winners);
  }

  /** Writes the values as decided. Sets `isHeld` when the row is held afterwards. */
  private put(row: IncomingRow, mode: i32): i32 {
    const key = row.key.pointer;
    if (this.write == WRITE_AWAY) {
      if (mode == MODE_SETTLE) return this.settleDeletion(row);
      if (this.isReferred && !this.mayGo(key, mode)) return hasFailed() ? OUTCOME_FAILED : OUTCOME_BLOCKED;
    }
    const changes = this.write == WRITE_COLUMNS || this.write == WRITE_OVER;
    if (this.isReferred && changes && !this.isHeld && !this.updates.before(key, this.winners)) {
      return hasFailed() ? OUTCOME_FAILED : OUTCOME_REFUSED;
    }
    // In a circle of references the row itself may have been hidden just now.
    if (!this.isHeld && this.isReferred && this.clock.found)
      this.isHeld = this.held.read(key, this.heldValues);
    if (this.isHeld) return this.putHeld(key);
    if (mode == MODE_HOLD) return this.hold(key);
    const code = this.putData(key);
    if (code == SQLITE_DONE) return OUTCOME_APPLIED;
    if (!isRefusal(code)) {
      failWithSql(code, 'merging a row');
      return OUTCOME_FAILED;
    }
    this.refusal = lastMessage();
    if (this.write != WRITE_AWAY) return this.hold(key);
    // RESTRICT speaks through a trigger of SQLite's own, with this message.
    this.triggerRefused = code == SQLITE_CONSTRAINT_TRIGGER && !this.refusal.is(BROKEN_REFERENCE);
    return OUTCOME_BLOCKED;
  }

  /** No living row forbids that the row goes, and those on which an action would run are out of the way. */
  private mayGo(key: usize, mode: i32): bool {
    this.refusal = sliceOf(BROKEN_REFERENCE);
    if (mode != MODE_TOGETHER && this.departures.isForbidden(this.table, key)) return false;
    return this.isHeld || this.departures.clear(this.table, key);
  }

  private putData(key: usize): i32 {
    if (this.write == WRITE_ROW) return this.data.upsert(key, this.winners);
    if (this.write == WRITE_OVER) return this.orInsert(this.data.overwrite(key, this.winners), key);
    if (this.write == WRITE_COLUMNS) return this.orInsert(this.data.update(key, this.winners), key);
    return this.write == WRITE_AWAY ? this.data.remove(key) : SQLITE_DONE;
  }

  /** A row that should be there and is not (it was evicted behind the triggers' back) is inserted again. */
  private orInsert(code: i32, key: usize): i32 {
    return code == SQLITE_DONE && sql_changes() == 0 ? this.data.upsert(key, this.winners) : code;
  }

  private putHeld(key: usize): i32 {
    if (this.write == WRITE_NOTHING) return OUTCOME_APPLIED;
    if (this.write == WRITE_AWAY) return this.held.drop(key) ? OUTCOME_APPLIED : OUTCOME_FAILED;
    if (this.write != WRITE_COLUMNS) this.heldValues.clear();
    this.heldValues.overlay(this.winners);
    const reason = this.held.reason(key);
    return this.held.write(key, this.heldValues, reason) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  /** The merged row cannot be in the table: it is held whole. */
  private hold(key: usize): i32 {
    const values = this.heldValues;
    const reason = this.refusal;
    const visible = this.data.read(key, values);
    if (!visible || this.write != WRITE_COLUMNS) values.clear();
    values.overlay(this.winners);
    if (visible && !this.visibility.hide(this.table, key, reason)) {
      if (hasFailed()) return OUTCOME_FAILED;
      this.refusal = this.visibility.reason;
      return OUTCOME_REFUSED;
    }
    this.isHeld = true;
    return this.held.write(key, values, reason) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  /**
   * A deletion that could not be done. Rows that refer to this one and forbid it bring it back, for everybody: as it is
   * here, in the next generation. What only a trigger of the application refuses, or a `dws` table, is done all the
   * same: rows that refer to it are held then.
   */
  private settleDeletion(row: IncomingRow): i32 {
    const algorithm = this.table.algorithm;
    const restorable = algorithm == ALGORITHM_CLS || algorithm == ALGORITHM_AWS;
    if (restorable && !this.triggerRefused) return this.bringBack(row);
    const key = row.key.pointer;
    if (!this.isHeld && !this.visibility.hide(this.table, key, this.refusal)) return OUTCOME_REFUSED;
    return this.held.drop(key) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  private bringBack(row: IncomingRow): i32 {
    const clock = this.clock;
    if (this.conflicts != null) this.conflicts!.forget();
    const seq = clock.seq;
    if (!this.clocks.read(row.key.pointer, clock)) return OUTCOME_FAILED;
    clock.seq = seq;
    if (this.table.algorithm == ALGORITHM_AWS) {
      this.raiseDeleted(row);
      clock.stampAll(nextClock(time_microseconds()), ownSite(), seq);
    } else {
      clock.bringBack(row.cl, ownSite(), seq);
    }
    return OUTCOME_APPLIED;
  }

  private decide(row: IncomingRow): i32 {
    if (this.table.algorithm == ALGORITHM_AWS) return this.mergeAddWins(row);
    if (this.conflicts != null) this.conflicts!.compareGenerations(row, this.clock, this.columnMap);
    if (row.cl < this.clock.cl) return OUTCOME_KNOWN;
    if (row.cl > this.clock.cl) return row.alive ? this.replace(row) : this.bury(row);
    return row.alive ? this.mergeColumns(row) : this.mergeDeletions(row);
  }

  /** A new generation takes the place of whatever is here. */
  private replace(row: IncomingRow): i32 {
    const clock = this.clock;
    this.write = clock.alive ? WRITE_OVER : WRITE_ROW;
    clock.cl = row.cl;
    clock.stamps.clear();
    clock.clock = 0;
    for (let i = 0; i < row.width; i++) this.take(row, i);
    if (row.width == 0) clock.stampAll(row.clock, row.site, clock.seq);
    return OUTCOME_APPLIED;
  }

  /** Takes a column's stamp and value from the incoming row, when it has the column and this table too. */
  private take(row: IncomingRow, index: i32): void {
    const column = this.columnMap[index];
    if (column < 0 || !row.includes(index)) return;
    this.clock.stampOne(column, row.stamps.clock(index), row.stamps.site(index), this.clock.seq);
    this.clock.bases.set(column, row.bases.get(index));
    this.winners.put(column, row.value(index));
  }

  private bury(row: IncomingRow): i32 {
    const clock = this.clock;
    if (clock.alive) this.write = WRITE_AWAY;
    clock.cl = row.cl;
    this.takeDeletion(row);
    return OUTCOME_APPLIED;
  }

  private mergeDeletions(row: IncomingRow): i32 {
    const clock = this.clock;
    if (compareStamps(row.clock, row.site, clock.clock, clock.site) <= 0) return OUTCOME_KNOWN;
    this.takeDeletion(row);
    return OUTCOME_APPLIED;
  }

  /** Takes the stamp of a deletion, with its bases. */
  private takeDeletion(row: IncomingRow): void {
    const clock = this.clock;
    clock.bury(row.clock, row.site);
    for (let i = 0; row.bases.count > 0 && i < row.width; i++) {
      if (this.columnMap[i] >= 0) clock.bases.set(this.columnMap[i], row.bases.get(i));
    }
  }

  /** Same generation: the larger stamp wins in each column. */
  private mergeColumns(row: IncomingRow): i32 {
    const clock = this.clock;
    if (this.table.keyOnly) {
      if (clock.stamps.compare(0, row.clock, row.site) >= 0) return OUTCOME_KNOWN;
      clock.stampAll(row.clock, row.site, clock.seq);
      return OUTCOME_APPLIED;
    }
    if (!this.chooseWinners(row)) return hasFailed() ? OUTCOME_FAILED : OUTCOME_KNOWN;
    this.write = WRITE_COLUMNS;
    return OUTCOME_APPLIED;
  }

  /** Puts the columns where the incoming row wins into `winners`, with their stamps. False when there are none. */
  private chooseWinners(row: IncomingRow): bool {
    this.winners.clear();
    if (this.conflicts != null) this.conflicts!.compare(row, this.clock, this.columnMap);
    const mark = arenaMark();
    let localRead = false;
    for (let i = 0; i < row.width; i++) {
      const column = this.columnMap[i];
      if (column < 0 || !row.includes(i)) continue;
      let order = this.clock.stamps.compare(column, row.stamps.clock(i), row.stamps.site(i));
      if (order == 0) {
        // Two copies of one database wrote at the same moment, or we have seen the change: the value decides.
        if (!localRead && !this.readLocal(row.key.pointer)) continue;
        localRead = true;
        if (this.local.value(column) == 0) continue;
        order = compareValues(this.local.value(column), row.value(i));
      }
      if (order < 0) this.take(row, i);
    }
    arenaRelease(mark);
    return this.winners.count > 0;
  }

  private readLocal(key: usize): bool {
    if (!this.isHeld) return this.data.read(key, this.local);
    this.local.clear();
    this.local.overlay(this.heldValues);
    return true;
  }

  /**
   * aws: stamps S and deleted stamps D grow column by column; the row is alive when some S is above its D. DESIGN.md
   * let `cl` grow with every revival; that is not associative (two replicas can revive the same row from different
   * deletions), so here cl only says alive (1) or dead (2), and D, which is a maximum, carries the history.
   */
  private mergeAddWins(row: IncomingRow): i32 {
    if (this.table.keyOnly) return this.mergeKeyOnlyAddWins(row);
    const clock = this.clock;
    const wasAlive = clock.alive;
    if (!clock.found) clock.cl = 2;
    const grown = this.raiseDeleted(row);
    if (row.alive) this.chooseWinners(row);
    else this.winners.clear();
    if (hasFailed()) return OUTCOME_FAILED;
    if (this.someStampSurvives()) {
      if (clock.found && !grown && this.winners.count == 0) return OUTCOME_KNOWN;
      clock.cl = 1;
      if (grown || !wasAlive) clock.announceWhole(clock.seq);
      if (!wasAlive) this.write = WRITE_ROW;
      else if (this.winners.count > 0) this.write = WRITE_COLUMNS;
      return OUTCOME_APPLIED;
    }
    return this.buryAddWins(row, wasAlive, grown);
  }

  /** Without columns the newest of insert and delete counts; with equal stamps the delete. */
  private mergeKeyOnlyAddWins(row: IncomingRow): i32 {
    const clock = this.clock;
    const wasAlive = clock.alive;
    const order = clock.found ? compareStamps(row.clock, row.site, clock.clock, clock.site) : 1;
    if (order < 0 || (order == 0 && (row.alive || !wasAlive))) return OUTCOME_KNOWN;
    clock.cl = row.cl;
    this.winners.clear();
    if (row.alive) {
      clock.stampAll(row.clock, row.site, clock.seq);
      if (!wasAlive) this.write = WRITE_ROW;
      return OUTCOME_APPLIED;
    }
    clock.bury(row.clock, row.site);
    if (wasAlive) this.write = WRITE_AWAY;
    return OUTCOME_APPLIED;
  }

  /**
   * The row is dead after the join. Its stamp is the largest that a deletion of it has; where none is known (two living
   * states whose deleted stamps cover each other's columns) it is the largest stamp of a column.
   */
  private buryAddWins(row: IncomingRow, wasAlive: bool, grown: bool): i32 {
    const clock = this.clock;
    if (!wasAlive && clock.found) {
      const newer = !row.alive && compareStamps(row.clock, row.site, clock.clock, clock.site) > 0;
      if (!newer && !grown) return OUTCOME_KNOWN;
      if (newer) clock.bury(row.clock, row.site);
      else clock.bury(clock.clock, clock.site);
    } else if (row.alive) {
      const largest = clock.stamps.largest();
      clock.bury(clock.stamps.clock(largest), clock.stamps.site(largest));
    } else {
      clock.bury(row.clock, row.site);
    }
    clock.cl = 2;
    if (wasAlive) this.write = WRITE_AWAY;
    return OUTCOME_APPLIED;
  }

  private raiseDeleted(row: IncomingRow): bool {
    if (!row.hasDeleted) return false;
    let grown = false;
    for (let i = 0; i < row.deleted.width; i++) {
      const column = this.columnMap[i];
      if (column < 0 || row.deleted.clock(i) == 0) continue;
      if (this.clock.raiseDeleted(column, row.deleted.clock(i), row.deleted.site(i))) grown = true;
    }
    return grown;
  }

  private someStampSurvives(): bool {
    const clock = this.clock;
    for (let i = 0; i < clock.stamps.width; i++) {
      if (clock.stamps.compare(i, clock.deleted.clock(i), clock.deleted.site(i)) > 0) return true;
    }
    return false;
  }
}
