/**
 * track.ts: begins and ends the tracking of a table, pauses it, and notices new columns. All inside a write
 * transaction with the counters and sites loaded and the logs folded.
 */
import { currentSeq, nextClock, nextSeq, takeSeqs } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { objectExists } from '../catalog/schema';
import { setInteger, settingInteger } from '../catalog/settings';
import { Column, readColumns, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { sql_changes, time_microseconds } from '../host';
import { hasFailed } from '../sql/failure';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { createClockTable, createLogTable, keyNames, maskCount, widenLogTable } from './tables';
import { readTraits, Traits } from './traits';
import { createTriggers, dropTriggers } from './triggers';

/** A name for a table of ours beside the user's: `base`, or with a number when that is taken. */
function freeName(base: Slice, suffix: string): Slice {
  let name = new Text().bytes(base).add(suffix);
  for (let i = 2; objectExists(name) && !hasFailed(); i++) name = new Text().bytes(base).add(suffix).number(i);
  return name.slice();
}

function registerColumn(table: Table, column: Column): bool {
  const insert = new Statement(new Text().add('INSERT INTO main.cloudsync_columns VALUES(?1,?2,?3,?4)'));
  insert.integer(1, table.id).integer(2, column.id).text(3, column.name);
  const ok = insert.integer(4, column.addedSeq).run();
  insert.close();
  return ok;
}

/** Starts to track a table; rows that are there enter as one bulk insert. False on errors. */
export function trackTable(traits: Traits, algorithm: i32): bool {
  const clockName = freeName(traits.name, '_cloudsync');
  const table = new Table(0, traits.name, algorithm, true, clockName, freeName(traits.name, '_cloudsync_log'));
  const insert = new Statement(
    new Text().add(
      'INSERT INTO main.cloudsync_tables(name,algorithm,clock_table,log_table) VALUES(?1,?2,?3,?4) RETURNING id',
    ),
  );
  insert.text(1, table.name).integer(2, algorithm).text(3, table.clockName).text(4, table.logName);
  if (insert.step()) table.id = insert.columnInteger(0);
  insert.close();
  if (hasFailed()) return false;
  table.keys = traits.keys;
  table.columns = traits.columns;
  for (let i = 0; i < table.columns.length; i++) {
    table.columns[i].id = i;
    if (!registerColumn(table, table.columns[i])) return false;
  }
  return (
    createClockTable(table, traits.strict) &&
    createLogTable(table, traits.strict) &&
    createTriggers(table, traits.strict, traits.nullableKeys) &&
    enterExistingRows(table) &&
    rememberSchema()
  );
}

/** Gives every row of the table a clock row, all with one stamp. */
function enterExistingRows(table: Table): bool {
  const clock = nextClock(time_microseconds());
  const sql = new Text(512).add('INSERT INTO ').main(table.clockName).add('(seq,cl,clock,site,');
  keyNames(sql, table, '').add(') SELECT ').number(currentSeq()).add('+row_number() OVER (),1,');
  sql.number(clock).add(',').number(ownSite());
  for (let i = 0; i < table.keys.length; i++) sql.add(',').name(table.keys[i].name);
  if (!execute(sql.add(' FROM ').main(table.name))) return false;
  takeSeqs(sql_changes());
  return true;
}

/** Stops tracking: triggers, clocks, log and the catalog's rows go; the data stays. */
export function untrackTable(table: Table): bool {
  return (
    dropTriggers(table) &&
    execute(new Text().add('DROP TABLE IF EXISTS ').main(table.clockName)) &&
    execute(new Text().add('DROP TABLE IF EXISTS ').main(table.logName)) &&
    execute(new Text().add('DELETE FROM main.cloudsync_columns WHERE table_id=').number(table.id)) &&
    execute(new Text().add('DELETE FROM main.cloudsync_tables WHERE id=').number(table.id)) &&
    rememberSchema()
  );
}

function setEnabled(table: Table, enabled: i32): bool {
  const sql = new Text().add('UPDATE main.cloudsync_tables SET enabled=').number(enabled);
  return execute(sql.add(' WHERE id=').number(table.id)) && rememberSchema();
}

/** Stops the capture of local writes; the clocks stay. */
export function disableTable(table: Table): bool {
  return dropTriggers(table) && setEnabled(table, 0);
}

/**
 * Captures local writes again. What was written in between stays on this device: new rows enter with their next
 * change; rows that are gone are forgotten, not deleted elsewhere.
 */
export function enableTable(table: Table): bool {
  const traits = readTraits(table.name);
  if (traits == null || !table.open()) return false;
  const forget = new Text().add('DELETE FROM ').main(table.clockName).add(' AS c WHERE cl%2=1 AND NOT EXISTS(SELECT 1 FROM ');
  forget.main(table.name).add(' AS d WHERE ');
  for (let i = 0; i < table.keys.length; i++) {
    forget.add(i > 0 ? ' AND ' : '').add('d.').name(table.keys[i].name).add('=c.pk').number(i);
  }
  return (
    execute(forget.add(')')) && createTriggers(table, traits.strict, traits.nullableKeys) && setEnabled(table, 1)
  );
}

function schemaVersion(): i64 {
  return queryInteger(new Text().add('PRAGMA main.schema_version'), 0);
}

function rememberSchema(): bool {
  return setInteger('schema', schemaVersion());
}

/**
 * Looks for columns that were added since the last look, and tracks them: their values so far are defaults that nobody
 * wrote, so rows announced before have no stamp for them. Sets `found` when there were any. False on errors.
 */
export function noticeNewColumns(tables: Array<Table>): bool {
  newColumnsFound = false;
  if (schemaVersion() == settingInteger('schema', 0)) return !hasFailed();
  for (let i = 0; i < tables.length; i++) {
    if (!tables[i].open() || (!tables[i].missing && !addColumns(tables[i]))) return false;
  }
  return rememberSchema();
}

/** The last noticeNewColumns found some. */
export let newColumnsFound: bool = false;

function addColumns(table: Table): bool {
  const masksBefore = maskCount(table);
  const keys: Array<Column> = [];
  const actual = readColumns(table.name, keys);
  let added = false;
  for (let i = 0; i < actual.length; i++) {
    if (table.columnIndex(actual[i].name) >= 0) continue;
    const column = actual[i];
    column.id = table.lastColumnId + 1;
    column.addedSeq = nextSeq();
    table.columns.push(column);
    if (!registerColumn(table, column)) return false;
    added = true;
  }
  if (!added) return true;
  newColumnsFound = true;
  const traits = readTraits(table.name);
  if (traits == null || !widenLogTable(table, masksBefore)) return false;
  return !table.enabled || (dropTriggers(table) && createTriggers(table, traits.strict, traits.nullableKeys));
}
