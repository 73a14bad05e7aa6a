/**
 * held_values.ts: the values of a held row as columns of a statement, so that a feed reads them like those of a row
 * that is in its table.
 */
import { HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { bindValue } from '../bytes/value';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

export class HeldValues {
  private echo: Statement;
  private values: ColumnSet;

  constructor(private table: Table) {
    const sql = new Text(256).add('SELECT ?1');
    for (let i = 1; i < table.columns.length; i++) sql.add(',?').number(i + 1);
    this.echo = new Statement(sql);
    this.values = new ColumnSet(table.width);
  }

  get handle(): i32 {
    return this.echo.handle;
  }

  /** Reads the values of the row with that encoded key. False when it is not held, and on errors. */
  seek(held: HeldRows, key: usize): bool {
    const mark = arenaMark();
    this.echo.reset();
    const found = held.read(key, this.values);
    for (let i = 0; found && i < this.table.columns.length; i++) {
      if (this.values.value(i) != 0) bindValue(this.echo, i + 1, this.values.value(i));
    }
    const ready = found && this.echo.step();
    arenaRelease(mark);
    return ready;
  }

  /** True when the row has a value for the column. */
  knows(index: i32): bool {
    return this.values.value(index) != 0;
  }

  close(): void {
    this.echo.close();
  }
}
