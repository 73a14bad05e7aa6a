/**
 * filter.ts: which rows of a filtered table are outside. A write costs nothing; after a fold and at the end
 * of every operation the rows that changed are judged once and the marks (catalog/filters.ts) follow:
 *
 *     inside, does not match any more    outside = its seq: this change is the last that is told
 *     outside, matches now               inside, and all columns count as changed now; entered = its seq, once
 *     dead                               outside = 0: the deletion is told; what comes back is a new row
 *     alive, not in the data table       as it is: its values are not there to be judged
 *
 * No reader's cursor is past a row that has not been judged, so a row can be announced under the seq that it
 * has. A change of the filter changes no row, so there the rows that come in get new numbers.
 */
import { announceWhole } from '../capture/announce';
import { currentSeq, loadCounters } from '../catalog/counters';
import {
  addMarks,
  addMatch,
  CLOCK_ALIAS,
  forgetFilter,
  storeFilter,
  storeSettled,
  whyUnusable,
} from '../catalog/filters';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { fail, failWithSql, hasFailed, lastMessage, SQLITE_ERROR, SQLITE_ROW } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';

const ALIVE = ' AND cl%2=1';
/** A row that was inside before is known to those who read on then. */
const ENTER = 'outside=NULL,entered=CASE outside WHEN 0 THEN seq ELSE entered END';

/**
 * True when rows have changed that a filter has not judged, because it could not be evaluated the last time.
 */
export function hasUnsettled(tables: Array<Table>): bool {
  for (let i = 0; i < tables.length; i++) {
    if (tables[i].filter.size == 0) continue;
    loadCounters();
    if (tables[i].settledSeq < currentSeq()) return true;
  }
  return false;
}

/**
 * Settles the tables that have a filter. Where the filter cannot be evaluated any more the table stays
 * unsettled, so that nothing of it is sent (failUnsettled), and everything else goes on. False on errors.
 */
export function settleFilters(tables: Array<Table>): bool {
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    if (table.filter.size == 0 || table.altering || table.settledSeq >= currentSeq()) continue;
    if (!table.open()) return false;
    if (table.missing || !canEvaluate(table, table.settledSeq)) continue;
    if (hasFailed() || !settle(table)) return false;
  }
  return !hasFailed();
}

/** "UPDATE clocks SET <marks> WHERE seq><after>". */
function mark(table: Table, marks: string, after: i64): Text {
  const sql = new Text(512).add('UPDATE ').main(table.clockName).add(' AS ').add(CLOCK_ALIAS);
  return sql.add(' SET ').add(marks).add(' WHERE seq>').number(after);
}

/** True when the filter has a result for all rows that changed after `after`. */
function canEvaluate(table: Table, after: i64): bool {
  if (whyUnusable(table, table.filter) != null) return false;
  const sql = addMatch(new Text(512).add('SELECT count('), table).add(') FROM ').main(table.clockName);
  const statement = new Statement(sql.add(' AS ').add(CLOCK_ALIAS).add(' WHERE seq>').number(after));
  const code = statement.attempt();
  if (code != SQLITE_ROW && (code & 0xff) != SQLITE_ERROR) failWithSql(code, 'evaluating a filter');
  statement.close();
  return code == SQLITE_ROW;
}

function settle(table: Table): bool {
  const after = table.settledSeq;
  const left = mark(table, 'outside=seq', after).add(' AND outside IS NULL').add(ALIVE).add(' AND ');
  return (
    execute(addMatch(left, table).add('=0')) &&
    execute(mark(table, 'outside=0', after).add(' AND outside IS NOT 0 AND cl%2=0')) &&
    // Rows without `cols` have all columns at the row's seq already.
    announceWhole(table, after, matching(table).add(' AND cols IS NOT NULL'), false) &&
    execute(mark(table, ENTER, after).add(' AND ').bytes(matching(table).slice())) &&
    storeSettled(table, currentSeq())
  );
}

/** The condition of living rows that are outside by their clocks and match. */
function matching(table: Table): Text {
  return addMatch(new Text(512).add('outside IS NOT NULL').add(ALIVE).add(' AND '), table).add('=1');
}

function refuseFilter(table: Table, reason: Slice): bool {
  return fail(new Text().add("the filter for table '").bytes(table.name).add("' is refused: ").bytes(reason));
}

/**
 * Gives the table a filter, or another one. Inside a write operation, the table is open. False when it is
 * refused.
 */
export function changeFilter(table: Table, expression: Slice): bool {
  if (table.filter.equals(expression) && table.settledSeq == currentSeq()) return true;
  const reason = whyUnusable(table, expression);
  if (reason != null) return refuseFilter(table, reason.slice());
  if (table.filter.size == 0 && !beginFiltering(table)) return false;
  table.filter = expression;
  if (!canEvaluate(table, 0)) return refuseFilter(table, lastMessage());
  const excluded = mark(table, 'outside=0', 0).add(' AND outside IS NULL AND (cl%2=0 OR ');
  return (
    execute(addMatch(excluded, table).add('=0)')) &&
    announceWhole(table, 0, matching(table), true) &&
    execute(mark(table, ENTER, 0).add(' AND ').bytes(matching(table).slice())) &&
    storeFilter(table, expression) &&
    storeSettled(table, currentSeq())
  );
}

/** All rows are inside before the first filter. */
function beginFiltering(table: Table): bool {
  return addMarks(table) && execute(mark(table, 'outside=NULL,entered=1', 0));
}

/** Takes the filter away; the rows that were outside are announced. */
export function clearFilter(table: Table): bool {
  if (table.filter.size == 0) return true;
  const outside = new Text().add('outside IS NOT NULL').add(ALIVE);
  return announceWhole(table, 0, outside, true) && forgetFilter(table);
}
