/**
 * feed_rows.ts: reads the clock rows of one table in the order of their seq, or one by one by their keys, with the data
 * row beside each.
 */
import { keyNames } from '../capture/tables';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { RowCells } from '../bytes/row_cells';
import { Writer } from '../bytes/writer';
import { bindKey, whereKey } from '../clock/keys';
import { joinData, RowWalk } from '../clock/row_walk';
import { dataTrail, Trail } from '../clock/trail';
import { sql_column_integer } from '../host';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

/** Tables with more columns than this read their values with a second statement (SQLite: 2,000 result columns). */
const JOIN_COLUMNS_MAX: i32 = 1900;
const KEY_COLUMN: i32 = 6;

export class FeedRows {
  private walk: RowWalk;
  private trail: Trail | null = null;
  /** In a wide table the values. */
  private wide: Statement | null = null;
  private joinedCells: RowCells;
  /** Finds the seq of a row by its key. */
  private places: Statement = new Statement(null);

  /**
   * Rows after `start`; with `onlySite` those that others have written alone are passed over. `inOrder`: they are read
   * by `next`, else by `seek`.
   */
  constructor(
    private table: Table,
    start: i64,
    onlySite: i32,
    inOrder: bool,
  ) {
    const isWide = table.columns.length + table.keys.length > JOIN_COLUMNS_MAX;
    if (isWide) this.wide = new Statement(valuesSql(table));
    let trail: Trail | null = null;
    if (!isWide && inOrder) trail = dataTrail(table, true);
    const joined = selectSql(table, onlySite, true, !isWide);
    const alone = selectSql(table, onlySite, false, false);
    this.joinedCells = new RowCells(table.columns.length);
    this.walk = new RowWalk(table, joined, alone, KEY_COLUMN, trail, start);
    this.trail = trail;
  }

  /** The statement whose first columns are seq, cl, clock, site and cols. */
  get clockHandle(): i32 {
    return this.walk.handle;
  }

  /** Goes to the row after `seq`, which is the one where it is. False at the end and on errors. */
  next(seq: i64): bool {
    return this.walk.next(seq);
  }

  /** Goes to the row with that encoded key. False when it is none of those to be read, and on errors. */
  seek(key: usize): bool {
    const places = this.places;
    if (places.handle == 0) {
      const sql = new Text(256).add('SELECT seq FROM ').main(this.table.clockName).add(' WHERE ');
      places.prepare(whereKey(sql, this.table, 1));
    }
    bindKey(places, 1, this.table, key);
    const seq = places.step() ? places.columnInteger(0) : 0;
    places.reset();
    return seq != 0 && this.walk.moveTo(seq) && sql_column_integer(this.walk.handle, 0) == seq;
  }

  /** The row's encoded key. */
  key(): Writer {
    return this.walk.key();
  }

  /** True when the row with that key, whose seq is `seq`, is in the data table. */
  isThere(seq: i64, key: Writer): bool {
    return this.walk.isThere(seq, key);
  }

  /** The values of the row that is there, in their order; null in a wide table. */
  cells(): RowCells | null {
    if (this.wide != null) return null;
    if (this.walk.besideTrail) return this.trail!.cells;
    this.joinedCells.load(this.walk.handle, this.firstValue);
    return this.joinedCells;
  }

  /** In a wide table the values are read only when they are wanted. False on errors. */
  seekValues(seq: i64): bool {
    const values = this.wide;
    if (values == null) return true;
    values.reset();
    return values.integer(1, seq).step();
  }

  /** The statement and the column of it that has the value of a column. */
  get valueHandle(): i32 {
    if (this.wide != null) return this.wide!.handle;
    return this.walk.besideTrail ? this.trail!.handle : this.walk.handle;
  }

  get firstValue(): i32 {
    if (this.wide != null) return 0;
    return (this.walk.besideTrail ? 0 : KEY_COLUMN) + this.table.keys.length;
  }

  close(): void {
    this.walk.close();
    this.places.close();
    if (this.wide != null) this.wide!.close();
  }
}

function valueNames(sql: Text, table: Table, prefix: string): Text {
  const columns = table.columns;
  for (let i = 0; i < columns.length; i++) {
    if (i > 0) sql.add(',');
    sql.add(prefix).name(columns[i].name);
  }
  return sql;
}

/** seq, cl, clock, site, cols, exists (only where `joined`), pk0.., and the values where they are wanted. */
function selectSql(table: Table, onlySite: i32, joined: bool, withValues: bool): Text {
  const keys = table.keys;
  const sql = new Text(1024).add('SELECT c.seq,c.cl,c.clock,c.site,c.cols,');
  if (joined) sql.add('d.').name(keys[0].name).add(' IS NOT NULL,');
  else sql.add('NULL,');
  keyNames(sql, table, 'c.');
  if (withValues && table.columns.length > 0) valueNames(sql.add(','), table, 'd.');
  sql.add(' FROM ').main(table.clockName).add(' AS c');
  if (joined) joinData(sql, table, 'c.');
  sql.add(' WHERE c.seq>?1');
  if (onlySite != 0 && table.algorithm != ALGORITHM_AWS) {
    // Rows that only others have written are passed over without a look at their data.
    sql.add(' AND (c.site=').number(onlySite).add(' OR c.cols IS NOT NULL)');
  }
  // What was announced before a pause is still sent; what came after it is announced anew by cloudsync_enable.
  if (!table.enabled) sql.add(' AND c.seq<=').number(table.pausedSeq);
  return sql.add(' ORDER BY c.seq');
}

function valuesSql(table: Table): Text {
  const keys = table.keys;
  const sql = valueNames(new Text(4096).add('SELECT '), table, '')
    .add(' FROM ')
    .main(table.name)
    .add(' WHERE ');
  for (let i = 0; i < keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .name(keys[i].name)
      .add('=(SELECT pk')
      .number(i);
    sql.add(' FROM ').main(table.clockName).add(' WHERE seq=?1)');
  }
  return sql;
}
