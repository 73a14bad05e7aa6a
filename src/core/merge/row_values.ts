/**
 * row_values.ts: a row that is not in its table, as key and values: the statements that try it there, and what it
 * refers to.
 */
import { ForeignKey } from '../catalog/foreign_keys';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { writeColumn } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { bindValue, compareValues, valueSize, valueType } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { bindKey } from '../clock/keys';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { TYPE_NULL } from '../sql/types';

/** Binds the key and then the values of the set, as probeSql names them. */
export function bindRow(statement: Statement, table: Table, key: usize, values: ColumnSet): Statement {
  bindKey(statement, 1, table, key);
  let parameter = table.keys.length;
  for (let i = 0; i < values.width; i++) {
    if (values.value(i) != 0) bindValue(statement, ++parameter, values.value(i));
  }
  return statement;
}

/**
 * An INSERT that changes nothing when another row is in the way, and returns the key of the row that is there then:
 * its own, or that of the other row. SQLite itself compares the values, so collations, conditions and expressions of
 * indexes count as they do for every INSERT.
 */
export function probeSql(table: Table, values: ColumnSet): Text {
  const sql = new Text(1024).add('INSERT OR ABORT INTO ').main(table.name).add('(');
  let count = table.keys.length;
  nameKeys(sql, table, '');
  for (let i = 0; i < table.columns.length; i++) {
    if (values.value(i) == 0) continue;
    sql.add(',').name(table.columns[i].name);
    count++;
  }
  sql.add(') VALUES(?1');
  for (let i = 1; i < count; i++) sql.add(',?').number(i + 1);
  const same = table.keyOnly ? table.keys[0].name : table.columns[0].name;
  sql.add(') ON CONFLICT DO UPDATE SET ').name(same).add('=').name(same).add(' RETURNING ');
  return nameKeys(sql, table, '');
}

function nameKeys(sql: Text, table: Table, prefix: string): Text {
  for (let i = 0; i < table.keys.length; i++) {
    sql
      .add(i > 0 ? ',' : '')
      .add(prefix)
      .name(table.keys[i].name);
  }
  return sql;
}

/** The encoded key in the first columns of the statement's row. */
export function keyOfRow(statement: Statement, table: Table): Writer {
  const key = new Writer(64);
  for (let i = 0; i < table.keys.length; i++) writeColumn(key, statement.handle, i);
  return key;
}

/**
 * The keys of the visible rows that refer to the row `key` of `parent`. Of a table that is not tracked it is only
 * found out whether there are any: then one empty key is returned.
 */
export function childKeys(foreign: ForeignKey, parent: Table, key: usize): Array<Writer> {
  const found: Array<Writer> = [];
  const child: Table | null = foreign.child;
  const sql = new Text(512).add('SELECT ');
  if (child == null) sql.add('1');
  else nameKeys(sql, child, 'c.');
  sql.add(' FROM ').main(parent.name).add(' AS p CROSS JOIN ').main(foreign.childName).add(' AS c ON ');
  foreign.join(sql, 'p', 'c').add(' WHERE ');
  for (let i = 0; i < parent.keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .add('p.')
      .name(parent.keys[i].name);
    sql.add('=?').number(i + 1);
  }
  const statement = new Statement(sql.add(child == null ? ' LIMIT 1' : ''));
  bindKey(statement, 1, parent, key);
  while (statement.step()) found.push(child == null ? new Writer(16) : keyOfRow(statement, child));
  statement.close();
  return found;
}

/**
 * The encoded key of the row that this one refers to; null when the reference is not to the whole key of a tracked
 * table or has a value that is not known.
 */
export function parentKey(foreign: ForeignKey, row: RowValues): Writer | null {
  const places = foreign.keyPlaces();
  if (places == null) return null;
  const key = new Writer(64);
  for (let k = 0; k < places.length; k++) {
    const value = row.value(foreign.columns[places[k]]);
    if (value == 0) return null;
    key.bytes(value, valueSize(value));
  }
  return key;
}

/** The row's values by the name of the column. */
export class RowValues {
  constructor(
    private table: Table,
    readonly key: usize,
    private values: ColumnSet,
  ) {}

  /** Address of the value, 0 when it is not known. */
  value(name: Slice): usize {
    const index = this.table.columnIndex(name);
    if (index >= 0) return this.values.value(index);
    let at = this.key;
    for (let k = 0; k < this.table.keys.length; k++) {
      if (this.table.keys[k].name.equalsIgnoreCase(name)) return at;
      at += valueSize(at);
    }
    return 0;
  }

  /** All of the referencing columns are those of the row itself. */
  refersToItself(foreign: ForeignKey): bool {
    if (!foreign.parentName.equalsIgnoreCase(this.table.name)) return false;
    for (let i = 0; i < foreign.columns.length; i++) {
      const from = this.value(foreign.columns[i]);
      const to = this.value(foreign.parentColumns[i]);
      if (from == 0 || to == 0 || compareValues(from, to) != 0) return false;
    }
    return true;
  }

  /** A reference with NULL in it refers to nothing, and a parent that is in its table is found. */
  findsParent(foreign: ForeignKey): bool {
    const sql = new Text(256).add('SELECT 1 FROM ').main(foreign.parentName).add(' WHERE ');
    for (let i = 0; i < foreign.parentColumns.length; i++) {
      const value = this.value(foreign.columns[i]);
      if (value == 0 || valueType(value) == TYPE_NULL) return true;
      sql
        .add(i > 0 ? ' AND ' : '')
        .name(foreign.parentColumns[i])
        .add('=?')
        .number(i + 1);
    }
    const statement = new Statement(sql.add(' LIMIT 1'));
    for (let i = 0; i < foreign.columns.length; i++)
      bindValue(statement, i + 1, this.value(foreign.columns[i]));
    const found = statement.step();
    statement.close();
    return found;
  }
}
