/**
 * restamp.ts: gives new stamps to what was written while this device's clock was far ahead. A server takes no stamp
 * that lies too far ahead of its own clock, because it would outvote everybody's edits until that time has come. So
 * what the server does not have yet gets stamps from its present time on, in the order in which it was written.
 *
 * Only stamps change, not the seq of rows: what was to be sent still is.
 */
import { lowerClock } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { Table } from '../catalog/table';
import { ClockScan } from '../clock/clock_scan';
import { RowClock } from '../clock/row_clock';
import { SANE_WALL_CLOCK } from '../packet/limits';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { failWith, hasFailed } from '../sql/failure';
import { limitSentClock, newestTaken, sentSeq, sinceSeq } from './endpoint';

/**
 * Maps clocks that the server's time has not reached to ones right behind it, and behind what the server has taken
 * already, which they may replace; and keeps their order.
 */
class NewClocks {
  /** Ascending, without duplicates, once `complete` was called. */
  private late: Array<i64> = [];

  /** @param newest what the new clocks have to be larger than */
  constructor(
    private serverTime: i64,
    private newest: i64,
  ) {}

  see(clock: i64, site: i32): void {
    if (this.isLate(clock, site)) this.late.push(clock);
  }

  complete(): void {
    const all = this.late;
    sort(all);
    let count = 0;
    for (let i = 0; i < all.length; i++) {
      if (count == 0 || all[i] != all[count - 1]) all[count++] = all[i];
    }
    all.length = count;
  }

  isLate(clock: i64, site: i32): bool {
    return clock > this.serverTime && site == ownSite();
  }

  get any(): bool {
    return this.late.length > 0;
  }

  /** The new clock for a late one that was seen. */
  of(clock: i64): i64 {
    let low = 0;
    let high = this.late.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.late[middle] < clock) low = middle + 1;
      else high = middle;
    }
    return this.newest + 1 + low;
  }
}

/** Heapsort (Williams 1964), ascending. The standard library's needs tables of functions, which we do without. */
function sort(values: Array<i64>): void {
  for (let root = values.length / 2 - 1; root >= 0; root--) sink(values, root, values.length);
  for (let end = values.length - 1; end > 0; end--) {
    exchange(values, 0, end);
    sink(values, 0, end);
  }
}

/** Lets the value at `at` sink below larger ones in the heap of the first `size` values. */
function sink(values: Array<i64>, at: i32, size: i32): void {
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && values[child + 1] > values[child]) child++;
    if (values[at] >= values[child]) return;
    exchange(values, at, child);
    at = child;
  }
}

function exchange(values: Array<i64>, left: i32, right: i32): void {
  const value = values[left];
  values[left] = values[right];
  values[right] = value;
}

/**
 * Restamps what was not sent and lies ahead of the server. Inside a write operation. False on errors, and when
 * there is nothing of the kind: then the server's objection is not understood.
 *
 * @param serverTime microseconds since 1970, as the server says
 */
export function restampUnsent(tables: Array<Table>, serverTime: i64): bool {
  if (serverTime < SANE_WALL_CLOCK) return failWith('the clock of the server is not set; look at the server');
  const newest = max(serverTime, newestTaken());
  const clocks = new NewClocks(serverTime, newest);
  for (let i = 0; i < tables.length; i++) {
    if (!tables[i].open()) return false;
    if (!tables[i].missing && !collect(tables[i], clocks)) return false;
  }
  clocks.complete();
  if (!clocks.any)
    return failWith('the server says that changes lie in the future, and they do not; look at its clock');
  for (let i = 0; i < tables.length; i++) {
    if (!tables[i].missing && !restamp(tables[i], clocks)) return false;
  }
  return setClock(tables) && limitSentClock(newest);
}

function collect(table: Table, clocks: NewClocks): bool {
  const since = sinceSeq();
  const scan = new ClockScan(table, sentSeq(), i64.MAX_VALUE);
  while (scan.advance()) {
    const clock = scan.clock;
    if (!clock.alive) clocks.see(clock.clock, clock.site);
    for (let i = 0; i < clock.stamps.width; i++) {
      if (clock.columnSeq(i) > since) clocks.see(clock.stamps.clock(i), clock.stamps.site(i));
    }
    for (let i = 0; clock.hasDeleted && i < clock.deleted.width; i++) {
      clocks.see(clock.deleted.clock(i), clock.deleted.site(i));
    }
  }
  scan.close();
  return !hasFailed();
}

function restamp(table: Table, clocks: NewClocks): bool {
  const scan = new ClockScan(table, sentSeq(), i64.MAX_VALUE);
  const since = sinceSeq();
  let ok = true;
  while (ok && scan.advance()) ok = !restampRow(scan.clock, clocks, since) || scan.write();
  scan.close();
  return ok && !hasFailed();
}

/** True when the row had a late stamp. Columns up to `since` were sent; the server has taken their stamps. */
function restampRow(clock: RowClock, clocks: NewClocks, since: i64): bool {
  let changed = !clock.alive && clocks.isLate(clock.clock, clock.site);
  if (changed) clock.clock = clocks.of(clock.clock);
  for (let i = 0; i < clock.stamps.width; i++) {
    const late = clock.stamps.clock(i);
    if (clock.columnSeq(i) <= since || !clocks.isLate(late, clock.stamps.site(i))) continue;
    clock.stampOne(i, clocks.of(late), ownSite(), clock.columnSeq(i));
    changed = true;
  }
  for (let i = 0; clock.hasDeleted && i < clock.deleted.width; i++) {
    const late = clock.deleted.clock(i);
    if (!clocks.isLate(late, clock.deleted.site(i))) continue;
    clock.deleted.set(i, clocks.of(late), ownSite());
    changed = true;
  }
  return changed;
}

/** The clock goes back to the largest stamp that there is: what is written next has to be larger. */
function setClock(tables: Array<Table>): bool {
  let largest: i64 = 0;
  for (let i = 0; i < tables.length; i++) {
    if (tables[i].missing) continue;
    const scan = new ClockScan(tables[i], 0, i64.MAX_VALUE);
    const mark = arenaMark();
    while (scan.advance()) {
      largest = max(largest, largestOf(scan.clock));
      arenaRelease(mark);
    }
    scan.close();
  }
  lowerClock(largest);
  return !hasFailed();
}

function largestOf(clock: RowClock): i64 {
  let largest = clock.clock;
  for (let i = 0; i < clock.stamps.width; i++) {
    largest = max(largest, max(clock.stamps.clock(i), clock.deleted.clock(i)));
  }
  return largest;
}
