/**
 * clock_table.ts: the statements on the clock table of one tracked table, prepared when first used.
 */
import { keyNames } from '../capture/tables';
import { Table } from '../catalog/table';
import { bindValue, valueSize } from '../bytes/value';
import { SQLITE_DONE } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { RowClock } from './row_clock';

/** Binds the key values at `key` (encoded one after another) to consecutive parameters. */
export function bindKey(statement: Statement, first: i32, table: Table, key: usize): void {
  let at = key;
  for (let i = 0; i < table.keys.length; i++) {
    bindValue(statement, first + i, at);
    at += valueSize(at);
  }
}

/** Appends "pk0=?<first> AND pk1=?..." */
export function whereKey(text: Text, table: Table, first: i32): Text {
  for (let i = 0; i < table.keys.length; i++) {
    if (i > 0) text.add(' AND ');
    text
      .add('pk')
      .number(i)
      .add('=?')
      .number(first + i);
  }
  return text;
}

export class ClockTable {
  private lookup: Statement;
  private insertion: Statement;
  private change: Statement;

  constructor(private table: Table) {
    const keys = table.keys.length;
    const select = new Text().add('SELECT seq,cl,clock,site,cols FROM ').main(table.clockName).add(' WHERE ');
    this.lookup = new Statement(whereKey(select, table, 1));
    const insert = new Text().add('INSERT INTO ').main(table.clockName).add('(seq,cl,clock,site,cols,');
    keyNames(insert, table, '').add(') VALUES(?1,?2,?3,?4,?5');
    for (let i = 0; i < keys; i++) insert.add(',?').number(6 + i);
    this.insertion = new Statement(insert.add(')'));
    const update = new Text().add('UPDATE ').main(table.clockName);
    this.change = new Statement(update.add(' SET seq=?1,cl=?2,clock=?3,site=?4,cols=?5 WHERE seq=?6'));
  }

  /** Reads the clocks of the row with that key. False on errors only; see `clock.found`. */
  read(key: usize, clock: RowClock): bool {
    const statement = this.lookup;
    bindKey(statement, 1, this.table, key);
    const found = statement.step();
    let ok = found || statement.code == SQLITE_DONE;
    if (found) ok = clock.read(statement.handle, 0);
    else clock.clear();
    statement.reset();
    return ok;
  }

  /**
   * Writes the clocks of a row. `oldSeq` is the seq under which the row stands now (clock.found), `clock.seq` the new
   * one. False on errors.
   */
  write(key: usize, clock: RowClock, oldSeq: i64): bool {
    const statement = clock.found ? this.change : this.insertion;
    const cols = clock.pack();
    statement.integer(1, clock.seq).integer(2, clock.cl).integer(3, clock.clock).integer(4, clock.site);
    if (cols == null) statement.nothing(5);
    else statement.blob(5, cols.start, cols.size);
    if (clock.found) statement.integer(6, oldSeq);
    else bindKey(statement, 6, this.table, key);
    return statement.run();
  }

  /** Finalizes the statements. */
  close(): void {
    this.lookup.close();
    this.insertion.close();
    this.change.close();
  }
}
