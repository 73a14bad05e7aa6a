/**
 * pushed-rows.ts: what a push has done to a device's rows behind the back of its cursor. A cursor tells which rows the
 * device has been shown. But it also has the rows that it has pushed itself, which may have left its scopes again
 * before it reads them there; and a verdict may have made it forget a row that it has read. So every row of a batch is
 * noted, and looked at once more when the device has read all its scopes after the batch.
 */
import type { SyncDatabase } from '../store/database.js';

export interface PushedRow {
  id: number;
  batch: number;
  tbl: number;
  pk: Buffer;
  /** Whether the answer to the batch made the device forget the row. */
  forgotten: number;
}

/** A place in a site's list. */
export interface PushedPlace {
  batch: number;
  id: number;
}

export function notePushedRow(
  database: SyncDatabase,
  site: Uint8Array,
  batch: number,
  row: { tbl: number; pk: Buffer; forgotten: boolean },
): void {
  // The id of a row that is noted again must be a new one: the list is read in the order of (batch, id).
  const sql =
    'INSERT OR REPLACE INTO cloudsync_scope_pushed(site, batch, tbl, pk, forgotten) VALUES (?, ?, ?, ?, ?)';
  database.prepare(sql).run(site, batch, row.tbl, row.pk, row.forgotten ? 1 : 0);
}

export function pushedRowsAfter(
  database: SyncDatabase,
  site: Uint8Array,
  { batch, id }: PushedPlace,
  limit: number,
): PushedRow[] {
  const sql =
    'SELECT id, batch, tbl, pk, forgotten FROM cloudsync_scope_pushed' +
    ' WHERE site = ? AND (batch, id) > (?, ?) ORDER BY batch, id LIMIT ?';
  return database.prepare<unknown[], PushedRow>(sql).all(site, batch, id, limit);
}

/** Drops the rows up to a place: the device has shown a cursor from behind it. */
export function dropPushedRows(database: SyncDatabase, site: Uint8Array, { batch, id }: PushedPlace): void {
  const sql = 'DELETE FROM cloudsync_scope_pushed WHERE site = ? AND (batch, id) <= (?, ?)';
  database.prepare(sql).run(site, batch, id);
}
