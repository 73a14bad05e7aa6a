/**
 * forgetting.ts: takes rows out of this database that it may not see any more, or whose state here is to be replaced.
 * That is no deletion: nothing is captured or announced, no foreign key acts on tracked rows (those that refer to the
 * row are held), and nothing of it stays, neither clocks nor values that wait elsewhere. So when the row comes again it
 * is a new one, and comes whole.
 */
import { hasApplicationTrigger } from '../capture/triggers';
import { conflictsExist, forgetRowConflicts } from '../catalog/conflicts';
import { nextSeq } from '../catalog/counters';
import { deferForeignKeys } from '../catalog/foreign_keys';
import { HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { ClockTable } from '../clock/clock_table';
import { isKeyOf } from '../clock/keys';
import { RowClock } from '../clock/row_clock';
import { storedKey } from '../clock/stored_key';
import { sql_foreign_key_violations } from '../host';
import { failWithSql, hasFailed, SQLITE_DONE } from '../sql/failure';
import { sliceOf, Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { DataTable } from './data_table';
import { holdReport, WAITS_FOR_NOTHING } from './held';
import { HeldPackets } from './held_packets';
import { TriggerSwitch } from './trigger_switch';
import { Visibility } from './visibility';

const FORGET_SAVEPOINT = 'cloudsync_forget';

/** A table, and the row of it that is being looked at. */
export class RowsOf {
  /** Of the row, after `Forgetting.find`. */
  clock: RowClock;
  key: Slice = new Slice(0, 0);
  /** The key as it was given, by which what waits or lost was noted. */
  given: Slice = new Slice(0, 0);
  readonly clocks: ClockTable;
  readonly data: DataTable;
  readonly held: HeldRows;
  /** Something has to follow when a row goes: rows that refer to it, triggers of the application. */
  readonly isFollowed: bool;

  constructor(
    public table: Table,
    visibility: Visibility,
  ) {
    this.clock = new RowClock(table);
    this.clocks = new ClockTable(table, false);
    this.data = new DataTable(table, false);
    this.held = new HeldRows(table);
    this.isFollowed = visibility.referringTo(table).length > 0 || hasApplicationTrigger(table);
  }

  /** Reads the values of the living row, wherever they are. */
  values(): ColumnSet {
    const values = new ColumnSet(this.table.width);
    if (!this.data.read(this.key.pointer, values)) this.held.read(this.key.pointer, values);
    return values;
  }

  close(): void {
    this.clocks.close();
    this.data.close();
  }
}

export class Forgetting {
  /** Rows forgotten so far. */
  rows: i64 = 0;
  private triggers: TriggerSwitch = new TriggerSwitch();
  private visibility: Visibility | null = null;
  private list: Array<RowsOf> = [];
  private packets: HeldPackets = new HeldPackets();
  private hasConflicts: bool = false;
  private deferred: i32 = 0;

  /**
   * Inside an operation that writes in its own transaction, so that no table is being altered, with the logs folded.
   * Triggers are off until `close`. Check hasFailed().
   */
  constructor(tables: Array<Table>) {
    this.deferred = deferForeignKeys(1);
    this.triggers.set([]);
    const visibility = new Visibility(tables, this.triggers);
    visibility.overridesUntracked = true;
    this.visibility = visibility;
    this.hasConflicts = conflictsExist();
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i];
      if (table.open() && !table.missing) this.list.push(new RowsOf(table, visibility));
    }
  }

  /** The tables whose rows can be forgotten. */
  get all(): Array<RowsOf> {
    return this.list;
  }

  /** Looks the row up. Null when this database does not know it, and on errors. */
  find(name: Slice, key: Slice): RowsOf | null {
    for (let i = 0; i < this.list.length; i++) {
      const rows = this.list[i];
      if (!rows.table.name.equalsIgnoreCase(name) || !isKeyOf(rows.table, key)) continue;
      rows.key = storedKey(rows.table, key.pointer);
      rows.given = key;
      return rows.clocks.read(rows.key.pointer, rows.clock) && rows.clock.found ? rows : null;
    }
    return null;
  }

  /** Forgets what waits as a packet under that name, whether the table is here or not. False on errors. */
  forgetPackets(name: Slice, key: Slice): bool {
    return this.packets.forget(name, key);
  }

  /** Forgets the row that `rows` has looked up. False on errors. */
  forget(rows: RowsOf): bool {
    if (this.hasConflicts && !forgetRowConflicts(rows.table, rows.given)) return false;
    if (rows.clock.alive && !this.takeOut(rows)) return !hasFailed();
    this.rows++;
    return rows.clocks.remove(rows.key.pointer);
  }

  /** Removes the living row from where its values are. False when it cannot leave, and on errors. */
  private takeOut(rows: RowsOf): bool {
    const key = rows.key.pointer;
    if (rows.held.has(key)) return rows.held.drop(key);
    if (rows.isFollowed) return this.hide(rows);
    const code = rows.data.remove(key);
    return code == SQLITE_DONE || failWithSql(code, 'forgetting a row');
  }

  private hide(rows: RowsOf): bool {
    const key = rows.key.pointer;
    const violatedBefore = sql_foreign_key_violations() != 0;
    if (!savepoint(FORGET_SAVEPOINT)) return false;
    const hidden = this.visibility!.hide(rows.table, key, sliceOf('it is being forgotten'));
    const violated = !violatedBefore && sql_foreign_key_violations() != 0;
    if (hidden && !violated && rows.held.drop(key)) return releaseSavepoint(FORGET_SAVEPOINT);
    if (!rollbackToSavepoint(FORGET_SAVEPOINT) || hasFailed()) return false;
    this.reportStuck(rows);
    return false;
  }

  /** Only a row of a table that is not tracked can do that, by a foreign key that allows no deletion. */
  private reportStuck(rows: RowsOf): void {
    const text = new Text().add(
      'the row is to leave this database, and rows of a table that is not synchronised refer',
    );
    const reason = text.add(' to it; delete those, and then this one').slice();
    holdReport(rows.table.name, rows.key, sliceOf(''), reason, WAITS_FOR_NOTHING);
  }

  /** Held rows may have their places now; the caller settles them. False on errors. */
  close(): bool {
    for (let i = 0; i < this.list.length; i++) this.list[i].close();
    // What is visible is a function of the state: a number that nothing else has says that it is another one.
    if (this.rows > 0) nextSeq();
    const restored = this.deferred >= 0 && deferForeignKeys(this.deferred) >= 0;
    return this.triggers.close() && restored && !hasFailed();
  }
}
