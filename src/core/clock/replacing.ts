/**
 * replacing.ts: stamps local writes. In a table that keeps conflicts each stamp gets a base, made of what the write
 * replaces (clock/bases.ts); elsewhere it is merely a stamp.
 */
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { Base, baseOver } from './bases';
import { RowClock } from './row_clock';

/** A local write of one column of a living row. */
export function stampReplacing(table: Table, clock: RowClock, index: i32, stamp: i64, site: i32): void {
  const base = table.keepsConflicts ? baseOf(clock, index, site) : null;
  clock.stampOne(index, stamp, site, clock.seq);
  clock.bases.set(index, base);
}

/** A local insert: of a row that is not there, or over one that is (`present`). */
export function stampAllReplacing(table: Table, clock: RowClock, present: bool, stamp: i64, site: i32): void {
  if (!table.keepsConflicts || table.keyOnly) {
    clock.stampAll(stamp, site, clock.seq);
    return;
  }
  const width = clock.stamps.width;
  const bases = new StaticArray<Base | null>(width);
  if (present) for (let i = 0; i < width; i++) bases[i] = baseOf(clock, i, site);
  else nothingReplaced(clock, bases);
  clock.stampAll(stamp, site, clock.seq);
  for (let i = 0; i < width; i++) clock.bases.set(i, bases[i]);
}

/**
 * A local deletion. Its bases say for each column what its author had before them: whoever edited the row without
 * knowing of the deletion sees by them that the edit is lost. (An `aws` row comes back by such an edit.)
 */
export function deleteReplacing(table: Table, clock: RowClock, stamp: i64, site: i32): void {
  const width = clock.stamps.width;
  const bases = new StaticArray<Base | null>(width);
  const noted = table.keepsConflicts && !table.keyOnly && table.algorithm != ALGORITHM_AWS;
  for (let i = 0; noted && i < width; i++) {
    // What was deleted already (and is deleted anew, by another entry of the log) keeps its bases.
    bases[i] = clock.stamps.clock(i) != 0 ? baseOf(clock, i, site) : clock.bases.get(i);
  }
  if (clock.alive) clock.deleteLocally(stamp, site);
  else clock.bury(stamp, site);
  for (let i = 0; noted && i < width; i++) clock.bases.set(i, bases[i]);
}

function baseOf(clock: RowClock, index: i32, site: i32): Base {
  const former = clock.stamps.clock(index);
  // Nobody has told us about the column; in an `aws` row that died the deletion has seen what was there before.
  if (former == 0) return new Base(clock.hasDeleted ? clock.deleted.clock(index) : 0, 0);
  return baseOver(former, clock.stamps.site(index), clock.bases.get(index), site);
}

function nothingReplaced(clock: RowClock, bases: StaticArray<Base | null>): void {
  const nothing = new Base(0, 0);
  for (let i = 0; i < bases.length; i++) {
    const deleted = clock.hasDeleted ? clock.deleted.clock(i) : 0;
    bases[i] = deleted == 0 ? nothing : new Base(deleted, 0);
  }
}
