/**
 * foreign_keys.ts: the foreign keys between the tables of the main database, as far as a tracked table takes part.
 * Read only where a merge needs them: a row has to leave its table or to come back, or a reference is broken.
 */
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { Column, findTable, readColumns, Table } from './table';

export const ACTION_NONE: i32 = 0;
export const ACTION_CASCADE: i32 = 1;
export const ACTION_SET_NULL: i32 = 2;
export const ACTION_SET_DEFAULT: i32 = 3;

export class ForeignKey {
  /** The referencing columns, and the columns of the parent that they refer to, pairwise. */
  columns: Array<Slice> = [];
  parentColumns: Array<Slice> = [];

  constructor(
    public childName: Slice,
    public parentName: Slice,
    /** Null where the table is not tracked. */
    public child: Table | null,
    public parent: Table | null,
    /** ON DELETE: one of ACTION_*; RESTRICT and NO ACTION are ACTION_NONE. */
    public onDelete: i32,
  ) {}

  /** For each key column of the parent the place of its referencing column in `columns`; null when others are referred to. */
  keyPlaces(): Array<i32> | null {
    const parent = this.parent;
    if (parent == null || parent.keys.length != this.parentColumns.length) return null;
    const places: Array<i32> = [];
    for (let k = 0; k < parent.keys.length; k++) {
      for (let i = 0; i < this.parentColumns.length; i++) {
        if (this.parentColumns[i].equalsIgnoreCase(parent.keys[k].name)) places.push(i);
      }
      if (places.length != k + 1) return null;
    }
    return places;
  }

  /** Appends "<parent>.to0=<child>.from0 AND ...": in this order, because the parent's collation counts. */
  join(sql: Text, parent: string, child: string): Text {
    for (let i = 0; i < this.columns.length; i++) {
      sql
        .add(i > 0 ? ' AND ' : '')
        .add(parent)
        .add('.')
        .name(this.parentColumns[i]);
      sql.add('=').add(child).add('.').name(this.columns[i]);
    }
    return sql;
  }
}

function actionOf(name: Slice): i32 {
  if (name.is('CASCADE')) return ACTION_CASCADE;
  if (name.is('SET NULL')) return ACTION_SET_NULL;
  return name.is('SET DEFAULT') ? ACTION_SET_DEFAULT : ACTION_NONE;
}

/** True when PRAGMA foreign_keys is on. */
export function foreignKeysEnforced(): bool {
  return queryInteger(new Text().add('PRAGMA foreign_keys'), 0) != 0;
}

/** A reference without columns means the parent's primary key. */
function completeReference(key: ForeignKey): void {
  if (key.parentColumns.length > 0) return;
  const keys: Array<Column> = [];
  readColumns(key.parentName, keys);
  for (let i = 0; i < keys.length; i++) key.parentColumns.push(keys[i].name);
}

/** All foreign keys whose child or parent is one of `tables`. References that name no such columns are left out. */
export function readForeignKeys(tables: Array<Table>): Array<ForeignKey> {
  const list: Array<ForeignKey> = [];
  const statement = new Statement(
    new Text(512).add(
      'SELECT s.name, f."table", f.seq, f."from", f."to", f.on_delete FROM main.sqlite_schema AS s,' +
        " pragma_foreign_key_list(s.name, 'main') AS f WHERE s.type='table' ORDER BY s.name, f.id, f.seq",
    ),
  );
  while (statement.step()) {
    if (statement.columnInteger(2) == 0) {
      const child = statement.columnBytes(0);
      const parent = statement.columnBytes(1);
      list.push(
        new ForeignKey(
          child,
          parent,
          findTable(tables, child),
          findTable(tables, parent),
          actionOf(statement.columnBytes(5)),
        ),
      );
    }
    const key = list[list.length - 1];
    key.columns.push(statement.columnBytes(3));
    if (!statement.isNull(4)) key.parentColumns.push(statement.columnBytes(4));
  }
  statement.close();
  return complete(list);
}

function complete(list: Array<ForeignKey>): Array<ForeignKey> {
  const wanted: Array<ForeignKey> = [];
  for (let i = 0; i < list.length && !hasFailed(); i++) {
    const key = list[i];
    if (key.child == null && key.parent == null) continue;
    const child: Table | null = key.child;
    const parent: Table | null = key.parent;
    if ((child != null && !child.open()) || (parent != null && !parent.open())) break;
    completeReference(key);
    if (key.columns.length == key.parentColumns.length) wanted.push(key);
  }
  return wanted;
}
