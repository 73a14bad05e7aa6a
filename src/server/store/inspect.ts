/**
 * inspect.ts: answers what an administrator asks about a database. It changes nothing, and every answer is bounded
 * in size and in work: the devices of the database wait while it is made.
 */
import type {
  Count,
  DatabaseSummary,
  DeviceSummary,
  Inspections,
  Part,
  TableSummary,
} from '../administration.js';
import { LIMITS } from '../limits.js';
import { requireAdministrator } from '../principal.js';
import type { SyncDatabase } from './database.js';
import { algorithmName } from './table-definition.js';
import { quoteName } from './tables.js';
import type { Job } from './thread-messages.js';

export type InspectionJob = Extract<Job, { name: keyof Inspections }>;

/** @throws SyncError forbidden when the principal is no administrator */
export function inspect(
  database: SyncDatabase,
  job: InspectionJob,
): Inspections[keyof Inspections]['result'] {
  requireAdministrator(job.principal);
  return database.sqlite.transaction(() => {
    switch (job.name) {
      case 'summary':
        return summarize(database, job.input.tablesMax);
      case 'devices':
        return listDevices(database, job.input);
    }
  })();
}

function summarize(database: SyncDatabase, tablesMax: number): DatabaseSummary {
  const { sqlite } = database;
  const pageBytes = Number(sqlite.pragma('page_size', { simple: true }));
  const sites = database
    .prepare<[], { devices: number; lastSeen: number | null }>(
      'SELECT count(*) AS devices, max(last_seen) AS lastSeen FROM cloudsync_server_sites',
    )
    .get();
  const hasTables = database.hasTables();
  const tables = hasTables ? trackedTables(database) : [];
  return {
    name: database.name,
    bytes: pageBytes * Number(sqlite.pragma('page_count', { simple: true })),
    freeBytes: pageBytes * Number(sqlite.pragma('freelist_count', { simple: true })),
    tables: tables.length,
    devices: sites?.devices ?? 0,
    lastSeen: sites?.lastSeen ?? null,
    held: hasTables ? countRows(database, 'cloudsync_held') : { value: 0, isLeast: false },
    head: hasTables ? database.head() : 0,
    epoch: database.epoch.toString('hex'),
    tableList: tables.slice(0, tablesMax).map(
      ({ name, algorithm }): TableSummary => ({
        name,
        algorithm: algorithmName(algorithm),
        rows: countRows(database, `main.${quoteName(name)}`),
      }),
    ),
  };
}

function trackedTables(database: SyncDatabase): { name: string; algorithm: number }[] {
  const sql = 'SELECT name, algorithm FROM cloudsync_tables ORDER BY name';
  return database.prepare<[], { name: string; algorithm: number }>(sql).all();
}

/** Counts rows up to a bound: SQLite counts by reading. */
function countRows(database: SyncDatabase, table: string): Count {
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM ${table} LIMIT ?)`;
  const row = database.prepare<[number], { count: number }>(sql).get(LIMITS.inspectedRows + 1);
  const count = row?.count ?? 0;
  return { value: Math.min(count, LIMITS.inspectedRows), isLeast: count > LIMITS.inspectedRows };
}

function listDevices(database: SyncDatabase, { offset, limit }: Part): Inspections['devices']['result'] {
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
