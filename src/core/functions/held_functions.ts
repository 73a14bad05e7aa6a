/** held_functions.ts: cloudsync_resolve: the application settles a held row by giving it another value. */
import { affinityOf } from '../catalog/affinity';
import { HeldRows } from '../catalog/held_rows';
import { ALGORITHM_GOS, Column, findTable, Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { writeColumn } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { bindValue } from '../bytes/value';
import { Writer } from '../bytes/writer';
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

/**
 * The value as the column would store it, so that all devices hold the same one, whether in the table or in the list:
 * SQLite's column affinity ("Datatypes In SQLite", section 3).
 */
function asStored(column: Column, value: Writer): usize {
  const affinity = affinityOf(column.declaredType, true);
  const sql = new Text(512).add('SELECT CASE typeof(?1) ');
  const wellFormed = "WHEN 'text' THEN CASE WHEN CAST(?1 AS NUMERIC)=?1 THEN ";
  if (affinity == 'TEXT') {
    sql.add("WHEN 'integer' THEN CAST(?1 AS TEXT) WHEN 'real' THEN CAST(?1 AS TEXT) ");
  } else if (affinity == 'REAL') {
    sql.add(wellFormed).add('CAST(CAST(?1 AS NUMERIC) AS REAL) ELSE ?1 END ');
    sql.add("WHEN 'integer' THEN CAST(?1 AS REAL) ");
  } else if (affinity != 'BLOB') {
    sql.add(wellFormed).add('CAST(?1 AS NUMERIC) ELSE ?1 END ');
    sql.add("WHEN 'real' THEN CASE WHEN CAST(?1 AS INTEGER)=?1 THEN CAST(?1 AS INTEGER) ELSE ?1 END ");
  } else {
    sql.add("WHEN 'null' THEN NULL ");
  }
  const statement = new Statement(sql.add('ELSE ?1 END'));
  bindValue(statement, 1, value.start);
  const stored = new Writer(value.size + 16);
  if (statement.step()) writeColumn(stored, statement.handle, 0);
  statement.close();
  return stored.start;
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
  changes.put(index, asStored(member.table.columns[index], argumentValue(2)));
  const ok = !hasFailed() && editHeld(member, changes) && settleHeld();
  const shown = ok && !member.held.has(member.key.pointer);
  if (endOperation(ok)) result_integer(shown ? 1 : 0);
}
