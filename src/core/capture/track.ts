/**
 * track.ts: begins and ends the tracking of a table, and pauses it. All inside a write transaction with the
 * counters and sites loaded and the logs folded.
 */
import { currentSeq, nextClock, takeSeqs } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { forgetHeldRows } from '../catalog/held_rows';
import { setInteger, settingInteger } from '../catalog/settings';
import { registerColumn, registerKeys } from '../catalog/columns';
import { forgetConflicts } from '../catalog/conflicts';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { sql_changes, time_microseconds } from '../host';
import { hasFailed } from '../sql/failure';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { announceAgain } from './announce';
import { forgetAlter } from './altering';
import { createClockTable, createLogTable, keyNames } from './tables';
import { Traits } from './traits';
import { createTriggers, dropTriggers } from './triggers';

/** True when the table, its log and its triggers can have names that begin with `base`. */
function namesAreFree(base: Text): bool {
  const statement = new Statement(
    new Text().add(
      "SELECT 1 FROM main.sqlite_schema WHERE name=?1 COLLATE NOCASE OR name LIKE ?2||'\\_%' ESCAPE '\\' LIMIT 1",
    ),
  );
  const taken = statement.text(1, base.slice()).text(2, likePattern(base.slice())).step();
  statement.close();
  return !taken && !hasFailed();
}

/** The text with the wildcards of LIKE escaped. */
function likePattern(text: Slice): Slice {
  const pattern = new Text(text.size * 2 + 1);
  for (let i: u32 = 0; i < text.size; i++) {
    const byte = <u32>load<u8>(text.pointer + i);
    if (byte == 37 || byte == 95 || byte == 92) pattern.add('\\');
    pattern.writer.byte(byte);
  }
  return pattern.slice();
}

/** The name of the clock table of a user's table: name_cloudsync, with a number when that is taken. */
function clockNameFor(name: Slice): Slice {
  let base = new Text().bytes(name).add('_cloudsync');
  for (let i = 2; !namesAreFree(base) && !hasFailed(); i++)
    base = new Text().bytes(name).add('_cloudsync').number(i);
  return base.slice();
}

/** Starts to track a table; rows that are there enter as one bulk insert. False on errors. */
export function trackTable(traits: Traits, algorithm: i32): bool {
  const clockName = clockNameFor(traits.name);
  const logName = new Text().bytes(clockName).add('_log').slice();
  const table = new Table(0, traits.name, algorithm, true, clockName, logName);
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
    registerKeys(table) &&
    createClockTable(table, traits.strict) &&
    createLogTable(table) &&
    createTriggers(table, traits.strict, traits.nullableKeys) &&
    enterExistingRows(table) &&
    rememberSchema()
  );
}

/** Gives every row of the table a clock row, all with one stamp. */
export function enterExistingRows(table: Table): bool {
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
  table.filter = new Slice(0, 0);
  return (
    dropTriggers(table) &&
    execute(new Text().add('DROP TABLE IF EXISTS ').main(table.clockName)) &&
    execute(new Text().add('DROP TABLE IF EXISTS ').main(table.logName)) &&
    forgetAlter(table) &&
    forgetHeldRows(table) &&
    execute(new Text().add('DELETE FROM main.cloudsync_columns WHERE table_id=').number(table.id)) &&
    execute(new Text().add('DELETE FROM main.cloudsync_tables WHERE id=').number(table.id)) &&
    forgetSettings(table) &&
    forgetConflicts(table) &&
    rememberSchema()
  );
}

/** The table's settings must not come to another table that gets its id. */
function forgetSettings(table: Table): bool {
  const sql = new Text().add("DELETE FROM main.cloudsync_settings WHERE key GLOB 'table.").number(table.id);
  return execute(sql.add(".*' OR key GLOB 'column.").number(table.id).add(".*'"));
}

/**
 * Takes the table out of synchronisation. Local writes are captured as before; they are sent after enableTable. What
 * arrives meanwhile is held (merge/packet_merge.ts).
 */
export function disableTable(table: Table): bool {
  const sql = new Text().add('UPDATE main.cloudsync_tables SET enabled=0, paused_seq=').number(currentSeq());
  return execute(sql.add(' WHERE id=').number(table.id));
}

/**
 * Lets the table take part again. What changed meanwhile is announced anew, because readers of the feed have gone past
 * the numbers that it got then.
 */
export function enableTable(table: Table): bool {
  const paused = new Text().add('SELECT paused_seq FROM main.cloudsync_tables WHERE id=').number(table.id);
  const since = queryInteger(paused, 0);
  const sql = new Text().add('UPDATE main.cloudsync_tables SET enabled=1 WHERE id=').number(table.id);
  return table.open() && !table.missing && announceAgain(table, since) && execute(sql);
}

function schemaVersion(): i64 {
  return queryInteger(new Text().add('PRAGMA main.schema_version'), 0);
}

/** The schema as it is now is known. */
export function rememberSchema(): bool {
  return setInteger('schema', schemaVersion());
}

/** True when the schema is another one than at the last look. */
export function schemaHasChanged(): bool {
  return schemaVersion() != settingInteger('schema', 0);
}
