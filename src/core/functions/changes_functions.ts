/**
 * changes_functions.ts: what the virtual table cloudsync_changes is made of, and what makes packets of its
 * rows. The host's half (shim/changes_vtab.c) reads page after page by this function and keeps a copy of
 * one page per cursor: nothing of a scan stays in the core, whose arena is reset between two calls.
 */
import { rankTables } from '../catalog/ranks';
import { catalogExists, failWithoutCatalog, SITE_SIZE } from '../catalog/schema';
import { findSite } from '../catalog/sites';
import { findTable, loadTables } from '../catalog/table';
import { CellReader } from '../bytes/cell';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { argument_copy, argument_type, result_append, result_blob, result_integer } from '../host';
import { putIntoInbox } from '../merge/inbox';
import { ChangeReader, OFFERED, PICKED } from '../packet/change_reader';
import { ChangeRows } from '../packet/change_rows';
import { FeedFilter } from '../packet/feed';
import { Feeds } from '../packet/feeds';
import { ROW_MAX } from '../packet/limits';
import { PickedChanges } from '../packet/picked_changes';
import { arenaAllocate, arenaMark, arenaRelease } from '../runtime/arena';
import { beginReading, beginReadingOn, endOperation, tables } from '../operation';
import { failWith, hasFailed, SQLITE_TOOBIG } from '../sql/failure';
import { TYPE_NULL } from '../sql/types';
import { argumentBlobSize, argumentInteger, argumentOptionalBlob, argumentText } from './arguments';
import { appendPacket } from './payload_functions';

const PAGE_AIM: u32 = 65536;
const NOBODY: i32 = -1;

/** A page: u64 position to go on from, u8 complete, then the rows. */
function result(page: Writer, position: i64, complete: bool): void {
  store<u64>(page.start, position);
  store<u8>(page.start + 8, complete ? 1 : 0);
  result_blob(page.start, page.size);
}

function newPage(): Writer {
  const page = new Writer(PAGE_AIM + 4096);
  page.u64(0);
  page.byte(0);
  return page;
}

/**
 * One page of cloudsync_changes: (position, since, table, site). The first page, position 0, takes local
 * writes in; later ones do not, so that a scan ends even when the application writes a row for each row it
 * reads. Table and site may be NULL; they and `since` only narrow what is read: SQLite checks every row
 * again.
 */
export function changesPage(): void {
  const filter = new FeedFilter();
  filter.position = argumentInteger(0, 4, 0, 0, i64.MAX_VALUE, 'position');
  filter.since = argumentInteger(1, 4, 0, 0, i64.MAX_VALUE, 'since');
  const oneTable = argument_type(2) != TYPE_NULL;
  const name = oneTable ? argumentText(2, 'the table') : new Slice(0, 0);
  const site = argumentOptionalBlob(3, SITE_SIZE, 'the site');
  if (hasFailed()) return;
  if (!catalogExists()) {
    if (!hasFailed()) result(newPage(), 0, true);
    return;
  }
  if (!(filter.position == 0 ? beginReading() : beginReadingOn())) return;
  let chosen = tables;
  if (oneTable) {
    const found = findTable(tables, name);
    chosen = [];
    if (found != null) chosen.push(found);
  }
  if (site.size > 0) {
    filter.onlySite = findSite(site.pointer);
    if (filter.onlySite == 0) filter.onlySite = NOBODY;
  }
  const feeds = new Feeds(chosen, filter);
  const rows = new ChangeRows(feeds);
  const page = newPage();
  const ok = rows.write(page, PAGE_AIM);
  feeds.close();
  if (endOperation(ok)) result(page, rows.position, rows.complete);
}

/**
 * Packets of exactly the rows given, which the host has collected as cells: the end of the aggregate
 * cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq). Folds
 * nothing: the rows were read before.
 */
export function changesEncode(): void {
  argumentBlobSize(0, 'the rows');
  if (!hasFailed() && !catalogExists()) failWithoutCatalog();
  if (hasFailed() || !beginReadingOn()) return;
  let ok = true;
  for (let i = 0; ok && i < tables.length; i++) ok = tables[i].open();
  if (ok) rankTables(tables);
  const changes = new PickedChanges(new ChangeReader(tables, CellReader.ofArgument(0), PICKED), true);
  result_append(0, 0);
  while (ok && !hasFailed()) {
    const mark = arenaMark();
    const packet = changes.next();
    if (packet == null) break;
    appendPacket(packet);
    arenaRelease(mark);
  }
  endOperation(ok);
}

/**
 * Takes one row that is inserted into cloudsync_changes, as cells; the result is its number in the inbox. It is merged
 * by the next operation, because within the INSERT there can be no savepoint: here it is checked and put aside. Reads
 * and one plain INSERT, without a transaction of its own, which the statement around it has.
 */
export function changesInsert(): void {
  const size = argumentBlobSize(0, 'the row');
  if (!hasFailed() && !catalogExists()) failWithoutCatalog();
  if (size > ROW_MAX) failWith('the change is larger than a packet can carry', SQLITE_TOOBIG);
  if (hasFailed()) return;
  const row = new Slice(arenaAllocate(size), size);
  argument_copy(0, 0, row.pointer, size);
  const reader = new ChangeReader(loadTables(), CellReader.ofMemory(row), OFFERED);
  if (reader.next() == null) return;
  if (!reader.atEnd) {
    failWith('one row of cloudsync_changes is expected');
    return;
  }
  const id = putIntoInbox(row);
  if (!hasFailed()) result_integer(id);
}
