/**
 * reference_actions.ts: what becomes of a held row that refers to a deleted one. While its parent is unknown or held it
 * waits. Once the parent is dead, the foreign key's own action decides, and what it does is an edit of this device, like
 * the same action done by SQLite to a row in its table: CASCADE deletes the row, SET NULL and SET DEFAULT write its
 * referencing columns. RESTRICT and NO ACTION: it waits for a device that brings the parent back.
 */
import { nextClock, nextSeq } from '../catalog/counters';
import {
  ACTION_CASCADE,
  ACTION_NONE,
  ACTION_SET_DEFAULT,
  ACTION_SET_NULL,
  ForeignKey,
} from '../catalog/foreign_keys';
import { HeldRows } from '../catalog/held_rows';
import { ownSite } from '../catalog/sites';
import { ALGORITHM_GOS, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { writeColumn, writeNil } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { compareValues, valueSize } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { time_microseconds } from '../host';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { RowValues } from './row_values';

export class ReferenceActions {
  /** Why the row waits, after `apply` has done nothing. */
  reason: Slice = new Slice(0, 0);

  /**
   * Does what the foreign key wants with the held row `key`, whose parent is not visible. True when that changed the
   * row; false when it has to wait, and on errors.
   */
  apply(foreign: ForeignKey, table: Table, held: HeldRows, key: Slice, values: ColumnSet): bool {
    const dead = parentIsDead(foreign, new RowValues(table, key.pointer, values));
    const text = new Text().add("FOREIGN KEY constraint failed: the row of '").bytes(foreign.parentName);
    this.reason = text
      .add(dead ? "' that it refers to was deleted" : "' that it refers to is not here")
      .slice();
    if (!dead || foreign.onDelete == ACTION_NONE || table.algorithm == ALGORITHM_GOS) return false;
    if (foreign.onDelete == ACTION_CASCADE) return deleteHeld(table, held, key);
    const changes = new ColumnSet(table.width);
    if (!this.referenceValues(foreign, table, values, changes)) return false;
    return editHeld(table, held, key, values, changes);
  }

  /** The values that SET NULL or SET DEFAULT give. False when they change nothing or belong to the key. */
  private referenceValues(foreign: ForeignKey, table: Table, values: ColumnSet, changes: ColumnSet): bool {
    let different = false;
    for (let i = 0; i < foreign.columns.length; i++) {
      const index = table.columnIndex(foreign.columns[i]);
      if (index < 0) return false;
      const value = foreign.onDelete == ACTION_SET_DEFAULT ? defaultOf(table, index) : encodedNull();
      const now = values.value(index);
      if (now == 0 || compareValues(now, value) != 0) different = true;
      changes.put(index, value);
    }
    return different;
  }
}

function encodedNull(): usize {
  const value = new Writer(16);
  writeNil(value);
  return value.start;
}

/** The default of a column as an encoded value. */
function defaultOf(table: Table, index: i32): usize {
  const expression = table.columns[index].defaultExpression;
  if (expression.size == 0) return encodedNull();
  const statement = new Statement(new Text().add('SELECT (').bytes(expression).add(')'));
  const value = new Writer(64);
  if (statement.step()) writeColumn(value, statement.handle, 0);
  statement.close();
  return value.size > 0 ? value.start : encodedNull();
}

/** True when the row refers to the whole key of a tracked table, and that row has been deleted. */
function parentIsDead(foreign: ForeignKey, row: RowValues): bool {
  const parent: Table | null = foreign.parent;
  const places = foreign.keyPlaces();
  if (parent == null || places == null) return false;
  const key = new Writer(64);
  for (let k = 0; k < places.length; k++) {
    const value = row.value(foreign.columns[places[k]]);
    if (value == 0) return false;
    key.bytes(value, valueSize(value));
  }
  const clocks = new ClockTable(parent);
  const clock = new RowClock(parent);
  const dead = clocks.read(key.start, clock) && clock.found && !clock.alive;
  clocks.close();
  return dead;
}

/** Deletes a held row on this device's behalf. False on errors. */
function deleteHeld(table: Table, held: HeldRows, key: Slice): bool {
  const clocks = new ClockTable(table);
  const clock = new RowClock(table);
  let ok = clocks.read(key.pointer, clock);
  const oldSeq = clock.seq;
  clock.seq = nextSeq();
  clock.deleteLocally(nextClock(time_microseconds()), ownSite());
  ok = ok && clocks.write(key.pointer, clock, oldSeq) && held.drop(key.pointer);
  clocks.close();
  return ok;
}

/** Writes columns of a held row on this device's behalf, as an ordinary edit. False on errors. */
export function editHeld(
  table: Table,
  held: HeldRows,
  key: Slice,
  values: ColumnSet,
  changes: ColumnSet,
): bool {
  const clocks = new ClockTable(table);
  const clock = new RowClock(table);
  let ok = clocks.read(key.pointer, clock);
  const oldSeq = clock.seq;
  clock.seq = nextSeq();
  const stamp = nextClock(time_microseconds());
  for (let i = 0; i < changes.width; i++) {
    if (changes.value(i) != 0) clock.stampOne(i, stamp, ownSite(), clock.seq);
  }
  values.overlay(changes);
  const reason = held.reason(key.pointer);
  ok = ok && clocks.write(key.pointer, clock, oldSeq) && held.write(key.pointer, values, reason);
  clocks.close();
  return ok;
}
