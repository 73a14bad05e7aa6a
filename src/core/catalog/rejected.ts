/**
 * rejected.ts: the table cloudsync_rejected: edits of this device that it has given up, because the server did not
 * accept them or because their row left what this device may see. Nothing of them is in the tables any more; an
 * application may show them, write them anew and delete the entries as it likes.
 *
 *     id         grows, never used again
 *     tbl, pk    the row, its key values as msgpack items one after another
 *     operation  insert, update or delete
 *     columns    JSON object: the values that the edit had given, by the names of their columns
 *     code       denied, constraint, clock (the server's verdict), left
 *     reason     in words
 *     at         when, in milliseconds since 1970
 */
import { time_microseconds } from '../host';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { executeLiteral, queryInteger, Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';

/** Makes the table when it is missing: databases of older versions have none. Inside a write transaction. */
export function ensureRejected(): bool {
  return executeLiteral(
    'CREATE TABLE IF NOT EXISTS main.cloudsync_rejected(id INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL,' +
      ' pk BLOB NOT NULL, operation TEXT NOT NULL, columns TEXT NOT NULL, code TEXT NOT NULL,' +
      ' reason TEXT NOT NULL, at INTEGER NOT NULL)',
  );
}

function rejectedExists(): bool {
  const sql = new Text().add(
    "SELECT 1 FROM main.sqlite_schema WHERE type='table' AND name='cloudsync_rejected'",
  );
  return queryInteger(sql, 0) != 0;
}

/** Number of entries. Check hasFailed(). */
export function rejectedCount(): i64 {
  if (!rejectedExists()) return 0;
  return queryInteger(new Text().add('SELECT count(*) FROM main.cloudsync_rejected'), 0);
}

/** Adds an entry. False on errors. */
export function addRejected(
  table: Slice,
  key: Slice,
  operation: string,
  columns: Slice,
  code: Slice,
  reason: Slice,
): bool {
  if (!ensureRejected()) return false;
  const sql = new Text(256).add(
    'INSERT INTO main.cloudsync_rejected(tbl,pk,operation,columns,code,reason,at)',
  );
  const statement = new Statement(sql.add(' VALUES(?1,?2,?3,?4,?5,?6,?7)'));
  statement.text(1, table).blob(2, key.pointer, key.size).text(3, sliceOf(operation)).text(4, columns);
  const ok = statement
    .text(5, code)
    .text(6, reason)
    .integer(7, time_microseconds() / 1000)
    .run();
  statement.close();
  return ok;
}

export function wipeRejected(): bool {
  return rejectedExists() ? executeLiteral('DELETE FROM main.cloudsync_rejected') : !hasFailed();
}
