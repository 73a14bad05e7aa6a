/**
 * columns.ts: the rows of cloudsync_columns: which column has which stable id. A column keeps its id when it
 * is renamed; the id of a column that was dropped is never used again, because clocks may still carry stamps
 * under it. So its row stays, marked. Key columns are there too, as -1, -2, ... in key order: their names
 * tell a rebuilt key from the old one.
 */
import { Statement, execute, queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { Slice } from '../bytes/slice';
import { Column, Table } from './table';

/** added_seq of a column that was dropped. */
const DROPPED: i64 = -1;

function register(table: Table, id: i64, name: Slice, addedSeq: i64): bool {
  const insert = new Statement(new Text().add('INSERT INTO main.cloudsync_columns VALUES(?1,?2,?3,?4)'));
  insert.integer(1, table.id).integer(2, id).text(3, name);
  const ok = insert.integer(4, addedSeq).run();
  insert.close();
  return ok;
}

export function registerColumn(table: Table, column: Column): bool {
  return register(table, column.id, column.name, column.addedSeq);
}

/** Writes down the names that the key columns have now. */
export function registerKeys(table: Table): bool {
  const sql = new Text().add('DELETE FROM main.cloudsync_columns WHERE id<0 AND table_id=').number(table.id);
  let ok = execute(sql);
  for (let i = 0; ok && i < table.keys.length; i++) ok = register(table, -1 - i, table.keys[i].name, 0);
  return ok;
}

/** The names that the key columns had when they were written down, in key order. */
export function registeredKeys(table: Table): Array<Slice> {
  const list: Array<Slice> = [];
  const statement = new Statement(
    new Text().add('SELECT name FROM main.cloudsync_columns WHERE table_id=?1 AND id<0 ORDER BY id DESC'),
  );
  statement.integer(1, table.id);
  while (statement.step()) list.push(statement.columnBytes(0));
  statement.close();
  return list;
}

/** An id that no column of the table has ever had. */
export function nextColumnId(table: Table): i32 {
  const sql = new Text()
    .add('SELECT max(id) FROM main.cloudsync_columns WHERE id>=0 AND table_id=')
    .number(table.id);
  return <i32>queryInteger(sql, -1) + 1;
}

export function renameColumn(table: Table, id: i32, name: Slice): bool {
  const sql = new Text().add('UPDATE main.cloudsync_columns SET name=').quoted(name);
  return execute(sql.add(' WHERE table_id=').number(table.id).add(' AND id=').number(id));
}

/** The column is no more; another one of that name is a new column. */
export function markDropped(table: Table, id: i32): bool {
  const sql = new Text().add('UPDATE main.cloudsync_columns SET added_seq=').number(DROPPED);
  return execute(sql.add(' WHERE table_id=').number(table.id).add(' AND id=').number(id));
}
