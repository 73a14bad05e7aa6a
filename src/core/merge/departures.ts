/**
 * departures.ts: what has to happen before a merged deletion takes a row that others refer to. A foreign key's action
 * must not simply run on visible rows: the same packet may change the child as well, bring another row with the value
 * that it refers to, or have its author know of a later parent. So the children become held first; settle.ts and
 * reference_actions.ts decide about them when all of the packet has arrived.
 */
import { ACTION_CASCADE, ACTION_NONE, ForeignKey } from '../catalog/foreign_keys';
import { canonicalKey, HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { isAmong, Slice } from '../bytes/slice';
import { compareValues } from '../bytes/value';
import { hasFailed } from '../sql/failure';
import { DataTable } from './data_table';
import { childKeys, RowValues } from './row_values';
import { Visibility } from './visibility';

export class Departures {
  constructor(private visibility: Visibility) {}

  /**
   * True when a living row, in its table or held, forbids that the row goes: it refers to it with RESTRICT or NO
   * ACTION, or with CASCADE and may not go itself. With `heldOnly`, rows in tables do not count: SQLite speaks for
   * them.
   */
  isForbidden(table: Table, key: usize, heldOnly: bool): bool {
    return this.forbids(table, canonicalKey(table, key), heldOnly, []);
  }

  private forbids(table: Table, key: Slice, heldOnly: bool, seen: Array<Slice>): bool {
    const keys = this.visibility.referringTo(table);
    for (let i = 0; i < keys.length && !hasFailed(); i++) {
      const child: Table | null = keys[i].child;
      if (child == null || (keys[i].onDelete != ACTION_NONE && keys[i].onDelete != ACTION_CASCADE)) continue;
      const found = livingChildren(keys[i], child, table, key, heldOnly);
      for (let k = 0; k < found.length; k++) {
        // A row that refers to itself does not hold itself back.
        if (child.id == table.id && found[k].equals(key)) continue;
        if (keys[i].onDelete == ACTION_NONE) return true;
        if (isAmong(seen, found[k])) continue;
        seen.push(found[k]);
        if (this.forbids(child, found[k], heldOnly, seen)) return true;
      }
    }
    return false;
  }

  /** Hides the tracked rows on which an action would run. False when that cannot be done, and on errors. */
  clear(table: Table, key: usize): bool {
    const keys = this.visibility.referringTo(table);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i].onDelete == ACTION_NONE || keys[i].child == null) continue;
      if (!this.visibility.hideReferring(keys[i], table, childKeys(keys[i], table, key))) return false;
    }
    return !hasFailed();
  }
}

/** The keys of the rows that refer to a row, visible and held. */
function livingChildren(
  foreign: ForeignKey,
  child: Table,
  parent: Table,
  key: Slice,
  heldOnly: bool,
): Array<Slice> {
  const list: Array<Slice> = [];
  if (!heldOnly) {
    const visible = childKeys(foreign, parent, key.pointer);
    for (let i = 0; i < visible.length; i++) list.push(canonicalKey(child, visible[i].start));
  }
  const held = new HeldRows(child);
  const values = new ColumnSet(parent.width);
  if (!held.any || !readRow(parent, key, values)) return list;
  const row = new RowValues(parent, key.pointer, values);
  const keys = held.keys();
  for (let i = 0; i < keys.length && !hasFailed(); i++) {
    const heldValues = new ColumnSet(child.width);
    if (!held.read(keys[i].pointer, heldValues)) continue;
    if (refersTo(foreign, new RowValues(child, keys[i].pointer, heldValues), row)) list.push(keys[i]);
  }
  return list;
}

/** The values of a living row, wherever they are. */
function readRow(table: Table, key: Slice, values: ColumnSet): bool {
  const data = new DataTable(table, false);
  const found = data.read(key.pointer, values);
  data.close();
  return found || new HeldRows(table).read(key.pointer, values);
}

function refersTo(foreign: ForeignKey, child: RowValues, parent: RowValues): bool {
  for (let i = 0; i < foreign.columns.length; i++) {
    const reference = child.value(foreign.columns[i]);
    const value = parent.value(foreign.parentColumns[i]);
    if (reference == 0 || value == 0 || compareValues(reference, value) != 0) return false;
  }
  return true;
}
