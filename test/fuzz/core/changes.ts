/**
 * changes.ts: the readers of rows of cloudsync_changes that somebody has picked or brought, and of the deleted stamps
 * in them.
 */
import { CellReader } from '../../../src/core/bytes/cell';
import { Slice } from '../../../src/core/bytes/slice';
import { ChangeReader, OFFERED } from '../../../src/core/packet/change_reader';
import { DeletedStampReader } from '../../../src/core/packet/deleted_stamps';
import { hasFailed } from '../../../src/core/sql/failure';
import { ACCEPTED, REFUSED } from './outcome';

/** Cells of any number of rows, in a database without tables. */
export function runChanges(input: Slice): i32 {
  const reader = new ChangeReader([], CellReader.ofMemory(input), OFFERED);
  while (!reader.atEnd) if (reader.next() == null) return REFUSED;
  return hasFailed() ? REFUSED : ACCEPTED;
}

export function runDeletedStamps(input: Slice): i32 {
  const reader = new DeletedStampReader(input);
  while (reader.next()) continue;
  return reader.isDamaged ? REFUSED : ACCEPTED;
}
