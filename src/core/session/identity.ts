/**
 * identity.ts: gives a database that turned out to be a copy of another one (a restored backup, a copied file) a site
 * id of its own. What the server does not have yet is relabelled, so that it counts as written by the new site; what
 * was sent stays as it is. Where sending was under way, nobody knows of a row that moved whether it was sent before:
 * it is relabelled, and everything is received again, so that this device learns the former label where the server has
 * it and the larger one wins. A row of an `aws` table is announced again, with stamps that were sent long ago, when a
 * deletion comes for it that had not seen all of it: there only stamps that are not on the server are relabelled.
 */
import { renewSite } from '../catalog/schema';
import { loadSites, ownSite } from '../catalog/sites';
import { removeSetting, setInteger } from '../catalog/settings';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { ClockScan } from '../clock/clock_scan';
import { RowClock } from '../clock/row_clock';
import { hasFailed } from '../sql/failure';
import { executeLiteral } from '../sql/statement';
import { sentClock, sentSeq, sinceSeq } from './endpoint';

/** Inside a write operation. False on errors. */
export function takeNewIdentity(tables: Array<Table>): bool {
  const former = ownSite();
  const sent = sentSeq();
  const since = sinceSeq();
  if (!renewSite() || (since < sent && !removeSetting('network.cursor'))) return false;
  loadSites();
  for (let i = 0; i < tables.length; i++) {
    if (!tables[i].open()) return false;
    if (!tables[i].missing && !relabel(tables[i], former, sent, since)) return false;
  }
  return (
    executeLiteral('DELETE FROM main.cloudsync_outbox') &&
    removeSetting('network.registered') &&
    removeSetting('network.mark') &&
    setInteger('network.batch', 0)
  );
}

/** Replaces the former site in stamps of columns after `since` of rows after `sent`. The rows keep their seq. */
function relabel(table: Table, former: i32, sent: i64, since: i64): bool {
  const scan = new ClockScan(table, sent, i64.MAX_VALUE);
  const known = table.algorithm == ALGORITHM_AWS ? sentClock() : -1;
  let ok = true;
  while (ok && scan.advance()) ok = !relabelRow(scan.clock, former, since, known) || scan.write();
  scan.close();
  return ok && !hasFailed();
}

/** `known`: stamps up to this clock are on the server. */
function relabelRow(clock: RowClock, former: i32, since: i64, known: i64): bool {
  let changed = false;
  if (!clock.alive && clock.site == former && clock.clock > known) {
    clock.site = ownSite();
    // They know nothing of what the former site wrote; now that is another one.
    clock.bases.clear();
    return true;
  }
  for (let i = 0; i < clock.stamps.width; i++) {
    if (clock.stamps.site(i) != former || clock.stamps.clock(i) <= known || clock.columnSeq(i) <= since)
      continue;
    clock.stampOne(i, clock.stamps.clock(i), ownSite(), clock.columnSeq(i));
    changed = true;
  }
  return changed;
}
