/**
 * filters.ts: the row filter of a table, cloudsync_set_filter(table, expression): only rows that match leave
 * this device. The expression is the setting table.<id>.filter; table.<id>.settled is the seq up to which two
 * columns of the clock table say which rows do (fold/filter.ts keeps them):
 *
 *     outside  NULL  inside: what changes in the row is sent
 *              0     outside, and nobody is told anything; the DEFAULT, so that new rows begin here
 *              n     outside since it changed at seq n; what changed up to n is still told
 *     entered  n     the seq at which the row came in, after 0: who has not read that far does not know it. Of rows
 *                    that were there before the table had a filter it is 1: whoever has read anything may know them
 */
import { Slice } from '../bytes/slice';
import { sql_finalize, sql_prepare } from '../host';
import { fail, hasFailed, lastMessage, SQLITE_ROW } from '../sql/failure';
import { ExpressionCheck } from '../sql/expression';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { setText } from './settings';
import { Table } from './table';

/** What a clock table is called in statements with `addMatch`: no table of the user can have this name. */
export const CLOCK_ALIAS = 'cloudsync_clock';

/** How the columns of the marks are declared: new rows begin outside. */
export const FILTER_MARKS: StaticArray<string> = ['outside INTEGER DEFAULT 0', 'entered INTEGER DEFAULT 0'];

function settingKey(table: Table, name: string): Slice {
  return new Text().add('table.').number(table.id).add('.').add(name).slice();
}

export function storeFilter(table: Table, expression: Slice): bool {
  table.filter = expression;
  return setText(settingKey(table, 'filter'), expression);
}

export function storeSettled(table: Table, seq: i64): bool {
  table.settledSeq = seq;
  return setText(settingKey(table, 'settled'), new Text().number(seq).slice());
}

/** Forgets the table's filter. The marks stay in the clock table, unread. */
export function forgetFilter(table: Table): bool {
  table.filter = new Slice(0, 0);
  const sql = new Text().add('DELETE FROM main.cloudsync_settings WHERE key IN (');
  sql.quoted(settingKey(table, 'filter')).add(',').quoted(settingKey(table, 'settled'));
  return execute(sql.add(')'));
}

/** Adds the columns of the marks where they are not. */
export function addMarks(table: Table): bool {
  const present = new Text().add('SELECT 1 FROM pragma_table_info(').quoted(table.clockName);
  if (queryInteger(present.add(", 'main') WHERE name='outside'"), 0) != 0) return true;
  for (let i = 0; i < FILTER_MARKS.length; i++) {
    const sql = new Text().add('ALTER TABLE ').main(table.clockName).add(' ADD COLUMN ');
    if (hasFailed() || !execute(sql.add(FILTER_MARKS[i]))) return false;
  }
  return true;
}

/** Appends 1 or 0, whether the row of the clock row matches; NULL when the data table has no such row. */
export function addMatch(text: Text, table: Table): Text {
  text.add('(SELECT (').bytes(table.filter).add(') IS TRUE FROM ').main(table.name).add(' WHERE ');
  for (let i = 0; i < table.keys.length; i++) {
    text
      .add(i > 0 ? ' AND ' : '')
      .main(table.name)
      .add('.')
      .name(table.keys[i].name);
    text.add('=').add(CLOCK_ALIAS).add('.pk').number(i);
  }
  return text.add(')');
}

function isNameOf(table: Table, name: Slice): bool {
  if (table.columnIndex(name) >= 0 || table.name.equalsIgnoreCase(name)) return true;
  for (let i = 0; i < table.keys.length; i++) if (table.keys[i].name.equalsIgnoreCase(name)) return true;
  const sql = new Text().add('SELECT 1 FROM pragma_table_xinfo(').quoted(table.name);
  return queryInteger(sql.add(", 'main') WHERE name=").quoted(name).add(' COLLATE NOCASE'), 0) != 0;
}

/**
 * Why the expression cannot be the table's filter; null when it can. Its rows are not looked at. The table is
 * open.
 */
export function whyUnusable(table: Table, expression: Slice): Text | null {
  const check = new ExpressionCheck(expression);
  if (check.reason != null) return check.reason;
  for (let i = 0; i < check.names.length; i++) {
    const found = check.names[i];
    if (found.doubleQuoted && !isNameOf(table, found.name)) {
      return new Text().add('no such column: ').bytes(found.name);
    }
  }
  const sql = new Text().add('SELECT 1 FROM ').main(table.name).add(' WHERE (').bytes(expression).add(')');
  const handle = sql_prepare(sql.pointer, sql.size);
  if (handle <= 0) return new Text().bytes(lastMessage());
  sql_finalize(handle);
  return null;
}

/**
 * Why a filter that worked once cannot be evaluated: a column is gone, or a row has a value that it cannot
 * take.
 */
export function whyUnsettled(table: Table): Text {
  const reason = whyUnusable(table, table.filter);
  if (reason != null) return reason;
  const sql = new Text().add('SELECT count((').bytes(table.filter).add(') IS TRUE) FROM ').main(table.name);
  const statement = new Statement(sql);
  const ok = statement.attempt() == SQLITE_ROW;
  const text = ok ? new Text().add('its rows are not settled yet, open the database for writing') : null;
  const why = text == null ? new Text().bytes(lastMessage()) : text;
  statement.close();
  return why;
}

/** Nothing of a table may be sent while its filter cannot tell its rows apart. */
export function failUnsettled(table: Table): bool {
  const text = new Text().add("the filter of table '").bytes(table.name).add("' cannot be evaluated: ");
  text.bytes(whyUnsettled(table).slice()).add('; repair the row or column, or call cloudsync_set_filter or ');
  return fail(text.add('cloudsync_clear_filter'));
}
