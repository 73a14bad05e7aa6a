/**
 * counting.ts: counts rows up to a bound. SQLite counts by reading, and the devices of the database wait meanwhile.
 */
import type { Count } from '../administration.js';
import { LIMITS } from '../limits.js';
import type { SyncDatabase } from '../store/database.js';

/** @param query a SELECT without LIMIT, with `?` for the parameters */
export function countRows(database: SyncDatabase, query: string, ...parameters: unknown[]): Count {
  const sql = `SELECT count(*) AS count FROM (${query} LIMIT ?)`;
  const row = database
    .prepare<unknown[], { count: number }>(sql)
    .get(...parameters, LIMITS.inspectedRows + 1);
  const count = row?.count ?? 0;
  return { value: Math.min(count, LIMITS.inspectedRows), isLeast: count > LIMITS.inspectedRows };
}
