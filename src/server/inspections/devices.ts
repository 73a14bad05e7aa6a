/**
 * devices.ts: the devices of a database, those heard of last first.
 */
import type { DeviceSummary, Inspections, Part } from '../administration.js';
import type { SyncDatabase } from '../store/database.js';

export function listDevices(
  database: SyncDatabase,
  { offset, limit }: Part,
): Inspections['devices']['result'] {
  const total = database
    .prepare<[], { count: number }>('SELECT count(*) AS count FROM cloudsync_server_sites')
    .get();
  const devices = database
    .prepare<[number, number], DeviceSummary>(
      'SELECT lower(hex(site)) AS site, subject, created AS registered, last_seen AS lastSeen,' +
        ' last_batch AS lastBatch FROM cloudsync_server_sites ORDER BY last_seen DESC, site LIMIT ? OFFSET ?',
    )
    .all(limit, offset);
  return { total: total?.count ?? 0, devices };
}
