/**
 * table_merge.ts: merges incoming rows into one tracked table: what they join to is decided (decision.ts), the values
 * are written, then the clocks. The values go to the data table with one statement; when that refuses the row, or the
 * row is held already, they go to cloudsync_held (catalog/held_rows.ts). The clocks are merged either way, so what is
 * held is a matter of this device's constraints only.
 */
import { nextClock, nextSeq, restoreSeq } from '../catalog/counters';
import { HeldRows } from '../catalog/held_rows';
import { ownSite } from '../catalog/sites';
import { ALGORITHM_AWS, ALGORITHM_CLS, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { Slice } from '../bytes/slice';
import { sql_changes, time_microseconds } from '../host';
import { IncomingRow } from '../packet/decoder';
import { CL_STEP_MAX } from '../packet/limits';
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
import { Decision, WRITE_AWAY, WRITE_COLUMNS, WRITE_NOTHING, WRITE_OVER, WRITE_ROW } from './decision';
import { Departures } from './departures';
import { Expectations } from './expectations';
import { OUTCOME_APPLIED, OUTCOME_BLOCKED, OUTCOME_FAILED, OUTCOME_REFUSED } from './outcome';
import { ReferenceUpdates } from './reference_updates';
import { Visibility } from './visibility';

export const BROKEN_REFERENCE = 'FOREIGN KEY constraint failed';

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
  private decision: Decision;
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
  /** Why the data table refused the newest row that it refused. */
  refusal: Slice = new Slice(0, 0);

  /** Kept where triggers of the application run during the merge. */
  private expectations: Expectations | null = null;
  /** The row that was merged last is among them. */
  private expected: bool = false;
  /** Notes what loses against a concurrent write, where the table keeps that. */
  private conflicts: Conflicts | null;

  /** `restoring`: what triggers of the application do to merged rows is to be undone by `restore`. */
  constructor(
    private table: Table,
    incoming: Table,
    private visibility: Visibility,
    restoring: bool,
  ) {
    this.departures = new Departures(visibility);
    this.updates = new ReferenceUpdates(table, visibility);
    this.isReferred = visibility.referringTo(table).length > 0;
    const data = new DataTable(table, true);
    const clock = new RowClock(table);
    const conflicts = table.keepsConflicts && !table.keyOnly ? new Conflicts(table, data) : null;
    this.decision = new Decision(table, incoming, clock, data, conflicts);
    this.conflicts = conflicts;
    this.clocks = new ClockTable(table, true);
    this.data = data;
    this.clock = clock;
    this.held = new HeldRows(table);
    this.heldValues = new ColumnSet(table.width);
    if (restoring) this.expectations = new Expectations(this.data, this.held, table.width);
  }

  /** True when this table has all of the packet's columns. */
  get knowsAllColumns(): bool {
    return this.decision.knowsAllColumns;
  }

  /** True when this table has the packet's column. */
  knowsColumn(index: i32): bool {
    return this.decision.knowsColumn(index);
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
    if (mode != MODE_SETTLE) this.triggerRefused = false;
    const conflicts = this.conflicts;
    let outcome = this.decision.decide(row, this.isHeld ? this.heldValues : null);
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
    if (!this.clock.alive) this.decision.winners.clear();
    this.expected = true;
    this.expectations!.add(row.key, this.clock.alive, before, this.decision.winners);
  }

  /** Writes the values as decided. Sets `isHeld` when the row is held afterwards. */
  private put(row: IncomingRow, mode: i32): i32 {
    const key = row.key.pointer;
    if (this.decision.write == WRITE_AWAY) {
      if (mode == MODE_SETTLE) return this.settleDeletion(row);
      if (this.isReferred && !this.mayGo(key, mode)) return hasFailed() ? OUTCOME_FAILED : OUTCOME_BLOCKED;
    }
    const changes = this.decision.write == WRITE_COLUMNS || this.decision.write == WRITE_OVER;
    if (this.isReferred && changes && !this.isHeld && !this.updates.before(key, this.decision.winners)) {
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
    if (this.decision.write != WRITE_AWAY) return this.hold(key);
    // RESTRICT speaks through a trigger of SQLite's own, with this message.
    this.triggerRefused = code == SQLITE_CONSTRAINT_TRIGGER && !this.refusal.is(BROKEN_REFERENCE);
    return OUTCOME_BLOCKED;
  }

  /** No living row forbids that the row goes, and those on which an action would run are out of the way. */
  private mayGo(key: usize, mode: i32): bool {
    this.refusal = sliceOf(BROKEN_REFERENCE);
    if (this.departures.isForbidden(this.table, key, mode == MODE_TOGETHER)) return false;
    return this.isHeld || this.departures.clear(this.table, key);
  }

  private putData(key: usize): i32 {
    if (this.decision.write == WRITE_ROW) return this.data.upsert(key, this.decision.winners);
    if (this.decision.write == WRITE_OVER)
      return this.orInsert(this.data.overwrite(key, this.decision.winners), key);
    if (this.decision.write == WRITE_COLUMNS)
      return this.orInsert(this.data.update(key, this.decision.winners), key);
    return this.decision.write == WRITE_AWAY ? this.data.remove(key) : SQLITE_DONE;
  }

  /** A row that should be there and is not (it was evicted behind the triggers' back) is inserted again. */
  private orInsert(code: i32, key: usize): i32 {
    return code == SQLITE_DONE && sql_changes() == 0 ? this.data.upsert(key, this.decision.winners) : code;
  }

  private putHeld(key: usize): i32 {
    if (this.decision.write == WRITE_NOTHING)
      return this.held.tryAgain(key) ? OUTCOME_APPLIED : OUTCOME_FAILED;
    if (this.decision.write == WRITE_AWAY) return this.held.drop(key) ? OUTCOME_APPLIED : OUTCOME_FAILED;
    if (this.decision.write != WRITE_COLUMNS) this.heldValues.clear();
    this.heldValues.overlay(this.decision.winners);
    const reason = this.held.reason(key);
    return this.held.write(key, this.heldValues, reason) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  /** The merged row cannot be in the table: it is held whole. */
  private hold(key: usize): i32 {
    const values = this.heldValues;
    const reason = this.refusal;
    const visible = this.data.read(key, values);
    if (!visible || this.decision.write != WRITE_COLUMNS) values.clear();
    values.overlay(this.decision.winners);
    if (visible && !this.visibility.hide(this.table, key, reason)) {
      if (hasFailed()) return OUTCOME_FAILED;
      this.refusal = this.visibility.reason;
      return OUTCOME_REFUSED;
    }
    this.isHeld = true;
    return this.held.write(key, values, reason) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  /**
   * A deletion that could not be done. Rows that refer to this one and forbid it bring it back, for everybody: as it
   * is here, in the next generation. What only a trigger of the application refuses, or a `dws` table, is done all the
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
      this.decision.raiseDeleted(row);
      clock.stampAll(nextClock(time_microseconds()), ownSite(), seq);
    } else {
      clock.bringBack(row.cl, ownSite(), seq);
    }
    return !this.isHeld || this.held.tryAgain(row.key.pointer) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }
}
