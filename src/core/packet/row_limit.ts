/**
 * row_limit.ts: how much of a row its table's filter (catalog/filters.ts) lets out. Only feeds of tables that
 * have one ask, row by row, with a statement of their own.
 */
import { addMatch, CLOCK_ALIAS } from '../catalog/filters';
import { Table } from '../catalog/table';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

const NOTHING: i64 = 0;

export class RowLimit {
  private marks: Statement;

  constructor(table: Table) {
    const sql = addMatch(new Text(512).add('SELECT outside,entered,'), table);
    sql.add(' FROM ').main(table.clockName).add(' AS ').add(CLOCK_ALIAS).add(' WHERE seq=?1');
    this.marks = new Statement(sql);
  }

  /**
   * Of the living row at `seq` the columns that changed up to the number returned may leave this device, to a
   * reader who begins after `since`. A row inside that does not match was changed just now, and is not folded
   * yet. One that is not in the data table cannot be judged; its mark holds.
   */
  of(seq: i64, since: i64): i64 {
    const marks = this.marks;
    let limit = NOTHING;
    if (marks.integer(1, seq).step()) {
      if (!marks.isNull(0)) limit = marks.columnInteger(1) <= since ? marks.columnInteger(0) : NOTHING;
      else if (marks.isNull(2) || marks.columnInteger(2) != 0) limit = i64.MAX_VALUE;
    }
    marks.reset();
    return limit;
  }

  close(): void {
    this.marks.close();
  }
}
