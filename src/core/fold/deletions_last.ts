/**
 * deletions_last.ts: gives the deletions of a fold their seq after everything else of it, children's tables first. The
 * logs are folded table by table, so the deletion of a parent would stand before what happened to its children (they
 * were moved to another one, or deleted too). A reader that gets only the first part would act on it.
 */
import { currentSeq, nextSeq } from '../catalog/counters';
import { hasReferences, rankTables } from '../catalog/ranks';
import { Table } from '../catalog/table';
import { hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

/**
 * Moves the deletions among the changes after `start`. A deletion's stamps do not depend on its seq. False on errors.
 */
export function moveDeletionsLast(tables: Array<Table>, start: i64): bool {
  if (!hasReferences(tables)) return !hasFailed();
  const last = rankTables(tables);
  const upto = currentSeq();
  for (let rank = last; rank >= 0; rank--) {
    for (let i = 0; i < tables.length; i++) {
      if (tables[i].rank == rank && !tables[i].altering && !moveTable(tables[i], start, upto)) return false;
    }
  }
  return !hasFailed();
}

function moveTable(table: Table, start: i64, upto: i64): bool {
  const select = new Text().add('SELECT seq FROM ').main(table.clockName);
  const next = new Statement(select.add(' WHERE seq>?1 AND seq<=?2 AND cl%2=0 ORDER BY seq LIMIT 1'));
  const move = new Statement(new Text().add('UPDATE ').main(table.clockName).add(' SET seq=?1 WHERE seq=?2'));
  let position = start;
  let ok = true;
  while (ok && next.integer(1, position).integer(2, upto).step()) {
    position = next.columnInteger(0);
    next.reset();
    ok = move.integer(1, nextSeq()).integer(2, position).run();
  }
  next.close();
  move.close();
  return ok && !hasFailed();
}
