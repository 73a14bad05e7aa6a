/**
 * foreign_keys.ts: the foreign keys between the tables of the main database, as far as a tracked table takes part.
 * Read only where a merge needs them: a row has to leave its table or to come back, or a reference is broken.
 */
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { executeUnsettling } from '../sql/transaction';
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
    /** One of ACTION_*; RESTRICT, NO ACTION and what cannot be done to the child are ACTION_NONE. */
    public onDelete: i32,
    public onUpdate: i32,
  ) {}

  /** The child can be given other values in its referencing columns, NULL among them when `asNull`. */
  private isWritable(asNull: bool): bool {
    const child: Table | null = this.child;
    if (child == null) return true;
    for (let i = 0; i < this.columns.length; i++) {
      const index = child.columnIndex(this.columns[i]);
      if (index < 0 || (asNull && isNotNull(child, this.columns[i]))) return false;
    }
    return true;
  }

  /** SQLite refuses actions that cannot be done as it does RESTRICT. */
  dropImpossibleActions(): void {
    const deletion = this.onDelete;
    const deletes = deletion == ACTION_CASCADE || this.isWritable(deletion == ACTION_SET_NULL);
    if (!deletes) this.onDelete = ACTION_NONE;
    if (!this.isWritable(this.onUpdate == ACTION_SET_NULL)) this.onUpdate = ACTION_NONE;
  }

  /**
   * For each key column of the parent the place of its referencing column in `columns`; null when others are referred
   * to.
   */
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

function isNotNull(table: Table, column: Slice): bool {
  const statement = new Statement(
    new Text().add('SELECT 1 FROM pragma_table_info(?1,\'main\') WHERE name=?2 COLLATE NOCASE AND "notnull"'),
  );
  const found = statement.text(1, table.name).text(2, column).step();
  statement.close();
  return found;
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

/** Puts the checks off to the end of the transaction, or no longer. Returns what it was before, -1 on errors. */
export function deferForeignKeys(on: i32): i32 {
  const before = <i32>queryInteger(new Text().add('PRAGMA defer_foreign_keys'), 0);
  if (before != on && !executeUnsettling(new Text().add('PRAGMA defer_foreign_keys=').number(on))) return -1;
  return hasFailed() ? -1 : before;
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
      'SELECT s.name, f."table", f.seq, f."from", f."to", f.on_delete, f.on_update FROM main.sqlite_schema AS s,' +
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
          actionOf(statement.columnBytes(6)),
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
    if (key.columns.length != key.parentColumns.length) continue;
    key.dropImpossibleActions();
    wanted.push(key);
  }
  return wanted;
}
