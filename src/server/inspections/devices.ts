/**
 * devices.ts: the devices of a database, those that registered or sent something last first.
 */
import type { Count, DeviceSummary, Inspections, Part } from '../administration.js';
import { LIMITS } from '../limits.js';
import type { SyncDatabase } from '../store/database.js';
import { quoteName } from '../store/tables.js';

type SiteRow = Omit<DeviceSummary, 'behind'>;

export function listDevices(
  database: SyncDatabase,
  { offset, limit }: Part,
): Inspections['devices']['result'] {
  const total = database
    .prepare<[], { count: number }>('SELECT count(*) AS count FROM cloudsync_server_sites')
    .get();
  const rows = database
    .prepare<[number, number], SiteRow>(
      'SELECT lower(hex(site)) AS site, subject, created AS registered, last_seen AS lastSeen,' +
        ' last_batch AS lastBatch FROM cloudsync_server_sites ORDER BY last_seen DESC, site LIMIT ? OFFSET ?',
    )
    .all(limit, offset);
  // Most devices of a database are at the same few positions.
  const counts = new Map<number, Count>();
  const devices = rows.map((row): DeviceSummary => {
    const position = database.handedOut.position(row.site);
    const lastSeen = Math.max(row.lastSeen, database.handedOut.lastPull(row.site) ?? 0);
    if (position === null) return { ...row, lastSeen, behind: null };
    const behind = counts.get(position) ?? countAfter(database, position);
    counts.set(position, behind);
    return { ...row, lastSeen, behind };
  });
  return { total: total?.count ?? 0, devices };
}

/** Counts the rows that have changed after a position, up to a bound. */
function countAfter(database: SyncDatabase, position: number): Count {
  const max = LIMITS.inspectedChanges;
  let value = 0;
  for (const table of clockTables(database)) {
    const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM main.${quoteName(table)} WHERE seq > ? LIMIT ?)`;
    const row = database.prepare<[number, number], { count: number }>(sql).get(position, max + 1 - value);
    value += row?.count ?? 0;
    if (value > max) return { value: max, isLeast: true };
  }
  return { value, isLeast: false };
}

function clockTables(database: SyncDatabase): string[] {
  if (!database.hasTables()) return [];
  return database.prepare<[], string>('SELECT clock_table FROM cloudsync_tables').pluck().all();
}
