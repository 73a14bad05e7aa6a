/**
 * conflicts.ts: the table cloudsync_conflicts: values that lost against a concurrent write, in tables for which
 * cloudsync_set_table(table, 'conflicts', 'keep') was called. It is made by the first such call.
 *
 *     id                          for cloudsync_restore(id); never used again
 *     table_id, tbl               the table, by the number that survives a rename and by its name at that time
 *     pk                          the key values as msgpack items one after another
 *     column_id, col_name         the column, in the same two ways
 *     winner, loser               the two values
 *     deleted                     1 where the winner is a deletion of the row (and `winner` NULL), else 0
 *     winner_site, loser_site     who wrote them (16 bytes)
 *     winner_clock, loser_clock   when: clocks are microseconds near the wall time
 *     since                       when this database learned of it, milliseconds since 1970
 *
 * It is bounded by number and age, see `pruneConflicts`. A user may delete entries as they like.
 */
import { Slice } from '../bytes/slice';
import { time_microseconds } from '../host';
import { hasFailed } from '../sql/failure';
import { execute, executeLiteral, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { settingInteger } from './settings';
import { Table } from './table';

export const MAX_ROWS_SETTING: string = 'set.conflicts.max_rows';
export const MAX_DAYS_SETTING: string = 'set.conflicts.max_days';
const MAX_ROWS: i64 = 10000;
const MAX_DAYS: i64 = 30;
const DAY_MILLISECONDS: i64 = 86400000;

/** Makes the table when it is missing. Inside a write transaction. */
export function ensureConflicts(): bool {
  return executeLiteral(
    'CREATE TABLE IF NOT EXISTS main.cloudsync_conflicts(id INTEGER PRIMARY KEY AUTOINCREMENT,' +
      ' table_id INTEGER NOT NULL, tbl TEXT NOT NULL, pk BLOB NOT NULL, column_id INTEGER NOT NULL,' +
      ' col_name TEXT NOT NULL, winner, winner_site BLOB NOT NULL, winner_clock INTEGER NOT NULL,' +
      ' loser, loser_site BLOB NOT NULL, loser_clock INTEGER NOT NULL, since INTEGER NOT NULL,' +
      ' deleted INTEGER NOT NULL DEFAULT 0,' +
      ' UNIQUE(table_id, pk, column_id, loser_clock, loser_site))',
  );
}

export function conflictsExist(): bool {
  const sql = new Text().add(
    "SELECT 1 FROM main.sqlite_schema WHERE type='table' AND name='cloudsync_conflicts'",
  );
  return queryInteger(sql, 0) != 0;
}

/** Removes what is older, and what is more, than the settings allow. Only while the table exists. */
export function pruneConflicts(): bool {
  const days = settingInteger(MAX_DAYS_SETTING, MAX_DAYS);
  const oldest = time_microseconds() / 1000 - days * DAY_MILLISECONDS;
  const rows = settingInteger(MAX_ROWS_SETTING, MAX_ROWS);
  const first = queryInteger(
    new Text().add('SELECT since FROM main.cloudsync_conflicts ORDER BY id LIMIT 1'),
    oldest,
  );
  if (first < oldest) {
    execute(new Text().add('DELETE FROM main.cloudsync_conflicts WHERE since<').number(oldest));
  }
  const sql = new Text().add('DELETE FROM main.cloudsync_conflicts WHERE id<=(SELECT id FROM');
  sql.add(' main.cloudsync_conflicts ORDER BY id DESC LIMIT 1 OFFSET ').number(rows);
  return execute(sql.add(')')) && !hasFailed();
}

/** Removes the entries of a table that is tracked no longer: another one may get its number. */
export function forgetConflicts(table: Table): bool {
  if (!conflictsExist()) return !hasFailed();
  return execute(new Text().add('DELETE FROM main.cloudsync_conflicts WHERE table_id=').number(table.id));
}

/** Removes the entries about a row. Only while the table exists. */
export function forgetRowConflicts(table: Table, key: Slice): bool {
  const sql = new Text().add('DELETE FROM main.cloudsync_conflicts WHERE table_id=').number(table.id);
  const statement = new Statement(sql.add(' AND pk=?1'));
  const ok = statement.blob(1, key.pointer, key.size).run();
  statement.close();
  return ok;
}

export function wipeConflicts(): bool {
  if (!conflictsExist()) return !hasFailed();
  return executeLiteral('DELETE FROM main.cloudsync_conflicts');
}
