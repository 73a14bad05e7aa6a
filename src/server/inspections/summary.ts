/**
 * summary.ts: a database at a glance: sizes, counts, tables.
 */
import type { DatabaseSummary, TableSummary } from '../administration.js';
import type { SyncDatabase } from '../store/database.js';
import { countRefusals } from '../store/refusals.js';
import { algorithmName } from '../store/table-definition.js';
import { quoteName } from '../store/tables.js';
import { countRows } from './counting.js';

/** @param tablesMax how many tables are described; counting their rows costs the more of them the more there are */
export function summarize(database: SyncDatabase, tablesMax: number): DatabaseSummary {
  const { sqlite } = database;
  const pageBytes = Number(sqlite.pragma('page_size', { simple: true }));
  const hasTables = database.hasTables();
  const tables = hasTables ? trackedTables(database) : [];
  return {
    name: database.name,
    bytes: pageBytes * Number(sqlite.pragma('page_count', { simple: true })),
    freeBytes: pageBytes * Number(sqlite.pragma('freelist_count', { simple: true })),
    tables: tables.length,
    ...summarizeDevices(database),
    held: hasTables ? countRows(database, 'SELECT 1 FROM cloudsync_held') : { value: 0, isLeast: false },
    refused: countRefusals(database),
    policies: newestVersion(database),
    head: hasTables ? database.head() : 0,
    epoch: database.epoch.toString('hex'),
    tableList: tables.slice(0, tablesMax).map(
      ({ name, algorithm }): TableSummary => ({
        name,
        algorithm: algorithmName(algorithm),
        rows: countRows(database, `SELECT 1 FROM main.${quoteName(name)}`),
      }),
    ),
  };
}

function summarizeDevices(database: SyncDatabase): Pick<DatabaseSummary, 'devices' | 'lastSeen'> {
  const sql = 'SELECT count(*) AS devices, max(last_seen) AS lastSeen FROM cloudsync_server_sites';
  const row = database.prepare<[], { devices: number; lastSeen: number | null }>(sql).get();
  return row ?? { devices: 0, lastSeen: null };
}

function trackedTables(database: SyncDatabase): { name: string; algorithm: number }[] {
  const sql = 'SELECT name, algorithm FROM cloudsync_tables ORDER BY name';
  return database.prepare<[], { name: string; algorithm: number }>(sql).all();
}

function newestVersion(database: SyncDatabase): number | null {
  const sql = 'SELECT max(version) AS version FROM cloudsync_server_policies';
  return database.prepare<[], { version: number | null }>(sql).get()?.version ?? null;
}
