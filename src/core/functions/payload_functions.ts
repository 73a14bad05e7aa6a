/** payload_functions.ts: packets by hand, to and from SQL values and files, and the page that servers read. */
import { sendEverything } from '../catalog/send_settings';
import { findSite, hasBroughtItself, internSite } from '../catalog/sites';
import { SITE_SIZE } from '../catalog/schema';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import {
  file_close,
  file_open,
  file_remove,
  file_rename,
  file_write,
  result_append,
  result_blob,
  result_integer,
  sql_readonly,
} from '../host';
import { reportOversized } from '../merge/held';
import { mergeSource } from '../merge/payload_merge';
import { RefusedRows } from '../merge/refused_rows';
import { FeedFilter } from '../packet/feed';
import { PACKET_AIM } from '../packet/limits';
import { NamedRows } from '../packet/named_rows';
import { Pages } from '../packet/pages';
import { RowsPacket } from '../packet/rows_packet';
import { PacketSource } from '../packet/source';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { beginOperation, beginReading, endOperation, tables } from '../operation';
import { fail, failWith, hasFailed, SQLITE_TOOBIG } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import {
  argumentBlobSize,
  argumentInteger,
  argumentList,
  argumentOptionalBlob,
  argumentText,
} from './arguments';

const SEQ_MAX: i64 = 9007199254740991;
const PAGE_BYTES_MIN: i64 = 1024;
const PAGE_BYTES_MAX: i64 = 4194304;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_IOERR: i32 = 10;

/** Makes all packets after `since` and gives each to the file, or to the result when `file` is -1. Rows, or -1. */
function encodeAll(since: i64, file: i32): i64 {
  const filter = new FeedFilter();
  filter.since = since;
  const pages = new Pages(tables, filter, PACKET_AIM);
  while (!pages.complete && !hasFailed()) {
    const mark = arenaMark();
    const packet = pages.next();
    if (packet != null) emit(packet, file);
    if (sql_readonly() == 0) reportOversized(pages.oversized);
    arenaRelease(mark);
  }
  pages.close();
  return hasFailed() ? -1 : pages.rows;
}

function emit(packet: Slice, file: i32): void {
  if (file >= 0) {
    if (file_write(file, packet.pointer, packet.size) != 0)
      failWith('the payload file cannot be written', SQLITE_IOERR);
  } else {
    appendPacket(packet);
  }
}

/** Adds a packet to the payload that is the result of the SQL call. */
export function appendPacket(packet: Slice): void {
  const code = result_append(packet.pointer, packet.size);
  if (code == SQLITE_TOOBIG)
    failWith('the payload is larger than a value may be; use cloudsync_payload_save', code);
  else if (code != 0) failWith('no memory for the payload', code);
}

export function payloadEncode(count: i32): void {
  const since = argumentInteger(0, count, 0, 0, SEQ_MAX, 'since');
  if (hasFailed() || !beginReading()) return;
  result_append(0, 0);
  endOperation(encodeAll(since, -1) >= 0);
}

export function payloadApply(): void {
  const size = argumentBlobSize(0, 'the payload');
  if (hasFailed() || !beginOperation()) return;
  const rows = mergeSource(PacketSource.ofArgument(0, size), 0, null);
  if (endOperation(rows >= 0 && (rows == 0 || sendEverything()))) result_integer(rows);
}

/** For servers: merges what a device has sent, without the rows that are refused: (payload, site[, refused]). */
export function payloadTake(count: i32): void {
  const size = argumentBlobSize(0, 'the payload');
  const site = argumentOptionalBlob(1, SITE_SIZE, 'the site');
  const list = count > 2 ? argumentList(2, 'the list of refused rows') : new Slice(0, 0);
  if (hasFailed() || !beginOperation()) return;
  const sender = site.size > 0 ? internSite(site.pointer) : 0;
  const refused = list.size > 0 ? new RefusedRows(list, tables) : null;
  const rows = hasFailed() ? -1 : mergeSource(PacketSource.ofArgument(0, size), sender, refused);
  if (endOperation(rows >= 0)) result_integer(rows);
}

function failFile(path: Slice, what: string): bool {
  return fail(new Text().add("the file '").bytes(path).add("' ").add(what), SQLITE_CANTOPEN);
}

/**
 * Refuses the file of the database itself: writing would destroy it, and merely opening and closing it would drop the
 * locks that SQLite holds. Compared is the last part of the path, so that no other way to write the path gets through.
 */
function isDatabaseFile(path: Slice): bool {
  let start = path.size;
  while (start > 0 && load<u8>(path.pointer + start - 1) != 47 && load<u8>(path.pointer + start - 1) != 92)
    start--;
  const statement = new Statement(
    new Text().add(
      "SELECT 1 FROM pragma_database_list WHERE file<>''" +
        " AND (file=?1 OR substr(file,-length(?1)-1) IN ('/'||?1, '\\'||?1))",
    ),
  );
  const found = statement.text(1, new Slice(path.pointer + start, path.size - start)).step();
  statement.close();
  if (found) failFile(path, 'has the name of the open database; choose another name for the payload');
  return found;
}

/** Writes to a temporary file beside the target and renames it: a reader sees the whole payload or none. */
export function payloadSave(count: i32): void {
  const path = argumentText(0, 'the path');
  const since = argumentInteger(1, count, 0, 0, SEQ_MAX, 'since');
  if (hasFailed() || isDatabaseFile(path) || !beginReading()) return;
  const partial = new Text().bytes(path).add('.part');
  const file = file_open(partial.pointer, partial.size, 1);
  let rows: i64 = -1;
  if (file < 0) {
    failFile(path, 'cannot be created; check the folder and its permissions');
  } else {
    rows = encodeAll(since, file);
    if (file_close(file, 1) != 0) failFile(path, 'cannot be written to the disk');
    if (
      rows >= 0 &&
      !hasFailed() &&
      file_rename(partial.pointer, partial.size, path.pointer, path.size) != 0
    ) {
      failFile(path, 'cannot be replaced');
    }
    if (hasFailed()) file_remove(partial.pointer, partial.size);
  }
  if (endOperation(rows >= 0)) result_integer(rows);
}

export function payloadLoad(): void {
  const path = argumentText(0, 'the path');
  if (hasFailed() || isDatabaseFile(path)) return;
  const file = file_open(path.pointer, path.size, 0);
  if (file < 0) {
    failFile(path, 'cannot be opened');
    return;
  }
  if (beginOperation()) {
    const rows = mergeSource(PacketSource.ofFile(file), 0, null);
    if (endOperation(rows >= 0 && (rows == 0 || sendEverything()))) result_integer(rows);
  }
  file_close(file, 0);
}

/** The ordinal of the site whose own changes after `since` a page may leave out; 0 when it may lack some of them. */
function siteToExclude(site: usize, since: i64): i32 {
  const ordinal = findSite(site);
  return ordinal > 0 && hasBroughtItself(ordinal, since) ? ordinal : 0;
}

/**
 * One page for a server: u64 `upto`, u8 complete, then one packet or nothing. Arguments: the reader's position and
 * since (see FeedFilter), bytes, and the site whose own changes are left out (16 bytes or NULL). The reader's position
 * is `upto` then, and when the page is complete its since is too.
 */
export function payloadPage(): void {
  const filter = new FeedFilter();
  filter.position = argumentInteger(0, 4, 0, 0, SEQ_MAX, 'position');
  filter.since = argumentInteger(1, 4, 0, 0, SEQ_MAX, 'since');
  const bytes = argumentInteger(2, 4, PACKET_AIM, PAGE_BYTES_MIN, PAGE_BYTES_MAX, 'bytes');
  const site = argumentOptionalBlob(3, SITE_SIZE, 'the site');
  if (hasFailed() || !beginReading()) return;
  if (site.size > 0) filter.excludeSite = siteToExclude(site.pointer, filter.since);
  const pages = new Pages(tables, filter, <u32>bytes);
  const packet = pages.next();
  if (sql_readonly() == 0) reportOversized(pages.oversized);
  const page = new Writer(packet == null ? 16 : packet.size + 16);
  page.u64(pages.upto);
  page.byte(pages.complete ? 1 : 0);
  if (packet != null) page.bytes(packet.pointer, packet.size);
  pages.close();
  if (endOperation(!hasFailed())) result_blob(page.start, page.size);
}

/**
 * For servers: one packet of named rows, each as far as it is newer than `since`. Arguments: the list of rows, since,
 * the site whose own changes are left out (16 bytes or NULL), bytes. Result: u32 how many rows of the list were used,
 * then the packet or nothing.
 */
export function payloadRows(): void {
  const list = argumentList(0, 'the list of rows');
  const filter = new FeedFilter();
  filter.since = argumentInteger(1, 4, 0, 0, SEQ_MAX, 'since');
  const site = argumentOptionalBlob(2, SITE_SIZE, 'the site');
  const bytes = argumentInteger(3, 4, PACKET_AIM, PAGE_BYTES_MIN, PAGE_BYTES_MAX, 'bytes');
  if (hasFailed() || !beginReading()) return;
  if (site.size > 0) filter.excludeSite = siteToExclude(site.pointer, filter.since);
  const reader = new Reader(list.pointer, list.pointer + list.size);
  const names = new NamedRows(reader);
  const rows = new RowsPacket(tables, filter);
  const packet = rows.make(names, <u32>bytes);
  if (sql_readonly() == 0) reportOversized(rows.oversized);
  rows.close();
  if (reader.bad || (names.ended && reader.left != 0)) failWith('the list of rows is damaged');
  const result = new Writer(packet == null ? 4 : packet.size + 4);
  result.u32(rows.used);
  if (packet != null) result.bytes(packet.pointer, packet.size);
  if (endOperation(!hasFailed())) result_blob(result.start, result.size);
}
