/**
 * side_effects.ts: runs one statement with the triggers of the application on, and finds out whether they wrote to
 * tracked tables: then the statement is undone, and the caller does it without triggers.
 */
import { Table } from '../catalog/table';
import { bindKey, whereKey } from '../clock/clock_table';
import { hasFailed } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';

const EFFECTS_SAVEPOINT = 'cloudsync_effects';

function logEnd(table: Table): i64 {
  return queryInteger(new Text().add('SELECT max(seq) FROM ').main(table.logName), 0);
}

export class SideEffects {
  /** The newest entry of each table's log before the statement. */
  private ends: StaticArray<i64>;

  constructor(private tables: Array<Table>) {
    this.ends = new StaticArray<i64>(tables.length);
  }

  begin(): bool {
    for (let i = 0; i < this.tables.length; i++) this.ends[i] = logEnd(this.tables[i]);
    return savepoint(EFFECTS_SAVEPOINT);
  }

  /**
   * After the statement about the row `key` of `table`. True when it stands: it was done, and nothing was logged but
   * that row, whose entries are dropped. Otherwise it is undone.
   */
  end(done: bool, table: Table, key: usize): bool {
    if (done && this.dropOwn(table, key) && !this.somethingLogged())
      return releaseSavepoint(EFFECTS_SAVEPOINT);
    rollbackToSavepoint(EFFECTS_SAVEPOINT);
    return false;
  }

  private dropOwn(table: Table, key: usize): bool {
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

  private somethingLogged(): bool {
    for (let i = 0; i < this.tables.length && !hasFailed(); i++) {
      if (logEnd(this.tables[i]) > this.ends[i]) return true;
    }
    return false;
  }
}
