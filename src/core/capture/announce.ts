/**
 * announce.ts: announces changes again, because readers of the feed have gone past the numbers that they
 * have, or never were to get them: what changed in a pause, what was kept on this device, what a filter let
 * in, what is known under another name. All new numbers of rows that nobody has written are given here.
 */
import { currentSeq, nextSeq } from '../catalog/counters';
import { isKept, sendSetting } from '../catalog/send_settings';
import { setText } from '../catalog/settings';
import { Table } from '../catalog/table';
import { ClockScan } from '../clock/clock_scan';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { execute } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';

const ALL_COLUMNS: i32 = -1;

/**
 * How a row is announced: under the number that it has, under a new one, or as one that a filter keeps here.
 */
const IN_PLACE: i32 = 0;
const ANEW: i32 = 1;
const OUTSIDE: i32 = 2;

/** The row whole, under the number that it has. */
function announceInPlace(scan: ClockScan): bool {
  scan.clock.announceWhole(scan.clock.seq);
  return scan.write();
}

/** The row whole, or the column at `index`, under a new number. */
function announceAnew(scan: ClockScan, index: i32): bool {
  const clock = scan.clock;
  if (index != ALL_COLUMNS && clock.stamps.clock(index) == 0) return true;
  clock.seq = nextSeq();
  if (index == ALL_COLUMNS) clock.announceWhole(clock.seq);
  else clock.setColumnSeq(index, clock.seq);
  return scan.write();
}

/**
 * A row that a filter keeps here. Only what changed until it went out is told, so that gets one new number,
 * and what was written later the next one.
 */
function announceOutside(table: Table, scan: ClockScan, index: i32): bool {
  const clock = scan.clock;
  const told = nextSeq();
  clock.seq = nextSeq();
  for (let i = 0; i < table.width; i++) {
    if (clock.stamps.clock(i) == 0) continue;
    if (clock.columnSeq(i) > scan.outside) clock.setColumnSeq(i, clock.seq);
    else if (index == ALL_COLUMNS || index == i) clock.setColumnSeq(i, told);
  }
  const sql = new Text().add('UPDATE ').main(table.clockName).add(' SET outside=').number(told);
  return scan.write() && execute(sql.add(' WHERE seq=').number(clock.seq));
}

/** Announces rows that changed after `since`, and for which the SQL condition holds, when there is one. */
function announceRows(table: Table, since: i64, condition: Text | null, index: i32, how: i32): bool {
  const scan = new ClockScan(table, since, currentSeq(), condition);
  const mark = arenaMark();
  let ok = true;
  while (ok && scan.advance()) {
    if (how == OUTSIDE) ok = announceOutside(table, scan, index);
    else if (how == ANEW) ok = announceAnew(scan, index);
    else ok = announceInPlace(scan);
    arenaRelease(mark);
  }
  scan.close();
  return ok && !hasFailed();
}

function announceColumns(table: Table, since: i64, index: i32): bool {
  // At the end of its change the table is announced whole (capture/alter.ts); until then its columns are not known.
  if (table.altering) return true;
  if (table.filter.size == 0) return announceRows(table, since, null, index, ANEW);
  return (
    announceRows(table, since, new Text().add('(outside IS NULL OR cl%2=0)'), index, ANEW) &&
    announceRows(table, since, new Text().add('outside>0 AND cl%2=1'), index, OUTSIDE)
  );
}

/**
 * Announces what changed after `since`, in rows as a whole, under new numbers and with the stamps that it
 * has.
 */
export function announceAgain(table: Table, since: i64): bool {
  return announceColumns(table, since, ALL_COLUMNS);
}

/**
 * Announces the rows of the condition that changed after `since` whole: under the numbers that they have, or
 * each under a new one.
 */
export function announceWhole(table: Table, since: i64, condition: Text, anew: bool): bool {
  return announceRows(table, since, condition, ALL_COLUMNS, anew ? ANEW : IN_PLACE);
}

/**
 * Keeps a table (`index` -1) or the column at `index` on this device, or sends it again: then everything of
 * it is announced, because nobody knows how far each reader had come when it was switched off. Inside a write
 * operation; the table is open. False on errors.
 */
export function setSending(table: Table, index: i32, on: bool): bool {
  if (on && isKept(table, index) && !table.missing && !announceColumns(table, 0, index)) return false;
  return setText(sendSetting(table, index).slice(), sliceOf(on ? 'on' : 'off'));
}
