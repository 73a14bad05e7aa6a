/**
 * conflicts.ts: notes what loses in a merge against a concurrent write, in tables that keep conflicts. Two writes of
 * one cell are concurrent when neither replaced the other, directly or through writes in between; the base of the
 * winner tells (clock/bases.ts): it does not cover the loser. Where the base is unknown, or does not reach back that
 * far, nothing is noted: an entry is always a conflict. Values that are equal are none worth keeping. A deletion that
 * takes edits which its author had not seen is the winner over each of them.
 */
import { ensureConflicts, pruneConflicts } from '../catalog/conflicts';
import { siteBytes } from '../catalog/sites';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { bindValue, compareValues } from '../bytes/value';
import { Base } from '../clock/bases';
import { RowClock } from '../clock/row_clock';
import { time_microseconds } from '../host';
import { IncomingRow } from '../packet/decoder';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { DataTable } from './data_table';
import { OUTCOME_APPLIED, OUTCOME_KNOWN } from './outcome';

/** A value and the stamp of its write; a deletion has no value. */
class Side {
  constructor(
    public value: usize,
    public clock: i64,
    public site: i32,
  ) {}
}

class Conflict {
  constructor(
    public column: i32,
    public winner: Side,
    public loser: Side,
  ) {}
}

export class Conflicts {
  /** Those of the row that was compared last; null = none. */
  private found: Array<Conflict> | null = null;
  private insertion: Statement;
  /** The values that the row at hand has here, once they are read. */
  private local: ColumnSet;
  private localRead: bool = false;
  /** Where they come from when the row is held. */
  private held: ColumnSet | null = null;

  constructor(
    private table: Table,
    private data: DataTable,
  ) {
    this.local = new ColumnSet(table.width);
    ensureConflicts();
    // OR IGNORE would take a new id each time.
    const sql = new Text(1024).add(
      'INSERT INTO main.cloudsync_conflicts(table_id,tbl,pk,column_id,col_name,',
    );
    sql.add('winner,winner_site,winner_clock,loser,loser_site,loser_clock,since,deleted)');
    sql.add(' SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13 WHERE NOT EXISTS(SELECT 1 FROM');
    sql.add(' main.cloudsync_conflicts WHERE table_id=?1 AND pk=?3 AND column_id=?4');
    this.insertion = new Statement(sql.add(' AND loser_clock=?11 AND loser_site=?10)'));
  }

  /** Begins with the next row; `held` has its values when it is held. */
  begin(held: ColumnSet | null): void {
    this.found = null;
    this.held = held;
    this.localRead = false;
  }

  /** What was found did not come to pass: a deletion was taken back. */
  forget(): void {
    this.found = null;
  }

  /**
   * Compares an incoming row of the same generation with what is here, before either changes. `columnMap` leads from
   * the columns of the packet to those of the table, -1 where there is none. `settle` writes down what is
   * found; until then the arena must not be released.
   */
  compare(row: IncomingRow, clock: RowClock, columnMap: StaticArray<i32>): void {
    for (let i = 0; i < row.width; i++) {
      const column = columnMap[i];
      if (column >= 0 && row.includes(i)) this.compareColumn(row, i, clock, column);
    }
  }

  private compareColumn(row: IncomingRow, index: i32, clock: RowClock, column: i32): void {
    const here = localSide(clock, column);
    const coming = incomingSide(row, index);
    const comes = clock.stamps.compare(column, coming.clock, coming.site) < 0;
    const winner = comes ? coming : here;
    const loser = comes ? here : coming;
    if (!isConflict(winner, loser, comes ? row.bases.get(index) : clock.bases.get(column))) return;
    // aws: a deletion has seen it, so it was given up knowingly.
    if (clock.hasDeleted && clock.deleted.compare(column, loser.clock, loser.site) >= 0) return;
    here.value = this.localValue(row.key, column);
    if (here.value == 0) return;
    if (compareValues(winner.value, loser.value) != 0) this.add(column, winner, loser);
  }

  /**
   * As `compare`, for a deletion that meets the values that it deletes. (What was inserted again afterwards says
   * nothing about them.)
   */
  compareGenerations(row: IncomingRow, clock: RowClock, columnMap: StaticArray<i32>): void {
    const comes = !row.alive && row.cl == clock.cl + 1;
    if (!comes && (clock.alive || row.cl != clock.cl - 1)) return;
    const winner = comes ? new Side(0, row.clock, row.site) : new Side(0, clock.clock, clock.site);
    for (let i = 0; i < row.width; i++) {
      const column = columnMap[i];
      if (column < 0 || (!comes && !row.includes(i))) continue;
      const loser = comes ? localSide(clock, column) : incomingSide(row, i);
      if (!isConflict(winner, loser, comes ? row.bases.get(i) : clock.bases.get(column))) continue;
      if (comes) loser.value = this.localValue(row.key, column);
      if (loser.value != 0) this.add(column, winner, loser);
    }
  }

  /** Address of the value that the row has here, 0 when it has none. */
  private localValue(key: Slice, column: i32): usize {
    if (this.held != null) return this.held!.value(column);
    if (!this.localRead) this.localRead = this.data.read(key.pointer, this.local);
    return this.localRead ? this.local.value(column) : 0;
  }

  private add(column: i32, winner: Side, loser: Side): void {
    if (this.found == null) this.found = [];
    this.found!.push(new Conflict(column, winner, loser));
  }

  /**
   * Writes down what was found, unless the row was refused: then nothing has been decided. A loser that is known
   * already (its packet came before) stays as it is. False on errors.
   */
  settle(key: Slice, outcome: i32): bool {
    const found = this.found;
    this.found = null;
    if (found == null || (outcome != OUTCOME_APPLIED && outcome != OUTCOME_KNOWN)) return true;
    for (let i = 0; i < found.length; i++) if (!this.keep(key, found[i])) return false;
    return true;
  }

  private keep(key: Slice, conflict: Conflict): bool {
    const column = this.table.columns[conflict.column];
    const statement = this.insertion;
    statement.integer(1, this.table.id).text(2, this.table.name).blob(3, key.pointer, key.size);
    statement.integer(4, column.id).text(5, column.name);
    bindSide(statement, 6, conflict.winner);
    bindSide(statement, 9, conflict.loser);
    statement.integer(13, conflict.winner.value == 0 ? 1 : 0);
    return statement.integer(12, time_microseconds() / 1000).run();
  }

  /** Keeps the table within its bounds and finalizes the statement. */
  close(): void {
    this.insertion.close();
    pruneConflicts();
  }
}

function localSide(clock: RowClock, column: i32): Side {
  return new Side(0, clock.stamps.clock(column), clock.stamps.site(column));
}

function incomingSide(row: IncomingRow, index: i32): Side {
  return new Side(row.value(index), row.stamps.clock(index), row.stamps.site(index));
}

/** True when it is certain that the winner's author had not seen the loser; `base` is that of the winner. */
function isConflict(winner: Side, loser: Side, base: Base | null): bool {
  if (base == null || winner.clock == 0 || loser.clock == 0 || winner.site == loser.site) return false;
  return base.misses(loser.clock, loser.site);
}

/** Binds value, site and clock. */
function bindSide(statement: Statement, first: i32, side: Side): void {
  const site = siteBytes(side.site);
  if (side.value != 0) bindValue(statement, first, side.value);
  statement.blob(first + 1, site.pointer, site.size).integer(first + 2, side.clock);
}
