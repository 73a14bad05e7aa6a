/**
 * clock_table.ts: the statements on the clock table of one tracked table, prepared when first used.
 */
import { keyNames } from '../capture/tables';
import { Table } from '../catalog/table';
import { SQLITE_DONE } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { bindKey, keySize, whereKey } from './keys';
import { RowClock } from './row_clock';
import { clockTrail, Trail } from './trail';

export class ClockTable {
  private lookup: Statement = new Statement(null);
  private insertion: Statement = new Statement(null);
  private change: Statement = new Statement(null);
  private removal: Statement = new Statement(null);
  private trail: Trail | null;

  /** `many`: many rows will be read, perhaps in the order in which they were written. */
  constructor(
    private table: Table,
    many: bool,
  ) {
    this.trail = many ? clockTrail(table) : null;
  }

  /** Reads the clocks of the row with that key. False on errors only; see `clock.found`. */
  read(key: usize, clock: RowClock): bool {
    const trail = this.trail;
    const size = keySize(this.table, key);
    if (trail != null && trail.follow(key, size)) return clock.read(trail.handle, this.table.keys.length);
    const statement = this.lookup;
    if (statement.handle == 0) statement.prepare(lookupSql(this.table));
    bindKey(statement, 1, this.table, key);
    const found = statement.step();
    let ok = found || statement.code == SQLITE_DONE;
    if (found) ok = clock.read(statement.handle, 0);
    else clock.clear();
    statement.reset();
    if (found && trail != null) trail.lookedUp(key);
    return ok;
  }

  /**
   * Writes the clocks of a row. `oldSeq` is the seq under which the row stands now (clock.found), `clock.seq` the new
   * one. False on errors.
   */
  write(key: usize, clock: RowClock, oldSeq: i64): bool {
    const statement = clock.found ? this.change : this.insertion;
    if (statement.handle == 0)
      statement.prepare(clock.found ? changeSql(this.table) : insertionSql(this.table));
    const cols = clock.pack();
    statement.integer(1, clock.seq).integer(2, clock.cl).integer(3, clock.clock).integer(4, clock.site);
    if (cols == null) statement.nothing(5);
    else statement.blob(5, cols.start, cols.size);
    if (clock.found) statement.integer(6, oldSeq);
    else bindKey(statement, 6, this.table, key);
    return statement.run();
  }

  /** Forgets the row with that key. False on errors. */
  remove(key: usize): bool {
    const statement = this.removal;
    if (statement.handle == 0) {
      const sql = new Text().add('DELETE FROM ').main(this.table.clockName).add(' WHERE ');
      statement.prepare(whereKey(sql, this.table, 1));
    }
    bindKey(statement, 1, this.table, key);
    return statement.run();
  }

  /** Finalizes the statements. */
  close(): void {
    this.removal.close();
    this.lookup.close();
    this.insertion.close();
    this.change.close();
    if (this.trail != null) this.trail!.close();
  }
}

function lookupSql(table: Table): Text {
  const sql = new Text().add('SELECT seq,cl,clock,site,cols FROM ').main(table.clockName).add(' WHERE ');
  return whereKey(sql, table, 1);
}

function insertionSql(table: Table): Text {
  const sql = new Text().add('INSERT INTO ').main(table.clockName).add('(seq,cl,clock,site,cols,');
  keyNames(sql, table, '').add(') VALUES(?1,?2,?3,?4,?5');
  for (let i = 0; i < table.keys.length; i++) sql.add(',?').number(6 + i);
  return sql.add(')');
}

function changeSql(table: Table): Text {
  const sql = new Text().add('UPDATE ').main(table.clockName);
  return sql.add(' SET seq=?1,cl=?2,clock=?3,site=?4,cols=?5 WHERE seq=?6');
}
