/**
 * fold.ts: turns the log of local writes into clocks. It runs at the start of every operation that reads or merges
 * changes, in that operation's transaction.
 *
 * The log is read in chunks. Within a chunk the entries of one row are combined, so that many updates of a row cost
 * one write of its clocks. What counts is the log together with the data table: whether the row exists now is looked
 * up with each entry. With the rules in fold/group.ts the result does not depend on where chunks end.
 */
import { keyNames, MASK_EVICTED, maskCount, maskName } from '../capture/tables';
import { currentSeq, nextClock } from '../catalog/counters';
import { Table } from '../catalog/table';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { joinData, RowWalk } from '../clock/row_walk';
import { dataTrail } from '../clock/trail';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sql_column_integer, sql_column_real } from '../host';
import { execute, queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { moveDeletionsLast } from './deletions_last';
import { FreshRows } from './fresh_rows';
import { GroupMap } from './group';

/** Entries and bytes of the arena that one chunk may take. */
const CHUNK_ENTRIES: i32 = 4096;
const CHUNK_BYTES: usize = 1 << 20;

/** Column of selectSql. */
const KEY_COLUMN: i32 = 3;

const JULIAN_DAY_OF_1970: f64 = 2440587.5;
const MICROSECONDS_PER_DAY: f64 = 86400000000;

/** True when the table's log has entries. */
export function hasLog(table: Table): bool {
  return queryInteger(new Text().add('SELECT 1 FROM ').main(table.logName).add(' LIMIT 1'), 0) != 0;
}

/** Folds the logs of all tables. Inside a write transaction with the counters loaded. False on errors. */
export function foldTables(tables: Array<Table>): bool {
  const start = currentSeq();
  let buried = false;
  for (let i = 0; i < tables.length; i++) {
    if (tables[i].altering) continue;
    if (hasLog(tables[i]) && !foldTable(tables[i])) return false;
    if (hasFailed()) return false;
    buried = buried || someBuried;
    someBuried = false;
  }
  return !buried || moveDeletionsLast(tables, start);
}

/** Deletions were among what the newest table's log had. */
let someBuried: bool = false;

function foldTable(table: Table): bool {
  if (!table.open()) return false;
  if (table.missing) return emptyLog(table);
  const mark = arenaMark();
  const log = new RowWalk(
    table,
    selectSql(table, true),
    selectSql(table, false),
    KEY_COLUMN,
    dataTrail(table, false),
    0,
  );
  const clocks = new ClockTable(table, true);
  const clock = new RowClock(table);
  const fresh = new FreshRows(table);
  const groups = new GroupMap(table, clocks, clock, fresh);
  const inner = arenaMark();
  let last: i64 = 0;
  let ok = true;
  do {
    last = readChunk(table, log, groups, last);
    ok = last >= 0 && (last == 0 || groups.write());
    arenaRelease(inner);
  } while (ok && last > 0);
  someBuried = groups.buried;
  log.close();
  clocks.close();
  fresh.close();
  arenaRelease(mark);
  // Nobody else can have written to the log since it was read; emptying it at once is quicker than row by row.
  return ok && emptyLog(table);
}

function emptyLog(table: Table): bool {
  return execute(new Text().add('DELETE FROM ').main(table.logName));
}

/** The log entries after ?1: seq, at, whether the row exists (only where `joined`), pk0.., mask, mask1.. */
function selectSql(table: Table, joined: bool): Text {
  const sql = new Text(1024).add('SELECT l.seq,l.at,');
  if (joined) sql.add('d.').name(table.keys[0].name).add(' IS NOT NULL,');
  else sql.add('NULL,');
  keyNames(sql, table, 'l.');
  for (let i = 0; i < maskCount(table); i++) maskName(sql.add(',l.'), i);
  sql.add(' FROM ').main(table.logName).add(' AS l');
  if (joined) joinData(sql, table, 'l.');
  return sql.add(' WHERE l.seq>?1 ORDER BY l.seq');
}

/** Reads entries into groups. Returns the last log seq read, 0 when there was none, -1 after an error. */
function readChunk(table: Table, log: RowWalk, groups: GroupMap, after: i64): i64 {
  const start = arenaMark();
  const firstMask = KEY_COLUMN + table.keys.length;
  let last = after;
  groups.begin();
  for (let i = 0; i < CHUNK_ENTRIES && arenaMark() - start < CHUNK_BYTES && log.next(last); i++) {
    last = sql_column_integer(log.handle, 0);
    const key = log.key();
    const exists = log.isThere(last, key);
    // What a unique value might have evicted and did not.
    if (exists && sql_column_integer(log.handle, firstMask) == MASK_EVICTED) continue;
    groups.add(key, exists, log.handle, firstMask, nextClock(microsecondsOf(sql_column_real(log.handle, 1))));
  }
  if (hasFailed()) return -1;
  return last == after ? 0 : last;
}

/** Microseconds since 1970 of a Julian day, 0 for anything before. */
function microsecondsOf(bits: i64): i64 {
  const days = reinterpret<f64>(bits) - JULIAN_DAY_OF_1970;
  return days > 0 && days < 3650000 ? <i64>(days * MICROSECONDS_PER_DAY) : 0;
}
