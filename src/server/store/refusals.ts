/**
 * refusals.ts: the writes that policies, constraints or bounds have refused, for an administrator who is asked why an
 * edit was lost. The table is bounded, the newest are kept; it holds no values besides the keys of the rows.
 */
import type { RefusedWrite } from '../administration.js';
import { LIMITS } from '../limits.js';
import { keyText } from '../scopes/key-text.js';
import type { SyncDatabase } from './database.js';

export const REFUSALS_TABLE = `
CREATE TABLE IF NOT EXISTS cloudsync_server_refusals(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, site BLOB NOT NULL, subject TEXT NOT NULL,
  tbl TEXT NOT NULL, pk TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;`;

/** A row that was refused. `pk` is its key as in cloudsync_changes. */
export interface Refusal {
  table: string;
  pk: Buffer;
  code: string;
  detail: string;
}

/** Notes what was refused to a device, inside the transaction that answers it. Of a large batch the first are kept. */
export function recordRefusals(
  database: SyncDatabase,
  site: Uint8Array,
  subject: string,
  refusals: readonly Refusal[],
): void {
  if (refusals.length === 0) return;
  const now = database.surroundings.now();
  const add = database.prepare(
    'INSERT INTO cloudsync_server_refusals(at, site, subject, tbl, pk, code, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  for (const { table, pk, code, detail } of refusals.slice(0, LIMITS.refusalsPerBatch)) {
    add.run(now, site, subject, table, keyText(pk), code, detail.slice(0, LIMITS.refusalCharacters));
  }
  database
    .prepare(
      'DELETE FROM cloudsync_server_refusals WHERE id <= (SELECT max(id) FROM cloudsync_server_refusals) - ?',
    )
    .run(LIMITS.refusals);
}

export function countRefusals(database: SyncDatabase): number {
  const sql = 'SELECT count(*) AS count FROM cloudsync_server_refusals';
  return database.prepare<[], { count: number }>(sql).get()?.count ?? 0;
}

/** One part of them, the newest first. */
export function listRefusals(database: SyncDatabase, offset: number, limit: number): RefusedWrite[] {
  const sql =
    'SELECT at, lower(hex(site)) AS site, subject, tbl AS "table", pk AS key, code, detail' +
    ' FROM cloudsync_server_refusals ORDER BY id DESC LIMIT ? OFFSET ?';
  return database.prepare<[number, number], RefusedWrite>(sql).all(limit, offset);
}
