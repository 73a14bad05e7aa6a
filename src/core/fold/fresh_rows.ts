/**
 * fresh_rows.ts: the short way for rows that were inserted and not touched again before the fold, which is what loading
 * data in bulk leaves: one INSERT with the clocks of a first insert, and no look-up before it. A row that has clocks
 * already (it was there before, or was deleted) is left alone and goes the long way, see group.ts.
 */
import { keyNames } from '../capture/tables';
import { currentSeq, nextSeq, restoreSeq } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { Table } from '../catalog/table';
import { bindKey } from '../clock/clock_table';
import { stampAllReplacing } from '../clock/replacing';
import { RowClock } from '../clock/row_clock';
import { sql_changes } from '../host';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

export class FreshRows {
  private insertion: Statement;

  constructor(private table: Table) {
    const sql = new Text(512)
      .add('INSERT OR IGNORE INTO ')
      .main(table.clockName)
      .add('(seq,cl,clock,site,cols,');
    keyNames(sql, table, '').add(') VALUES(?1,1,?2,').number(ownSite());
    addExceptions(sql.add(','), table);
    for (let i = 0; i < table.keys.length; i++) sql.add(',?').number(3 + i);
    this.insertion = new Statement(sql.add(')'));
  }

  /**
   * Gives the row with the encoded key at `key` its first clocks: alive, all columns with the stamp `clock` of this
   * site. False when the row has clocks already, and on errors (hasFailed()); then nothing has changed.
   */
  add(key: usize, clock: i64): bool {
    const statement = this.insertion;
    const seq = nextSeq();
    statement.integer(1, seq).integer(2, clock);
    bindKey(statement, 3, this.table, key);
    if (statement.run() && sql_changes() > 0) return true;
    restoreSeq(seq - 1);
    return false;
  }

  /** Finalizes the statement. */
  close(): void {
    this.insertion.close();
  }
}

/** The exceptions of a fresh row: none but its bases, where the table keeps conflicts. */
function addExceptions(sql: Text, table: Table): void {
  if (!table.keepsConflicts || table.keyOnly) {
    sql.add('NULL');
    return;
  }
  const clock = new RowClock(table);
  clock.cl = 1;
  clock.seq = currentSeq();
  stampAllReplacing(table, clock, false, 1, ownSite());
  const cols = clock.pack()!;
  sql.add("X'").hex(cols.start, cols.size).add("'");
}
