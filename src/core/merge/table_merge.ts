/**
 * table_merge.ts: merges incoming rows into one tracked table by the rules of docs/PROTOCOL.md section 2: decides per
 * row and column, writes the data row with one statement, then its clocks. A row that the data table refuses leaves no
 * trace in either.
 */
import { nextSeq, restoreSeq } from '../catalog/counters';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { compareStamps } from '../clock/stamps';
import { compareValues } from '../bytes/value';
import { Slice } from '../bytes/slice';
import { sql_changes } from '../host';
import { IncomingRow } from '../packet/decoder';
import { CL_STEP_MAX } from '../packet/limits';
import { arenaMark, arenaRelease } from '../runtime/arena';
import {
  failWith,
  failWithSql,
  hasFailed,
  lastMessage,
  SQLITE_CONSTRAINT,
  SQLITE_DONE,
  SQLITE_MISMATCH,
  SQLITE_TOOBIG,
} from '../sql/failure';
import { ColumnSet, DataTable } from './data_table';
import { Expectations } from './expectations';
import { OUTCOME_APPLIED, OUTCOME_FAILED, OUTCOME_KNOWN, OUTCOME_REFUSED } from './outcome';

export class TableMerge {
  private clocks: ClockTable;
  private data: DataTable;
  private clock: RowClock;
  private winners: ColumnSet;
  private local: ColumnSet;
  /** Why the data table refused the newest row that it refused. */
  refusal: Slice = new Slice(0, 0);
  knowsAllColumns: bool = true;
  /** For each column of the packet's dictionary the column of this table, or -1. */
  private columnMap: StaticArray<i32>;

  /** Kept where triggers of the application run during the merge. */
  private expectations: Expectations | null = null;

  /** `restoring`: what triggers of the application do to merged rows is to be undone by `restore`. */
  constructor(
    private table: Table,
    incoming: Table,
    restoring: bool,
  ) {
    this.clocks = new ClockTable(table);
    this.data = new DataTable(table);
    this.clock = new RowClock(table);
    this.winners = new ColumnSet(table.width);
    this.local = new ColumnSet(table.width);
    this.columnMap = new StaticArray<i32>(incoming.columns.length);
    if (restoring) this.expectations = new Expectations(this.data, table.width);
    for (let i = 0; i < incoming.columns.length; i++) {
      this.columnMap[i] = table.columnIndex(incoming.columns[i].name);
      if (this.columnMap[i] < 0) this.knowsAllColumns = false;
    }
  }

  /** Turns a row that was merged into a refused one; the caller rolls back to where `seq` was the newest. */
  refuse(reason: Slice, seq: i64): void {
    this.refusal = reason;
    restoreSeq(seq);
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
  }

  /** Merges one row. Its columns that this table does not have are the caller's to hold. */
  merge(row: IncomingRow): i32 {
    const clock = this.clock;
    if (!this.clocks.read(row.key.pointer, clock)) return OUTCOME_FAILED;
    if (row.cl > clock.cl + CL_STEP_MAX) {
      failWith('the packet has a causal length that no sequence of deletes and inserts can have reached');
      return OUTCOME_FAILED;
    }
    const oldSeq = clock.seq;
    const seqBefore = nextSeq() - 1;
    clock.seq = seqBefore + 1;
    const expectations = this.expectations;
    const former = clock.cl;
    let before: ColumnSet | null = null;
    if (expectations != null) before = expectations.before(row.key);
    this.winners.clear();
    const outcome = this.decide(row);
    if (outcome != OUTCOME_APPLIED) {
      restoreSeq(seqBefore);
      return outcome;
    }
    if (expectations != null) {
      // The values of a former generation say nothing about this one.
      if (clock.cl != former) before!.clear();
      if (!clock.alive) this.winners.clear();
      expectations.add(row.key, clock.alive, before!, this.winners);
    }
    return this.clocks.write(row.key.pointer, clock, oldSeq) ? OUTCOME_APPLIED : OUTCOME_FAILED;
  }

  private decide(row: IncomingRow): i32 {
    if (this.table.algorithm == ALGORITHM_AWS) return this.mergeAddWins(row);
    if (row.cl < this.clock.cl) return OUTCOME_KNOWN;
    if (row.cl > this.clock.cl) return row.alive ? this.replace(row) : this.bury(row);
    return row.alive ? this.mergeColumns(row) : this.mergeDeletions(row);
  }

  /** A new generation takes the place of whatever is here. */
  private replace(row: IncomingRow): i32 {
    const clock = this.clock;
    const present = clock.alive;
    this.winners.clear();
    clock.cl = row.cl;
    clock.stamps.clear();
    clock.clock = 0;
    for (let i = 0; i < row.width; i++) this.take(row, i);
    if (row.width == 0) clock.stampAll(row.clock, row.site, clock.seq);
    if (!present) return this.judge(this.data.upsert(row.key.pointer, this.winners));
    return this.judge(this.orInsert(this.data.overwrite(row.key.pointer, this.winners), row.key.pointer));
  }

  /** A row that should be there and is not (it was evicted behind the triggers' back) is inserted again. */
  private orInsert(code: i32, key: usize): i32 {
    return code == SQLITE_DONE && sql_changes() == 0 ? this.data.upsert(key, this.winners) : code;
  }

  /** Takes a column's stamp and value from the incoming row, when it has the column and this table too. */
  private take(row: IncomingRow, index: i32): void {
    const column = this.columnMap[index];
    if (column < 0 || !row.includes(index)) return;
    this.clock.stampOne(column, row.stamps.clock(index), row.stamps.site(index), this.clock.seq);
    this.winners.put(column, row.value(index));
  }

  private bury(row: IncomingRow): i32 {
    const clock = this.clock;
    if (clock.alive) {
      const outcome = this.judge(this.data.remove(row.key.pointer));
      if (outcome != OUTCOME_APPLIED) return outcome;
    }
    clock.cl = row.cl;
    clock.bury(row.clock, row.site);
    return OUTCOME_APPLIED;
  }

  private mergeDeletions(row: IncomingRow): i32 {
    const clock = this.clock;
    if (compareStamps(row.clock, row.site, clock.clock, clock.site) <= 0) return OUTCOME_KNOWN;
    clock.bury(row.clock, row.site);
    return OUTCOME_APPLIED;
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
    return this.update(row.key.pointer);
  }

  private update(key: usize): i32 {
    return this.judge(this.orInsert(this.data.update(key, this.winners), key));
  }

  /** Puts the columns where the incoming row wins into `winners`, with their stamps. False when there are none. */
  private chooseWinners(row: IncomingRow): bool {
    this.winners.clear();
    const mark = arenaMark();
    let localRead = false;
    for (let i = 0; i < row.width; i++) {
      const column = this.columnMap[i];
      if (column < 0 || !row.includes(i)) continue;
      let order = this.clock.stamps.compare(column, row.stamps.clock(i), row.stamps.site(i));
      if (order == 0) {
        // Two copies of one database wrote at the same moment, or we have seen the change: the value decides.
        if (!localRead && !this.data.read(row.key.pointer, this.local)) continue;
        localRead = true;
        order = compareValues(this.local.value(column), row.value(i));
      }
      if (order < 0) this.take(row, i);
    }
    arenaRelease(mark);
    return this.winners.count > 0;
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
      if (wasAlive && this.winners.count == 0) return OUTCOME_APPLIED;
      if (wasAlive) return this.update(row.key.pointer);
      return this.judge(this.data.upsert(row.key.pointer, this.winners));
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
      return wasAlive ? OUTCOME_APPLIED : this.judge(this.data.upsert(row.key.pointer, this.winners));
    }
    clock.bury(row.clock, row.site);
    return wasAlive ? this.judge(this.data.remove(row.key.pointer)) : OUTCOME_APPLIED;
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
    return wasAlive ? this.judge(this.data.remove(row.key.pointer)) : OUTCOME_APPLIED;
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

  /** Translates the result of a write to the data table. */
  private judge(code: i32): i32 {
    if (code == SQLITE_DONE) return OUTCOME_APPLIED;
    const kind = code & 0xff;
    if (kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH || kind == SQLITE_TOOBIG) {
      this.refusal = lastMessage();
      return OUTCOME_REFUSED;
    }
    failWithSql(code, 'merging a row');
    return OUTCOME_FAILED;
  }
}
