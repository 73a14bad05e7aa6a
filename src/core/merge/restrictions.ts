/**
 * restrictions.ts: held rows that refer to a row and forbid its deletion (RESTRICT, NO ACTION). SQLite knows of rows in
 * tables only; but whether a deleted row has to come back must not depend on which of its children happen to be held.
 */
import { ACTION_NONE, ForeignKey } from '../catalog/foreign_keys';
import { canonicalKey, HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { compareValues } from '../bytes/value';
import { hasFailed } from '../sql/failure';
import { RowValues } from './row_values';

function refersTo(foreign: ForeignKey, child: RowValues, parent: RowValues): bool {
  for (let i = 0; i < foreign.columns.length; i++) {
    const reference = child.value(foreign.columns[i]);
    const value = parent.value(foreign.parentColumns[i]);
    if (reference == 0 || value == 0 || compareValues(reference, value) != 0) return false;
  }
  return true;
}

function someHeldRowRefers(foreign: ForeignKey, child: Table, parent: Table, row: RowValues): bool {
  const held = new HeldRows(child);
  if (!held.any) return false;
  const keys = held.keys();
  const values = new ColumnSet(child.width);
  for (let i = 0; i < keys.length && !hasFailed(); i++) {
    // A row that refers to itself does not hold itself back.
    if (child.id == parent.id && canonicalKey(parent, row.key).equals(keys[i])) continue;
    if (!held.read(keys[i].pointer, values)) continue;
    if (refersTo(foreign, new RowValues(child, keys[i].pointer, values), row)) return true;
  }
  return false;
}

/** True when a held row forbids that the row of `table` goes. `keys` are the foreign keys in force. */
export function heldRowForbids(keys: Array<ForeignKey>, table: Table, key: usize, values: ColumnSet): bool {
  const row = new RowValues(table, key, values);
  for (let i = 0; i < keys.length && !hasFailed(); i++) {
    const child: Table | null = keys[i].child;
    const parent: Table | null = keys[i].parent;
    if (child == null || parent == null || parent.id != table.id) continue;
    if (keys[i].onDelete == ACTION_NONE && someHeldRowRefers(keys[i], child, parent, row)) return true;
  }
  return false;
}
