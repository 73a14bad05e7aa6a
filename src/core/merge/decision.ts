/**
 * decision.ts: what an incoming row and the row that is here join to, by the rules of docs/PROTOCOL.md section 2: the
 * clocks afterwards, and what that means for the values. Nothing is written here.
 */
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { affinityOf } from '../catalog/affinity';
import { compareValues, valueType } from '../bytes/value';
import { RowClock } from '../clock/row_clock';
import { compareStamps } from '../clock/stamps';
import { IncomingRow } from '../packet/decoder';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { Conflicts } from './conflicts';
import { DataTable } from './data_table';
import { OUTCOME_APPLIED, OUTCOME_FAILED, OUTCOME_KNOWN } from './outcome';

/** What a decision means for the row's values. */
export const WRITE_NOTHING: i32 = 0;
/** The row is not there: a new one with the winners as its values. */
export const WRITE_ROW: i32 = 1;
/** The row is there: it gets the winners and the defaults of the other columns. */
export const WRITE_OVER: i32 = 2;
/** The winners take the place of what the row has in their columns. */
export const WRITE_COLUMNS: i32 = 3;
/** The row goes. */
export const WRITE_AWAY: i32 = 4;

export class Decision {
  /** What becomes of the values: one of WRITE_*. */
  write: i32 = WRITE_NOTHING;
  /** The columns in which the incoming row wins, with its values. */
  winners: ColumnSet;
  knowsAllColumns: bool = true;
  private local: ColumnSet;
  private held: ColumnSet | null = null;
  /** For each column of the packet's dictionary the column of this table, or -1. */
  private columnMap: StaticArray<i32>;

  /** `clock` is the row's clocks, changed by a decision. `conflicts` notes what loses, where the table keeps that. */
  constructor(
    private table: Table,
    incoming: Table,
    private clock: RowClock,
    private data: DataTable,
    private conflicts: Conflicts | null,
  ) {
    this.winners = new ColumnSet(table.width);
    this.local = new ColumnSet(table.width);
    this.columnMap = new StaticArray<i32>(incoming.columns.length);
    for (let i = 0; i < incoming.columns.length; i++) {
      this.columnMap[i] = table.columnIndex(incoming.columns[i].name);
      if (this.columnMap[i] < 0) this.knowsAllColumns = false;
    }
  }

  /** True when this table has the packet's column. */
  knowsColumn(index: i32): bool {
    return this.columnMap[index] >= 0;
  }

  /**
   * Joins the row into `clock`, whose seq is the new one already. `held` has the row's values when it is held. Returns
   * OUTCOME_APPLIED when that changes anything, OUTCOME_KNOWN when not; then the clocks are not to be written.
   */
  decide(row: IncomingRow, held: ColumnSet | null): i32 {
    this.held = held;
    this.write = WRITE_NOTHING;
    this.winners.clear();
    if (this.conflicts != null) this.conflicts!.begin(held);
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
        if (order < 0 && this.isConverted(row, i)) order = 0;
      }
      if (order < 0) this.take(row, i);
    }
    arenaRelease(mark);
    return this.winners.count > 0;
  }

  /** What the row has here is the incoming value, as the affinity of its column has converted it. */
  private isConverted(row: IncomingRow, index: i32): bool {
    const column = this.columnMap[index];
    if (this.held != null || valueType(this.local.value(column)) == valueType(row.value(index))) return false;
    const affinity = affinityOf(this.table.columns[column].declaredType, true);
    return affinity != 'BLOB' && this.data.wouldKeep(row.key.pointer, column, row.value(index));
  }

  private readLocal(key: usize): bool {
    const held = this.held;
    if (held == null) return this.data.read(key, this.local);
    this.local.clear();
    this.local.overlay(held);
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

  /** aws: takes the stamps that deletions have seen from the row. True when there is news among them. */
  raiseDeleted(row: IncomingRow): bool {
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
