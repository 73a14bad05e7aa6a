/**
 * held.ts: what arrived and cannot be applied yet. Each row (or the columns of it that this database does not know)
 * is kept as a packet of its own in cloudsync_held, with the reason, and merged again when what it waits for may have
 * come. Merging is idempotent and order-free, so a late merge has the same result as one in time.
 */
import { time_microseconds } from '../host';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { valueSize } from '../bytes/value';
import { Encoder, RowImage } from '../packet/encoder';
import { packetDigest } from '../packet/envelope';
import { IncomingRow } from '../packet/decoder';
import { Oversized } from '../packet/feed';
import { execute, queryInteger, Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { xxh64 } from '../bytes/xxh64';

/** Tried again after every merge. */
export const WAITS_FOR_DATA: i32 = 0;
/** Tried again when the schema of the tracked tables has changed. */
export const WAITS_FOR_SCHEMA: i32 = 1;
/** Never tried again: a report about a value that cannot travel. */
export const WAITS_FOR_NOTHING: i32 = 2;
/** Never tried again: a report that the server did not accept a row. */
export const WAITS_FOR_SERVER: i32 = 3;

/** A row of cloudsync_changes that fits no table as it is here (merge/inbox.ts); as WAITS_FOR_SCHEMA. */
export const WAITS_AS_CHANGE: i32 = 4;

function insert(
  table: Slice,
  key: Slice,
  columns: Slice,
  reason: Slice,
  waits: i32,
  packet: Slice,
  digest: i64,
): bool {
  const statement = new Statement(
    new Text().add(
      'INSERT OR IGNORE INTO main.cloudsync_held(tbl,pk,columns,reason,since,content,digest,waits)' +
        ' VALUES(?1,?2,?3,?4,?5,?6,?7,?8)',
    ),
  );
  statement.text(1, table).blob(2, key.pointer, key.size).text(3, columns).text(4, reason);
  statement.integer(5, time_microseconds() / 1000).blob(6, packet.pointer, packet.size);
  const ok = statement.integer(7, digest).integer(8, waits).run();
  statement.close();
  return ok;
}

/**
 * Keeps a row of a packet. `incoming` is the packet's table; `include` names the columns to keep (null = all that
 * the row has). The kept packet depends on the row only, not on the packet it came in, so that the same row arriving
 * again is kept once.
 */
export function holdRow(
  incoming: Table,
  row: IncomingRow,
  include: StaticArray<bool> | null,
  reason: Slice,
  waits: i32,
): bool {
  const image = new RowImage(incoming.width);
  const columns = new Text();
  image.cl = row.cl;
  image.clock = row.clock;
  image.site = row.site;
  if (row.hasDeleted) image.deleted = row.deleted;
  for (let i = 0; i < row.width; i++) {
    if (row.alive && (!row.includes(i) || (include != null && !include[i]))) continue;
    image.bases.set(i, row.bases.get(i));
    if (!row.alive) continue;
    image.include(i, row.stamps.clock(i), row.stamps.site(i));
    if (columns.size > 0) columns.add(', ');
    columns.bytes(incoming.columns[i].name);
  }
  const encoder = new Encoder(row.site, 256);
  encoder.beginRow(incoming, row.key, image);
  for (let i = 0; i < row.width; i++) {
    if (image.includes(i)) encoder.column(image, i).bytes(row.value(i), valueSize(row.value(i)));
  }
  encoder.endRow(image);
  const packet = encoder.finish(0, 0);
  return insert(incoming.name, row.key, columns.slice(), reason, waits, packet, packetDigest(packet));
}

/** Keeps a row of cloudsync_changes as it came, once. */
export function holdChange(table: Slice, key: Slice, column: Slice, reason: Slice, cells: Slice): bool {
  const digest = <i64>xxh64(cells.pointer, cells.size, 0);
  return insert(table, key, column, reason, WAITS_AS_CHANGE, cells, digest);
}

/** Puts a report into the list: nothing waits, but the user has to know. One per row and column. */
export function holdReport(table: Slice, key: Slice, column: Slice, reason: Slice, waits: i32): bool {
  const digest = <i64>xxh64(key.pointer, key.size, xxh64(column.pointer, column.size, 1));
  return insert(table, key, column, reason, waits, sliceOf(''), digest);
}

/** Reports values that are too large to travel; they stay on this device. */
export function reportOversized(values: Array<Oversized>): bool {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const reason = new Text().add('a value of ').number(value.size);
    reason.add(' bytes is larger than a packet can carry; it stays on this device');
    if (!holdReport(value.table.name, value.key, value.column, reason.slice(), WAITS_FOR_NOTHING))
      return false;
  }
  return true;
}

/** Removes the reports about rows that the server did not accept. */
export function withdrawServerReports(): bool {
  return execute(new Text().add('DELETE FROM main.cloudsync_held WHERE waits=').number(WAITS_FOR_SERVER));
}

/** Ids of the held rows that may be tried now, oldest first. */
export function heldIds(waits: i32): Array<i64> {
  const list: Array<i64> = [];
  const statement = new Statement(
    new Text()
      .add('SELECT id FROM main.cloudsync_held WHERE table_id IS NULL AND waits<=')
      .number(waits)
      .add(' ORDER BY id LIMIT 10000'),
  );
  while (statement.step()) list.push(statement.columnInteger(0));
  statement.close();
  return list;
}

/** The packet of a held row. */
export function heldPacket(id: i64): Slice {
  const statement = new Statement(
    new Text().add('SELECT content FROM main.cloudsync_held WHERE id=').number(id),
  );
  const packet = statement.step() ? statement.columnBytes(0) : new Slice(0, 0);
  statement.close();
  return packet;
}

export function releaseHeld(id: i64): bool {
  return execute(new Text().add('DELETE FROM main.cloudsync_held WHERE id=').number(id));
}

/** Number of rows that are held. */
export function heldCount(): i64 {
  return queryInteger(new Text().add('SELECT count(*) FROM main.cloudsync_held'), 0);
}
