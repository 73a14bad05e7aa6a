/** held_functions.ts: cloudsync_resolve: the application settles a held row by giving it another value. */
import { HeldRows } from '../catalog/held_rows';
import { storedValue } from '../catalog/stored_value';
import { ALGORITHM_GOS, findTable, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { result_integer } from '../host';
import { Member } from '../merge/placement';
import { editHeld } from '../merge/reference_actions';
import { beginTrackedOperation, endOperation, settleHeld, tables } from '../operation';
import { fail, hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { argumentInteger, argumentText, argumentValue } from './arguments';

/** The held row with that id; null with a failure when there is none that a value could settle. */
function findHeld(id: i64): Member | null {
  const statement = new Statement(
    new Text().add('SELECT tbl, pk, reason, table_id FROM main.cloudsync_held WHERE id=').number(id),
  );
  if (!statement.step()) {
    fail(
      new Text().add('nothing is held under the id ').number(id).add('; see SELECT id FROM cloudsync_held'),
    );
    return null;
  }
  const name = statement.columnBytes(0);
  const key = statement.columnBytes(1);
  const reason = statement.columnBytes(2);
  const isRow = !statement.isNull(3);
  statement.close();
  const table = findTable(tables, name);
  if (!isRow || table == null) {
    const text = new Text().add('no value can settle what is held under the id ').number(id);
    fail(text.add(': ').bytes(reason));
    return null;
  }
  const held = new HeldRows(table);
  const values = new ColumnSet(table.open() ? table.width : 1);
  return !table.missing && held.read(key.pointer, values) ? new Member(table, held, key, values) : null;
}

/** The index of a column that may be written, or -1 with a failure. */
function writableColumn(table: Table, name: Slice): i32 {
  const index = table.columnIndex(name);
  const text = new Text().add("table '").bytes(table.name);
  if (table.algorithm == ALGORITHM_GOS) fail(text.add("' is grow-only (gos): its rows are never updated"));
  else if (index < 0) fail(text.add("' has no column '").bytes(name).add("' besides its key"));
  return hasFailed() ? -1 : index;
}

/** Result: 1 when the row is in its table then, 0 when something else still keeps it out. */
export function resolve(): void {
  const id = argumentInteger(0, 3, 0, 1, i64.MAX_VALUE, 'the id');
  const name = argumentText(1, 'the column');
  if (hasFailed() || !beginTrackedOperation()) return;
  const row = findHeld(id);
  const index = row != null && !hasFailed() ? writableColumn(row.table, name) : -1;
  if (index < 0) {
    endOperation(false);
    return;
  }
  const member = row!;
  const changes = new ColumnSet(member.table.width);
  const type = member.table.columns[index].declaredType;
  changes.put(index, storedValue(type, true, argumentValue(2).start).start);
  const ok = !hasFailed() && editHeld(member, changes) && settleHeld();
  const shown = ok && !member.held.has(member.key.pointer);
  if (endOperation(ok)) result_integer(shown ? 1 : 0);
}
