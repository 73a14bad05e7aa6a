/**
 * rejections.ts: what kind of edit the server did not accept. Where this device has written all of a row nobody can
 * tell from the stamps whether the row was there before; that the server shows it, with the answer, tells.
 */
import { findTable } from '../catalog/table';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { tables } from '../operation';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { ensureRejected } from '../catalog/rejected';

/** The number of the newest entry of cloudsync_rejected. Check hasFailed(). */
export function newestRejected(): i64 {
  if (!ensureRejected()) return 0;
  return queryInteger(new Text().add('SELECT max(id) FROM main.cloudsync_rejected'), 0);
}

/** The entries after that one which say insert, and whose rows are here now, become updates. False on errors. */
export function nameOperations(after: i64): bool {
  const sql = new Text().add(
    "SELECT id,tbl,pk FROM main.cloudsync_rejected WHERE operation='insert' AND id>",
  );
  const statement = new Statement(sql.number(after));
  const mark = arenaMark();
  while (statement.step()) {
    const table = findTable(tables, statement.columnBytes(1));
    if (table == null || !table.open() || table.missing) continue;
    const clock = new RowClock(table);
    const clocks = new ClockTable(table, false);
    clocks.read(statement.columnBytes(2).pointer, clock);
    clocks.close();
    if (clock.found && clock.alive) renameOperation(statement.columnInteger(0));
    arenaRelease(mark);
  }
  statement.close();
  return !hasFailed();
}

function renameOperation(id: i64): bool {
  const sql = new Text().add("UPDATE main.cloudsync_rejected SET operation='update' WHERE id=").number(id);
  return execute(sql);
}
