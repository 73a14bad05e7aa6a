/**
 * row_walk.ts: walks over rows of one of our tables beside a tracked table (its clocks, its log) in their order, and
 * knows for each whether its row is in the data table. One statement joins the two; where the data rows follow one
 * another in the same order, two statements go beside each other instead (trail.ts).
 */
import { Table } from '../catalog/table';
import { RowCells } from '../bytes/row_cells';
import { Writer } from '../bytes/writer';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { Trail } from './trail';

export class RowWalk {
  private joined: Statement;
  private alone: Statement = new Statement(null);
  private onTrail: bool = false;
  /** A statement that has come to its end would begin anew. */
  private ended: bool = false;
  private keyCells: RowCells;

  /**
   * Both texts select the rows after ?1. Their columns are the same up to the key, which begins at column `keyAt`; the
   * one before it says whether there is a data row, NULL in `aloneSql`. Rows begin after `start`.
   */
  constructor(
    private table: Table,
    joinedSql: Text,
    private aloneSql: Text,
    private keyAt: i32,
    private trail: Trail | null,
    start: i64,
  ) {
    this.joined = new Statement(joinedSql);
    this.keyCells = new RowCells(table.keys.length);
    this.joined.integer(1, start);
  }

  /** The statement that is on the row. */
  get handle(): i32 {
    return this.onTrail ? this.alone.handle : this.joined.handle;
  }

  /** The data row that `isThere` found is in the trail, not in the joined row. */
  get besideTrail(): bool {
    return this.onTrail;
  }

  /** Goes to the next row; `position` is that of the row where it is. False at the end and on errors. */
  next(position: i64): bool {
    if (!this.onTrail && this.trail != null && this.trail!.active) this.takeTrail(position);
    if (!this.ended) this.ended = this.onTrail ? !this.alone.step() : !this.joined.step();
    return !this.ended;
  }

  private takeTrail(position: i64): void {
    if (this.alone.handle == 0) this.alone.prepare(this.aloneSql);
    this.joined.reset();
    this.alone.integer(1, position);
    this.onTrail = true;
  }

  /** The encoded key of the row. */
  key(): Writer {
    this.keyCells.load(this.handle, this.keyAt);
    const key = new Writer(64);
    for (let i = 0; i < this.table.keys.length; i++) this.keyCells.write(key);
    return key;
  }

  /** True when the row at `position`, which has that key, is in the data table. */
  isThere(position: i64, key: Writer): bool {
    if (this.onTrail && this.trail!.follow(key.start, key.size)) return true;
    if (this.onTrail && !this.leaveTrail(position)) return false;
    const there = this.joined.columnInteger(this.keyAt - 1) != 0;
    if (there && this.trail != null) this.trail!.lookedUp(key.start);
    return there;
  }

  /** Goes on with joined rows, from this one on. */
  private leaveTrail(position: i64): bool {
    this.onTrail = false;
    this.alone.reset();
    return this.moveTo(position);
  }

  /** Goes to the row at `position`, or to the next one behind it. False when there is none, and on errors. */
  moveTo(position: i64): bool {
    this.joined.reset();
    this.ended = !this.joined.integer(1, position - 1).step();
    return !this.ended;
  }

  /** Finalizes the statements. */
  close(): void {
    this.joined.close();
    this.alone.close();
    if (this.trail != null) this.trail!.close();
  }
}

/** Appends the join of the data table, called d, by the keys of the table with the prefix. */
export function joinData(sql: Text, table: Table, prefix: string): Text {
  const keys = table.keys;
  sql.add(' LEFT JOIN ').main(table.name).add(' AS d ON ');
  for (let i = 0; i < keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .add('d.')
      .name(keys[i].name)
      .add('=')
      .add(prefix)
      .add('pk')
      .number(i);
  }
  return sql;
}
