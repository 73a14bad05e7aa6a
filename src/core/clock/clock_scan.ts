/**
 * clock_scan.ts: walks over the clock rows of a table that changed after some seq, and lets the caller change them.
 * The rows are read one by one, so that writing them back (also under a new seq) does not disturb the walk.
 */
import { keyNames } from '../capture/tables';
import { CLOCK_ALIAS } from '../catalog/filters';
import { Table } from '../catalog/table';
import { writeColumn } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { ClockTable } from './clock_table';
import { RowClock } from './row_clock';

/** Columns seq, cl, clock, site, cols come first, then `outside`. */
const OUTSIDE_COLUMN: i32 = 5;
const KEY_COLUMN: i32 = 6;

export class ClockScan {
  clock: RowClock;
  /** In a table with a filter: what `outside` says of the row (catalog/filters.ts), 0 for NULL. */
  outside: i64 = 0;
  private key: Writer = new Writer(64);
  private next: Statement;
  private clocks: ClockTable;
  private position: i64;

  /** Walks over the rows with `after` < seq <= `upto` for which the SQL condition holds, when there is one. */
  constructor(
    private table: Table,
    after: i64,
    private upto: i64,
    condition: Text | null = null,
  ) {
    this.clock = new RowClock(table);
    this.clocks = new ClockTable(table, false);
    this.position = after;
    const sql = new Text(512).add('SELECT seq,cl,clock,site,cols,');
    keyNames(sql.add(table.filter.size > 0 ? 'outside,' : '0,'), table, '');
    sql.add(' FROM ').main(table.clockName).add(' AS ').add(CLOCK_ALIAS).add(' WHERE seq>?1 AND seq<=?2');
    if (condition != null) sql.add(' AND ').bytes(condition.slice());
    this.next = new Statement(sql.add(' ORDER BY seq LIMIT 1'));
  }

  /** Goes to the next row. False at the end and on errors. */
  advance(): bool {
    const next = this.next;
    let found = next.integer(1, this.position).integer(2, this.upto).step();
    if (found) {
      found = this.clock.read(next.handle, 0);
      this.position = this.clock.seq;
      this.outside = next.columnInteger(OUTSIDE_COLUMN);
      this.key = new Writer(64);
      for (let i = 0; i < this.table.keys.length; i++) writeColumn(this.key, next.handle, KEY_COLUMN + i);
    }
    next.reset();
    return found;
  }

  /** The encoded key of the row. */
  get encodedKey(): Slice {
    return new Slice(this.key.start, this.key.size);
  }

  /** Writes the row back, under the seq that `clock` has now. */
  write(): bool {
    return this.clocks.write(this.key.start, this.clock, this.position);
  }

  close(): void {
    this.next.close();
    this.clocks.close();
  }
}
