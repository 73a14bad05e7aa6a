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
import { writeColumn } from '../bytes/msgpack';
import { Writer } from '../bytes/writer';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sql_column_real } from '../host';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { moveDeletionsLast } from './deletions_last';
import { FreshRows } from './fresh_rows';
import { GroupMap } from './group';

/** Entries and bytes of the arena that one chunk may take. */
const CHUNK_ENTRIES: i32 = 4096;
const CHUNK_BYTES: usize = 1 << 20;

/** Columns of the chunk's SELECT. */
const EXISTS_COLUMN: i32 = 2;
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
  const select = new Statement(selectChunk(table));
  const clocks = new ClockTable(table);
  const clock = new RowClock(table);
  const fresh = new FreshRows(table);
  const groups = new GroupMap(table, clocks, clock, fresh);
  const inner = arenaMark();
  let last: i64 = 0;
  let ok = true;
  do {
    last = readChunk(table, select, groups, last);
    ok = last >= 0 && (last == 0 || groups.write());
    arenaRelease(inner);
  } while (ok && last > 0);
  someBuried = groups.buried;
  select.close();
  clocks.close();
  fresh.close();
  arenaRelease(mark);
  // Nobody else can have written to the log since it was read; emptying it at once is quicker than row by row.
  return ok && emptyLog(table);
}

function emptyLog(table: Table): bool {
  return execute(new Text().add('DELETE FROM ').main(table.logName));
}

/** The log entries after ?1, each with whether the row exists: seq, at, exists, pk0.., mask, mask1.. */
function selectChunk(table: Table): Text {
  const keys = table.keys;
  const sql = new Text(1024).add('SELECT l.seq,l.at,d.').name(keys[0].name);
  keyNames(sql.add(' IS NOT NULL,'), table, 'l.');
  for (let i = 0; i < maskCount(table); i++) maskName(sql.add(',l.'), i);
  sql.add(' FROM ').main(table.logName).add(' AS l LEFT JOIN ').main(table.name).add(' AS d ON ');
  for (let i = 0; i < keys.length; i++) {
    sql
      .add(i > 0 ? ' AND ' : '')
      .add('d.')
      .name(keys[i].name)
      .add('=l.pk')
      .number(i);
  }
  return sql.add(' WHERE l.seq>?1 ORDER BY l.seq LIMIT ').number(CHUNK_ENTRIES);
}

/** Reads entries into groups. Returns the last log seq read, 0 when there was none, -1 after an error. */
function readChunk(table: Table, select: Statement, groups: GroupMap, after: i64): i64 {
  const start = arenaMark();
  const firstMask = KEY_COLUMN + table.keys.length;
  let last: i64 = 0;
  groups.begin();
  select.integer(1, after);
  while (select.step()) {
    last = select.columnInteger(0);
    const exists = select.columnInteger(EXISTS_COLUMN) != 0;
    // What a unique value might have evicted and did not.
    if (exists && select.columnInteger(firstMask) == MASK_EVICTED) continue;
    const key = new Writer(64);
    for (let i = 0; i < table.keys.length; i++) writeColumn(key, select.handle, KEY_COLUMN + i);
    const microseconds = microsecondsOf(sql_column_real(select.handle, 1));
    groups.add(key, exists, select, firstMask, nextClock(microseconds));
    if (arenaMark() - start > CHUNK_BYTES) break;
  }
  select.reset();
  return hasFailed() ? -1 : last;
}

/** Microseconds since 1970 of a Julian day, 0 for anything before. */
function microsecondsOf(bits: i64): i64 {
  const days = reinterpret<f64>(bits) - JULIAN_DAY_OF_1970;
  return days > 0 && days < 3650000 ? <i64>(days * MICROSECONDS_PER_DAY) : 0;
}
