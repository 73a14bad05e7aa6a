/**
 * reference_actions.ts: what becomes of a held row that refers to a deleted one. While its parent is unknown or held
 * it waits. Once the parent is dead, the foreign key's own action decides, and what it does is an edit of this device,
 * like the same action done by SQLite to a row in its table: CASCADE deletes the row, SET NULL and SET DEFAULT write
 * its referencing columns. RESTRICT and NO ACTION: it waits for a device that brings the parent back.
 */
import { currentSeq, nextClock, nextSeq, restoreSeq } from '../catalog/counters';
import {
  ACTION_CASCADE,
  ACTION_NONE,
  ACTION_SET_DEFAULT,
  ACTION_SET_NULL,
  ForeignKey,
} from '../catalog/foreign_keys';
import { ownSite } from '../catalog/sites';
import { ALGORITHM_GOS, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { writeColumn, writeNil } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { compareValues } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { time_microseconds } from '../host';
import { hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { exchangeIsComplete } from './completion';
import { Departures } from './departures';
import { Member } from './placement';
import { parentKey, RowValues } from './row_values';
import { REFUSED, Visibility } from './visibility';

const EDIT_SAVEPOINT = 'cloudsync_edit';
const TRIAL_SAVEPOINT = 'cloudsync_trial';

export class ReferenceActions {
  /** Why the row waits, after `apply` has done nothing. */
  reason: Slice = new Slice(0, 0);
  /** The parent has been deleted, after `apply` has done nothing. */
  parentIsDead: bool = false;

  private departures: Departures;

  constructor(private visibility: Visibility) {
    this.departures = new Departures(visibility);
  }

  /**
   * Does what the foreign key wants with a held row whose parent is not visible. True when that changed the row; false
   * when it has to wait, and on errors.
   */
  apply(foreign: ForeignKey, row: Member): bool {
    const table = row.table;
    const deletion = new RowClock(table);
    const dead = findDeletion(foreign, new RowValues(table, row.key.pointer, row.values), deletion);
    this.parentIsDead = dead;
    const text = new Text().add("FOREIGN KEY constraint failed: the row of '").bytes(foreign.parentName);
    this.reason = text
      .add(dead ? "' that it refers to was deleted" : "' that it refers to is not here")
      .slice();
    if (!dead || foreign.onDelete == ACTION_NONE || table.algorithm == ALGORITHM_GOS) return false;
    if (!exchangeIsComplete()) return false;
    if (!isUnseen(foreign, row, deletion.clock, deletion.site)) return false;
    if (foreign.onDelete == ACTION_CASCADE) {
      return !this.departures.isForbidden(table, row.key.pointer, false) && deleteHeld(row);
    }
    const changes = new ColumnSet(table.width);
    return this.referenceValues(foreign, row, changes) && this.edit(row, changes);
  }

  /** Makes the edit, unless the table refuses the row then. */
  private edit(row: Member, changes: ColumnSet): bool {
    if (!savepoint(EDIT_SAVEPOINT)) return false;
    const seq = currentSeq();
    const done = editHeld(row, changes);
    const fits = done && this.fits(row);
    if (fits) return releaseSavepoint(EDIT_SAVEPOINT);
    restoreSeq(seq);
    rollbackToSavepoint(EDIT_SAVEPOINT);
    return false;
  }

  private fits(row: Member): bool {
    if (!savepoint(TRIAL_SAVEPOINT)) return false;
    const result = this.visibility.show(row.table, row.key.pointer, row.values);
    return rollbackToSavepoint(TRIAL_SAVEPOINT) && result != REFUSED;
  }

  /** The values that SET NULL or SET DEFAULT give. False when they change nothing or belong to the key. */
  private referenceValues(foreign: ForeignKey, row: Member, changes: ColumnSet): bool {
    const table = row.table;
    let different = false;
    for (let i = 0; i < foreign.columns.length; i++) {
      const index = table.columnIndex(foreign.columns[i]);
      if (index < 0) return false;
      const value = foreign.onDelete == ACTION_SET_DEFAULT ? defaultOf(table, index) : encodedNull();
      const now = row.values.value(index);
      if (now == 0 || compareValues(now, value) != 0) different = true;
      changes.put(index, value);
    }
    return different;
  }
}

/**
 * True when whoever made the row refer to its parent cannot have seen the write of the parent with that stamp.
 * Otherwise that write is known to the row's author, and what follows it is on its way too. Then only the device that
 * made the reference can tell.
 */
export function isUnseen(foreign: ForeignKey, row: Member, stamp: i64, site: i32): bool {
  const clock = readClock(row);
  let unseen = clock.found;
  for (let i = 0; unseen && i < foreign.columns.length; i++) {
    const stamped = stampedColumn(foreign, i, row, clock);
    if (clock.stamps.site(stamped) == ownSite()) return true;
    unseen = clock.stamps.compare(stamped, stamp, site) <= 0;
  }
  return unseen;
}

/** True when this device has written the reference. */
export function isOwn(foreign: ForeignKey, row: Member): bool {
  const clock = readClock(row);
  for (let i = 0; i < foreign.columns.length; i++) {
    if (clock.stamps.site(stampedColumn(foreign, i, row, clock)) == ownSite()) return true;
  }
  return false;
}

/** Key columns have no stamps of their own: any column's stamp is at least that of the insert. */
function stampedColumn(foreign: ForeignKey, place: i32, row: Member, clock: RowClock): i32 {
  const index = row.table.columnIndex(foreign.columns[place]);
  return index >= 0 ? index : clock.stamps.smallest();
}

function readClock(row: Member): RowClock {
  const clocks = new ClockTable(row.table, false);
  const clock = new RowClock(row.table);
  clocks.read(row.key.pointer, clock);
  clocks.close();
  return clock;
}

/** Writes what was read under `oldSeq`. False on errors, those of the reading too. */
function writeClock(row: Member, clock: RowClock, oldSeq: i64): bool {
  if (hasFailed()) return false;
  const clocks = new ClockTable(row.table, false);
  const ok = clocks.write(row.key.pointer, clock, oldSeq);
  clocks.close();
  return ok;
}

export function encodedNull(): usize {
  const value = new Writer(16);
  writeNil(value);
  return value.start;
}

/** The default of a column as an encoded value. */
export function defaultOf(table: Table, index: i32): usize {
  const expression = table.columns[index].defaultExpression;
  if (expression.size == 0) return encodedNull();
  const statement = new Statement(new Text().add('SELECT (').bytes(expression).add(')'));
  const value = new Writer(64);
  if (statement.step()) writeColumn(value, statement.handle, 0);
  statement.close();
  return value.size > 0 ? value.start : encodedNull();
}

/**
 * True when the row refers to the whole key of a tracked table, and that row has been deleted: `deletion` has the
 * stamp.
 */
function findDeletion(foreign: ForeignKey, row: RowValues, deletion: RowClock): bool {
  const parent: Table | null = foreign.parent;
  const key = parentKey(foreign, row);
  if (parent == null || key == null) return false;
  const clocks = new ClockTable(parent, false);
  const clock = new RowClock(parent);
  const dead = clocks.read(key.start, clock) && clock.found && !clock.alive;
  clocks.close();
  deletion.clock = clock.clock;
  deletion.site = clock.site;
  return dead;
}

/** Deletes a held row on this device's behalf. False on errors. */
function deleteHeld(row: Member): bool {
  const clock = readClock(row);
  const oldSeq = clock.seq;
  clock.seq = nextSeq();
  clock.deleteLocally(nextClock(time_microseconds()), ownSite());
  return writeClock(row, clock, oldSeq) && row.held.drop(row.key.pointer);
}

/** Writes columns of a held row on this device's behalf, as an ordinary edit. False on errors. */
export function editHeld(row: Member, changes: ColumnSet): bool {
  const key = row.key.pointer;
  const clock = readClock(row);
  const oldSeq = clock.seq;
  clock.seq = nextSeq();
  const stamp = nextClock(time_microseconds());
  for (let i = 0; i < changes.width; i++) {
    if (changes.value(i) != 0) clock.stampOne(i, stamp, ownSite(), clock.seq);
  }
  row.values.overlay(changes);
  const reason = row.held.reason(key);
  return writeClock(row, clock, oldSeq) && row.held.write(key, row.values, reason);
}
