/** conflict_functions.ts: cloudsync_restore: writes a value that lost against a concurrent write back. */
import { conflictsExist } from '../catalog/conflicts';
import { Table } from '../catalog/table';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { bindKey } from '../clock/keys';
import { result_integer, sql_changes } from '../host';
import { beginTrackedOperation, endOperation, tables } from '../operation';
import { VALUE_MAX } from '../packet/limits';
import { fail, failWithSql, hasFailed, SQLITE_DONE } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { argumentInteger } from './arguments';

/** An entry of cloudsync_conflicts, as far as a restore needs it. */
class Entry {
  constructor(
    public id: i64,
    public tableId: i64,
    public table: Slice,
    public key: Slice,
    public columnId: i32,
    public column: Slice,
  ) {}
}

export function restore(): void {
  const id = argumentInteger(0, 1, 0, 1, i64.MAX_VALUE, 'the id');
  if (hasFailed() || !beginTrackedOperation()) return;
  const entry = readEntry(id);
  const ok = entry != null && writeLoser(entry) && removeEntry(id);
  if (endOperation(ok)) result_integer(1);
}

function readEntry(id: i64): Entry | null {
  let entry: Entry | null = null;
  if (conflictsExist()) {
    const sql = new Text().add('SELECT table_id,tbl,pk,column_id,col_name FROM main.cloudsync_conflicts');
    const statement = new Statement(sql.add(' WHERE id=').number(id));
    if (statement.step()) {
      const key = statement.columnBytes(2);
      const columnId = <i32>statement.columnInteger(3);
      const name = statement.columnBytes(4);
      entry = new Entry(id, statement.columnInteger(0), statement.columnBytes(1), key, columnId, name);
    }
    statement.close();
  }
  if (entry == null) {
    const text = new Text().add('cloudsync_conflicts has no entry ').number(id);
    fail(text.add('; it may have been restored already'));
  }
  return entry;
}

/** The failure of an entry that cannot be restored; `what` goes on after the name of its table. */
function refuse(entry: Entry, what: string): bool {
  const text = new Text().add('conflict ').number(entry.id).add(" cannot be restored: table '");
  return fail(text.bytes(entry.table).add("' ").add(what));
}

function tableOf(entry: Entry): Table | null {
  for (let i = 0; i < tables.length; i++) if (tables[i].id == entry.tableId) return tables[i];
  return null;
}

/** Updates the row as the application would: triggers log it, and it is sent like every other edit. */
function writeLoser(entry: Entry): bool {
  const table = tableOf(entry);
  if (table != null && !table.open()) return false;
  if (table == null || table.missing) return refuse(entry, 'is not synchronised any more');
  if (table.altering) return refuse(entry, 'is being altered: call cloudsync_commit_alter first');
  let index = table.columns.length - 1;
  while (index >= 0 && table.columns[index].id != entry.columnId) index--;
  if (index < 0) return refuse(entry, 'does not have the column any more');
  if (!isKey(entry.key, table)) return refuse(entry, 'has another primary key now');
  const sql = new Text()
    .add('UPDATE OR ABORT ')
    .main(table.name)
    .add(' SET ')
    .name(table.columns[index].name);
  sql.add('=(SELECT loser FROM main.cloudsync_conflicts WHERE id=').number(entry.id).add(') WHERE ');
  for (let i = 0; i < table.keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .name(table.keys[i].name)
      .add('=?')
      .number(i + 1);
  }
  const statement = new Statement(sql);
  bindKey(statement, 1, table, entry.key.pointer);
  const code = statement.attemptToRun();
  statement.close();
  if (code != SQLITE_DONE) return failWithSql(code, 'restoring a value');
  if (sql_changes() > 0) return true;
  return refuse(entry, 'does not have the row any more; insert it again, or delete the entry');
}

/** The entry lies in a table that any program may write to. */
function isKey(key: Slice, table: Table): bool {
  const reader = new Reader(key.pointer, key.pointer + key.size);
  for (let i = 0; i < table.keys.length; i++) reader.value(VALUE_MAX);
  return !reader.bad && reader.left == 0;
}

function removeEntry(id: i64): bool {
  return execute(new Text().add('DELETE FROM main.cloudsync_conflicts WHERE id=').number(id));
}
