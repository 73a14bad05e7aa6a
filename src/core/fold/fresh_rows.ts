/**
 * fresh_rows.ts: the short way for rows that were inserted and not touched again before the fold, which is what loading
 * data in bulk leaves: one INSERT with the clocks of a first insert, for many rows at once, and no look-up before it.
 * A row that has clocks already (it was there before, or was deleted) is left alone and goes the long way: group.ts.
 */
import { keyNames } from '../capture/tables';
import { currentSeq, nextSeq, restoreSeq, takeSeqs } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { Table } from '../catalog/table';
import { bindKey } from '../clock/keys';
import { stampAllReplacing } from '../clock/replacing';
import { RowClock } from '../clock/row_clock';
import { sql_changes } from '../host';
import { arenaAllocate } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';

/** Rows that one statement writes: each execution of a statement costs as much as half a row. */
export const FRESH_BATCH: i32 = 16;

export class FreshRows {
  private insertion: Statement = new Statement(null);
  private batch: Statement = new Statement(null);
  /** What each row of a batch has beside its number and its key. */
  private sameForAll: Text;
  /** Address of the key and clock of each row of the batch. */
  private rows: usize = arenaAllocate(FRESH_BATCH * 16);

  constructor(private table: Table) {
    this.sameForAll = addExceptions(new Text(64).number(ownSite()).add(','), table);
  }

  private prepare(statement: Statement, rows: i32): void {
    const keys = this.table.keys.length;
    const sql = new Text(1024)
      .add('INSERT OR IGNORE INTO ')
      .main(this.table.clockName)
      .add('(site,cols,cl,seq,clock,');
    keyNames(sql, this.table, '').add(') VALUES');
    for (let row = 0; row < rows; row++) {
      sql
        .add(row > 0 ? ',(' : '(')
        .bytes(this.sameForAll.slice())
        .add(',1');
      for (let i = 0; i < 2 + keys; i++) sql.add(',?').number(row * (2 + keys) + i + 1);
      sql.add(')');
    }
    statement.prepare(sql);
  }

  /**
   * Gives the row with the encoded key at `key` its first clocks: alive, all columns with the stamp `clock` of this
   * site. False when the row has clocks already, and on errors (hasFailed()); then nothing has changed.
   */
  add(key: usize, clock: i64): bool {
    const statement = this.insertion;
    if (statement.handle == 0) this.prepare(statement, 1);
    const seq = nextSeq();
    statement.integer(1, seq).integer(2, clock);
    bindKey(statement, 3, this.table, key);
    if (statement.run() && sql_changes() > 0) return true;
    restoreSeq(seq - 1);
    return false;
  }

  /** Names a row of the next batch. */
  put(index: i32, key: usize, clock: i64): void {
    store<u64>(this.rows + index * 16, key);
    store<i64>(this.rows + index * 16 + 8, clock);
  }

  /** As `add` for all rows of the batch, in their order. False when any of them has clocks already. */
  addAll(): bool {
    const statement = this.batch;
    if (statement.handle == 0) this.prepare(statement, FRESH_BATCH);
    const before = takeSeqs(FRESH_BATCH);
    const width = 2 + this.table.keys.length;
    for (let i = 0; i < FRESH_BATCH; i++) {
      const row = this.rows + i * 16;
      statement.integer(i * width + 1, before + i + 1).integer(i * width + 2, load<i64>(row + 8));
      bindKey(statement, i * width + 3, this.table, <usize>load<u64>(row));
    }
    if (statement.run() && sql_changes() == FRESH_BATCH) return true;
    return hasFailed() ? false : this.takeBack(before);
  }

  private takeBack(before: i64): bool {
    execute(new Text().add('DELETE FROM ').main(this.table.clockName).add(' WHERE seq>').number(before));
    restoreSeq(before);
    return false;
  }

  /** Finalizes the statements. */
  close(): void {
    this.insertion.close();
    this.batch.close();
  }
}

/** The exceptions of a fresh row: none but its bases, where the table keeps conflicts. */
function addExceptions(sql: Text, table: Table): Text {
  if (!table.keepsConflicts || table.keyOnly) return sql.add('NULL');
  const clock = new RowClock(table);
  clock.cl = 1;
  clock.seq = currentSeq();
  stampAllReplacing(table, clock, false, 1, ownSite());
  const cols = clock.pack()!;
  return sql.add("X'").hex(cols.start, cols.size).add("'");
}
