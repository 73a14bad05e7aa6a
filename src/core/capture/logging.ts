/**
 * logging.ts: writes into a table's log what the triggers could not see: rows and values that came, changed
 * or went while they were not there. `d` is the data table, `b` what it is compared with, both under these
 * names in the conditions.
 */
import { Column, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { execute, queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { BITS_PER_MASK, keyNames, MASK_DELETE, MASK_INSERT, maskName } from './tables';
import { copyName } from './altering';
import { differs } from './triggers';

/** Appends "b.pk0=d.key AND ..." */
export function sameKey(text: Text, table: Table): Text {
  for (let i = 0; i < table.keys.length; i++) {
    text
      .add(i > 0 ? ' AND ' : '')
      .add('b.pk')
      .number(i)
      .add('=d.')
      .name(table.keys[i].name);
  }
  return text;
}

/** Appends the key values, each after a comma. */
function dataKeys(text: Text, table: Table): Text {
  for (let i = 0; i < table.keys.length; i++) text.add(',d.').name(table.keys[i].name);
  return text;
}

/** INSERT INTO log(mask,at,pk0..) SELECT <mask>,now */
function logInto(table: Table, mask: i64): Text {
  const sql = new Text(1024).add('INSERT INTO ').main(table.logName).add('(mask,at,');
  return keyNames(sql, table, '').add(') SELECT ').number(mask).add(",julianday('now')");
}

/** Logs an insert of every row that `known` (a table with pk0, pk1, ...) does not have under `condition`. */
export function logInserts(table: Table, known: Slice, condition: string): bool {
  const sql = dataKeys(logInto(table, MASK_INSERT), table).add(' FROM ').main(table.name);
  sql.add(' AS d WHERE NOT EXISTS(SELECT 1 FROM ').main(known).add(' AS b WHERE ');
  return execute(sameKey(sql, table).add(condition).add(')'));
}

/** Logs a delete of every row of the copy that is not there any more. */
export function logDeletes(table: Table): bool {
  const sql = keyNames(logInto(table, MASK_DELETE).add(','), table, 'b.').add(' FROM ').main(copyName(table));
  sql.add(' AS b WHERE NOT EXISTS(SELECT 1 FROM ').main(table.name).add(' AS d WHERE ');
  return execute(sameKey(sql, table).add(')'));
}

/** Logs an update of the column for the rows in `source`, which begins with what follows "<table> AS d". */
function logUpdates(table: Table, column: Column, source: Text): bool {
  const mask = column.id / BITS_PER_MASK;
  const bit = (<i64>1) << (<i64>(column.id % BITS_PER_MASK));
  const sql = new Text(1024).add('INSERT INTO ').main(table.logName).add('(mask,at,');
  keyNames(sql, table, '');
  if (mask > 0) maskName(sql.add(','), mask);
  dataKeys(
    sql
      .add(') SELECT ')
      .number(mask > 0 ? 0 : bit)
      .add(",julianday('now')"),
    table,
  );
  if (mask > 0) sql.add(',').number(bit);
  return execute(sql.add(' FROM ').main(table.name).add(' AS d').bytes(source.slice()));
}

/** " WHERE <the column of d is not its default>" */
function whereWritten(column: Column): Text {
  const text = new Text().add(' WHERE d.').name(column.name).add(' IS NOT ');
  if (column.defaultExpression.size == 0) return text.add('NULL');
  return text.add('(').bytes(column.defaultExpression).add(')');
}

/** True when the column shows something else than its default in some row. */
export function isWritten(table: Table, column: Column): bool {
  const sql = new Text()
    .add('SELECT 1 FROM ')
    .main(table.name)
    .add(' AS d')
    .bytes(whereWritten(column).slice());
  return queryInteger(sql.add(' LIMIT 1'), 0) != 0;
}

/** Logs an update of a new column for every row where it is not the default. */
export function logNewColumn(table: Table, column: Column): bool {
  return logUpdates(table, column, whereWritten(column));
}

/** Logs an update of a column for every row where the copy has another value. */
export function logChangedColumn(table: Table, column: Column, strict: bool): bool {
  const source = new Text().add(' JOIN ').main(copyName(table)).add(' AS b ON ');
  sameKey(source, table).add(' WHERE ');
  const before = new Text().add('b.c').number(column.id);
  differs(source, before, new Text().add('d.').name(column.name), column, strict);
  return logUpdates(table, column, source);
}
