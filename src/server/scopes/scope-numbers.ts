/**
 * scope-numbers.ts: scopes by number. Nobody outside sees more of a scope than that, because its key may be a value
 * that the reader must not know.
 */
import type { SyncDatabase } from '../store/database.js';

/** The number of a scope; undefined when no row was ever in it. */
export function findScope(database: SyncDatabase, branch: string, key: Buffer): number | undefined {
  const sql = 'SELECT id FROM cloudsync_scopes WHERE branch = ? AND key = ?';
  return database.prepare<[string, Buffer], { id: number }>(sql).get(branch, key)?.id;
}

/** The number of a scope, which gets one when it has none. */
export function internScope(database: SyncDatabase, branch: string, key: Buffer): number {
  const found = findScope(database, branch, key);
  if (found !== undefined) return found;
  const sql = 'INSERT INTO cloudsync_scopes(branch, key) VALUES (?, ?) RETURNING id';
  const row = database.prepare<[string, Buffer], { id: number }>(sql).get(branch, key);
  if (row === undefined) throw new Error('a scope got no number');
  // Who has it does not know yet that there is something in it.
  database.touched.addAny();
  return row.id;
}
