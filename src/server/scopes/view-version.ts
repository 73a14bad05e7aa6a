/**
 * view-version.ts: the state of what a principal sees, as a text, for those who wait for news. Changes of rows that it
 * does not see leave the text as it is: that others work at all is nothing that it should learn.
 */
import { createHash } from 'node:crypto';
import type { Principal } from '../principal.js';
import type { SyncDatabase } from '../store/database.js';
import type { Operations } from '../store/store.js';
import { readState } from './layout.js';
import { scopesOf } from './principal-scopes.js';
import { updateIndex } from './scope-index.js';
import { openScoped, type Scoped } from './scoped.js';

/** Inside a transaction that writes. */
export function versionOf(scoped: Scoped, principal: Principal): Operations['version']['result'] {
  const { database } = scoped;
  const head = updateIndex(scoped);
  database.recordHead();
  const scopes = [...scopesOf(scoped, principal)];
  const sql = 'SELECT max(seq) AS latest FROM cloudsync_scope_rows WHERE scope = ?';
  const latest = database.prepare<[number], { latest: number | null }>(sql);
  const hash = createHash('sha256').update(readState(database).epoch);
  for (const scope of scopes) hash.update(`${scope} ${latest.get(scope)?.latest ?? 0}\n`);
  return { version: hash.digest('hex'), head, scopes };
}

/** The scopes that were touched since the last call, by whomever. */
export function touchedScopes(database: SyncDatabase): readonly number[] | 'any' {
  const update = database.sqlite.transaction(() => {
    const scoped = openScoped(database);
    if (scoped !== undefined) updateIndex(scoped);
    database.recordHead();
  });
  update.immediate();
  return database.touched.take();
}
