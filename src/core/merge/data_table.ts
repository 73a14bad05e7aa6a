/**
 * data_table.ts: reads and writes rows of the user's table during a merge: one statement per row, whatever number of
 * columns it touches. Statements are kept by the set of columns that they write.
 */
import { Table } from '../catalog/table';
import { bindKey, keySize } from '../clock/keys';
import { dataTrail, Trail } from '../clock/trail';
import { ColumnSet } from '../bytes/column_set';
import { bindValue } from '../bytes/value';
import { RowCells } from '../bytes/row_cells';
import { Writer } from '../bytes/writer';
import { Statement } from '../sql/statement';
import { SQLITE_CONSTRAINT, SQLITE_DONE, SQLITE_MISMATCH, SQLITE_TOOBIG } from '../sql/failure';
import { Text } from '../sql/text';
import { arenaAllocate } from '../runtime/arena';

/** A statement and the columns it writes, one byte each. */
class Prepared {
  constructor(
    public statement: Statement,
    public columns: usize,
  ) {}
}

const PREPARED_MAX: i32 = 16;

export class DataTable {
  private upserts: Array<Prepared> = [];
  private updates: Array<Prepared> = [];
  private removal: Statement = new Statement(null);
  private selection: Statement = new Statement(null);
  private trail: Trail | null;
  private cells: RowCells;

  /** `many`: many rows will be read, perhaps in the order in which they were written. */
  constructor(
    private table: Table,
    many: bool,
  ) {
    this.trail = many ? dataTrail(table, true) : null;
    this.cells = new RowCells(table.columns.length);
  }

  private whereKey(sql: Text): Text {
    return whereKeys(sql, this.table);
  }

  private nameKeys(sql: Text): Text {
    const keys = this.table.keys;
    for (let i = 0; i < keys.length; i++) sql.add(i > 0 ? ',' : '').name(keys[i].name);
    return sql;
  }

  /** Key parameters come first, then the set's columns in ascending order. */
  private upsertSql(set: ColumnSet): Text {
    const columns = this.table.columns;
    const keys = this.table.keys.length;
    const sql = this.nameKeys(new Text(1024).add('INSERT OR ABORT INTO ').main(this.table.name).add('('));
    for (let i = 0; i < columns.length; i++) if (set.value(i) != 0) sql.add(',').name(columns[i].name);
    sql.add(') VALUES(?1');
    for (let i = 1; i < keys + set.count; i++) sql.add(',?').number(i + 1);
    this.nameKeys(sql.add(') ON CONFLICT(')).add(') DO ');
    if (set.count == 0) return sql.add('NOTHING');
    let first = true;
    for (let i = 0; i < columns.length; i++) {
      if (set.value(i) == 0) continue;
      sql
        .add(first ? 'UPDATE SET ' : ',')
        .name(columns[i].name)
        .add('=excluded.')
        .name(columns[i].name);
      first = false;
    }
    return sql;
  }

  private updateSql(set: ColumnSet): Text {
    const columns = this.table.columns;
    const keys = this.table.keys.length;
    const sql = new Text(1024).add('UPDATE OR ABORT ').main(this.table.name);
    let parameter = keys;
    for (let i = 0; i < columns.length; i++) {
      if (set.value(i) == 0) continue;
      sql
        .add(parameter == keys ? ' SET ' : ',')
        .name(columns[i].name)
        .add('=?')
        .number(++parameter);
    }
    return this.whereKey(sql);
  }

  /** As updateSql; the columns that are not in the set get their defaults. */
  private overwriteSql(set: ColumnSet): Text {
    const columns = this.table.columns;
    let parameter = this.table.keys.length;
    const sql = new Text(1024).add('UPDATE OR ABORT ').main(this.table.name);
    for (let i = 0; i < columns.length; i++) {
      sql
        .add(i == 0 ? ' SET ' : ',')
        .name(columns[i].name)
        .add('=');
      if (set.value(i) != 0) sql.add('?').number(++parameter);
      else if (columns[i].defaultExpression.size > 0)
        sql.add('(').bytes(columns[i].defaultExpression).add(')');
      else sql.add('NULL');
    }
    return this.whereKey(sql);
  }

  private prepared(list: Array<Prepared>, set: ColumnSet, insert: bool): Statement {
    const width = set.width;
    for (let i = 0; i < list.length; i++) if (sameColumns(list[i].columns, set)) return list[i].statement;
    const statement = new Statement(insert ? this.upsertSql(set) : this.updateSql(set));
    const columns = arenaAllocate(width);
    for (let i = 0; i < width; i++) store<u8>(columns + i, set.value(i) != 0 ? 1 : 0);
    if (list.length == PREPARED_MAX) list.shift().statement.close();
    list.push(new Prepared(statement, columns));
    return statement;
  }

  private write(statement: Statement, key: usize, set: ColumnSet): i32 {
    bindKey(statement, 1, this.table, key);
    let parameter = this.table.keys.length;
    for (let i = 0; i < set.width; i++)
      if (set.value(i) != 0) bindValue(statement, ++parameter, set.value(i));
    return finish(statement);
  }

  /** Inserts the row, or sets the columns of the set when it is there. Returns an SQLite result code; 101 = done. */
  upsert(key: usize, set: ColumnSet): i32 {
    return this.write(this.prepared(this.upserts, set, true), key, set);
  }

  update(key: usize, set: ColumnSet): i32 {
    return this.write(this.prepared(this.updates, set, false), key, set);
  }

  /** Gives a row that is there the values of another generation of it. */
  overwrite(key: usize, set: ColumnSet): i32 {
    if (this.table.keyOnly) return SQLITE_DONE;
    const statement = new Statement(this.overwriteSql(set));
    const code = this.write(statement, key, set);
    statement.close();
    return code;
  }

  remove(key: usize): i32 {
    const statement = this.removal;
    if (statement.handle == 0)
      statement.prepare(this.whereKey(new Text().add('DELETE FROM ').main(this.table.name)));
    bindKey(statement, 1, this.table, key);
    return finish(statement);
  }

  /**
   * Reads the row's columns as encoded values into `target`; false when the row is not there, or on errors. The values
   * lie in the arena.
   */
  read(key: usize, target: ColumnSet): bool {
    const trail = this.trail;
    if (trail != null && trail.follow(key, keySize(this.table, key))) {
      this.collect(trail.cells, target);
      return true;
    }
    const statement = this.selection;
    if (statement.handle == 0) statement.prepare(selectSql(this.table));
    bindKey(statement, 1, this.table, key);
    const found = statement.step();
    if (found) {
      this.cells.load(statement.handle, 0);
      this.collect(this.cells, target);
    }
    statement.reset();
    if (found && trail != null) trail.lookedUp(key);
    return found;
  }

  /**
   * True when the row would have the same value in that column if it were given this one: where the column's affinity
   * makes one value of another type out of what it is given.
   */
  wouldKeep(key: usize, column: i32, value: usize): bool {
    const name = this.table.columns[column].name;
    const sql = new Text(256).add('SELECT 1 FROM ').main(this.table.name);
    // COLLATE changes the comparison of texts and leaves the affinity of the column.
    this.whereKey(sql)
      .add(' AND ')
      .name(name)
      .add(' COLLATE BINARY IS ?')
      .number(this.table.keys.length + 1);
    const statement = new Statement(sql);
    bindKey(statement, 1, this.table, key);
    bindValue(statement, this.table.keys.length + 1, value);
    const same = statement.step();
    statement.close();
    return same;
  }

  private collect(cells: RowCells, target: ColumnSet): void {
    const columns = this.table.columns.length;
    const offsets = new StaticArray<u32>(columns);
    const values = new Writer(256);
    for (let i = 0; i < columns; i++) {
      offsets[i] = values.size;
      cells.write(values);
    }
    target.clear();
    for (let i = 0; i < columns; i++) target.put(i, values.start + offsets[i]);
  }

  /** Finalizes the statements. */
  close(): void {
    for (let i = 0; i < this.upserts.length; i++) this.upserts[i].statement.close();
    for (let i = 0; i < this.updates.length; i++) this.updates[i].statement.close();
    this.removal.close();
    this.selection.close();
    if (this.trail != null) this.trail!.close();
  }
}

/** True for the codes with which a table refuses a row by itself. */
export function isRefusal(code: i32): bool {
  const kind = code & 0xff;
  return kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH || kind == SQLITE_TOOBIG;
}

function sameColumns(columns: usize, set: ColumnSet): bool {
  for (let i = 0; i < set.width; i++) {
    if ((load<u8>(columns + i) != 0) != (set.value(i) != 0)) return false;
  }
  return true;
}

/** Runs to the end. The connection keeps the message of an error over the reset. */
function finish(statement: Statement): i32 {
  const code = statement.attemptToRun();
  statement.reset();
  return code;
}

/** Appends WHERE key=?1 AND .. */
function whereKeys(sql: Text, table: Table): Text {
  for (let i = 0; i < table.keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : ' WHERE ')
      .name(table.keys[i].name)
      .add('=?')
      .number(i + 1);
  }
  return sql;
}

function selectSql(table: Table): Text {
  const sql = new Text(1024).add('SELECT ');
  if (table.keyOnly) sql.add('1');
  for (let i = 0; i < table.columns.length; i++) sql.add(i > 0 ? ',' : '').name(table.columns[i].name);
  return whereKeys(sql.add(' FROM ').main(table.name), table);
}
