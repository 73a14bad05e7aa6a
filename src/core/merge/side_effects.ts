/**
 * side_effects.ts: hiding or showing a row is no edit, but triggers of the application run, because full-text indexes
 * and other untracked things have to follow. What they do to *tracked* rows must be undone: it would be captured as an
 * edit. Which rows that are is known only afterwards, from our logs. So the statement runs twice then: the first time
 * to learn which rows it touches, the second time knowing what these looked like before.
 */
import { keyNames } from '../capture/tables';
import { findTable, loadTables, Table } from '../catalog/table';
import { HeldRows } from '../catalog/held_rows';
import { ColumnSet } from '../bytes/column_set';
import { writeColumn } from '../bytes/msgpack';
import { Writer } from '../bytes/writer';
import { bindKey, whereKey } from '../clock/keys';
import { hasFailed, SQLITE_DONE } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { DataTable } from './data_table';
import { TriggerSwitch } from './trigger_switch';

const EFFECTS_SAVEPOINT = 'cloudsync_effects';

/** What became of the statement. */
export const KEPT: i32 = 0;
/** It is undone, and to be run again. */
export const AGAIN: i32 = 1;
/** It is undone; the caller does it without triggers. Also on errors. */
export const UNDONE: i32 = 2;

/** A tracked row that the triggers have written to, as it was before. */
class Touched {
  present: bool = false;
  constructor(
    public table: Table,
    public key: Writer,
    public values: ColumnSet,
  ) {}
}

export class SideEffects {
  /** The newest entry of each table's log before the statement. */
  private ends: StaticArray<i64>;
  private touched: Array<Touched> = [];

  constructor(
    private tables: Array<Table>,
    private triggers: TriggerSwitch,
  ) {
    this.ends = new StaticArray<i64>(tables.length);
  }

  /** Before the statement. */
  begin(): bool {
    this.touched = [];
    for (let i = 0; i < this.tables.length; i++) {
      const newest = new Text().add('SELECT max(seq) FROM ').main(this.tables[i].logName);
      this.ends[i] = queryInteger(newest, 0);
    }
    return savepoint(EFFECTS_SAVEPOINT);
  }

  /** After the statement about the row `key` of `table`, which was `done` or refused. */
  end(done: bool, table: Table, key: usize): i32 {
    if (!done || !this.dropEntries(table, key)) return this.undo(UNDONE);
    const before = this.touched;
    const now = this.entries();
    if (now.length == 0) return releaseSavepoint(EFFECTS_SAVEPOINT) ? KEPT : UNDONE;
    if (before.length == 0) {
      this.touched = now;
      if (this.undo(AGAIN) != AGAIN || !this.remember() || !savepoint(EFFECTS_SAVEPOINT)) return UNDONE;
      return AGAIN;
    }
    if (!this.restore() || this.entries().length > 0) return this.undo(UNDONE);
    return releaseSavepoint(EFFECTS_SAVEPOINT) ? KEPT : UNDONE;
  }

  private undo(result: i32): i32 {
    return rollbackToSavepoint(EFFECTS_SAVEPOINT) && !hasFailed() ? result : UNDONE;
  }

  /** Deletes the log's entries about a row that the statement has made. */
  private dropEntries(table: Table, key: usize): bool {
    const sql = new Text(256).add('DELETE FROM ').main(table.logName).add(' WHERE seq>?1 AND ');
    const statement = new Statement(whereKey(sql, table, 2));
    for (let i = 0; i < this.tables.length; i++) {
      if (this.tables[i].id == table.id) statement.integer(1, this.ends[i]);
    }
    bindKey(statement, 2, table, key);
    const ok = statement.run();
    statement.close();
    return ok;
  }

  /** The rows that the logs name since. */
  private entries(): Array<Touched> {
    const list: Array<Touched> = [];
    for (let i = 0; i < this.tables.length && !hasFailed(); i++) {
      const newest = new Text().add('SELECT max(seq) FROM ').main(this.tables[i].logName);
      if (queryInteger(newest, 0) <= this.ends[i]) continue;
      // Opened anew: what a table gets here is released with the row, and the list belongs to all rows.
      const table = findTable(loadTables(), this.tables[i].name);
      if (table == null || !table.open()) continue;
      const sql = keyNames(new Text(256).add('SELECT DISTINCT '), table, '')
        .add(' FROM ')
        .main(table.logName);
      const statement = new Statement(sql.add(' WHERE seq>?1'));
      statement.integer(1, this.ends[i]);
      while (statement.step()) {
        const key = new Writer(64);
        for (let k = 0; k < table.keys.length; k++) writeColumn(key, statement.handle, k);
        list.push(new Touched(table, key, new ColumnSet(table.width)));
      }
      statement.close();
    }
    return list;
  }

  /** Reads what the touched rows look like without the statement. */
  private remember(): bool {
    for (let i = 0; i < this.touched.length && !hasFailed(); i++) {
      const row = this.touched[i];
      const data = new DataTable(row.table, false);
      row.present = data.read(row.key.start, row.values);
      data.close();
    }
    return !hasFailed();
  }

  /** Gives the touched rows that look again, and forgets what was logged about them. */
  private restore(): bool {
    this.triggers.pause();
    let ok = true;
    for (let i = 0; ok && i < this.touched.length; i++) {
      const row = this.touched[i];
      const data = new DataTable(row.table, false);
      const key = row.key.start;
      // It is being hidden too, and a foreign key's action was quicker.
      if (row.present && new HeldRows(row.table).has(key)) row.present = false;
      ok = (row.present ? data.upsert(key, row.values) : data.remove(key)) == SQLITE_DONE;
      data.close();
      ok = ok && this.dropEntries(row.table, key);
    }
    this.triggers.resume();
    return ok && !hasFailed();
  }
}
