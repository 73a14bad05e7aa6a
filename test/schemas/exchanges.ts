/**
 * exchanges.ts: the ways in which the databases of the schema tests exchange their changes. A test takes one
 * of them, so that the same edits go through memory, through files and through a server.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrivalNumber, type Connection, single } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import type { RunningServer } from '../support/server.js';

export interface Exchange {
  /** For the name of the test. */
  by: string;
  /** Sends everything from every database to every other until nothing moves. */
  exchange(databases: readonly Connection[]): void;
  /** The databases must be connected first. */
  needsServer: boolean;
}

/** cloudsync_payload_save and cloudsync_payload_load, each file with what is new since the one before. */
function exchangeFiles(databases: readonly Connection[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-schemas-'));
  const cursors = databases.map(() => 0n);
  for (let round = 0; ; round++) {
    if (round > 2 * databases.length + 1) throw new Error('the exchange by files does not come to rest');
    let moved = 0n;
    databases.forEach((from, i) => {
      const path = join(folder, `${round}-${i}.csp`);
      const rows = single(from, 'SELECT cloudsync_payload_save(?, ?)', path, cursors[i]) as bigint;
      cursors[i] = arrivalNumber(from);
      moved += rows;
      for (const to of databases) {
        if (to !== from && rows > 0n) single(to, 'SELECT cloudsync_payload_load(?)', path);
      }
    });
    if (moved === 0n) break;
  }
  rmSync(folder, { recursive: true });
}

interface SyncReport {
  sent: { batches: number };
  received: { rows: number };
}

/** Gives every database the address of one database on a server, and the key. */
export function connect(databases: readonly Connection[], server: RunningServer, name: string): void {
  for (const db of databases) {
    single(db, 'SELECT cloudsync_network_init(?)', `${server.url}/${name}`);
    single(db, 'SELECT cloudsync_network_set_apikey(?)', server.key);
  }
}

/** cloudsync_network_sync through a real server, which gets the tables from the first database. */
function exchangeThroughServer(databases: readonly Connection[]): void {
  for (let round = 0; round < 2 * databases.length + 2; round++) {
    const reports = databases.map(
      (db) => JSON.parse(single(db, 'SELECT cloudsync_network_sync()') as string) as SyncReport,
    );
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the exchange through the server does not come to rest');
}

export const BY_PAYLOAD: Exchange = { by: 'payloads', exchange: exchangeAll, needsServer: false };
export const BY_FILE: Exchange = { by: 'files', exchange: exchangeFiles, needsServer: false };
export const BY_SERVER: Exchange = { by: 'a server', exchange: exchangeThroughServer, needsServer: true };
