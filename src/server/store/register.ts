/**
 * register.ts: makes a device's site known in a database, binds it to the subject of its key, and tells
 * which of the device's tables are missing here.
 */
import type { Principal } from '../principal.js';
import type { SyncDatabase } from './database.js';
import type { Operations, TableShape } from './store.js';
import { findTable, foldName, type RealTable } from './tables.js';

/** @throws SyncError forbidden when the site belongs to another subject */
export function register(
  database: SyncDatabase,
  principal: Principal,
  input: Operations['register']['input'],
): Operations['register']['result'] {
  return database.sqlite
    .transaction(() => {
      const now = database.surroundings.now();
      database
        .prepare(
          'INSERT INTO cloudsync_server_sites(site, subject, created, last_seen) VALUES (?, ?, ?, ?)' +
            ' ON CONFLICT(site) DO UPDATE SET last_seen = excluded.last_seen',
        )
        .run(input.site, principal.subject, now, now);
      const site = database.requireSite(principal, input.site);
      database.readers.expect(input.site);
      const missing = input.tables.filter((table) => isMissing(table, findTable(database, table.name)));
      return {
        epoch: database.epoch,
        lastBatch: site.last_batch,
        missing: missing.map((table) => table.name),
      };
    })
    .immediate();
}

/** A table is missing when it is absent, not tracked yet, or lacks a column that the device syncs. */
function isMissing(shape: TableShape, table: RealTable | undefined): boolean {
  if (table === undefined || !table.isTracked) return true;
  const names = new Set(table.columns.map((column) => foldName(column.name)));
  return shape.columns.some((column) => !names.has(foldName(column)));
}
