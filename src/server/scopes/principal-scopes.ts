/**
 * principal-scopes.ts: the scopes that a principal sees now. They are computed afresh for every request, from claims
 * and membership tables: so a grant or a revocation costs nothing until somebody asks.
 */
import type { Principal } from '../principal.js';
import { findScope } from './scope-numbers.js';
import type { Scoped } from './scoped.js';
import { policyRows, type RowKey, type TrackedTable } from './tracked-tables.js';
import { encodeValues } from './values.js';

/** Numbers of the scopes of a principal, ascending; those that never had a row are left out. */
export function scopesOf({ compiled, database }: Scoped, principal: Principal): Set<number> {
  const queries = new Map<string, string>();
  for (const { branches } of compiled.tables.values()) {
    for (const branch of branches) queries.set(branch.id, branch.principalKeys);
  }
  const scopes: number[] = [];
  database.auth.asPrincipal(principal, () => {
    for (const [branch, sql] of queries) {
      for (const key of policyRows(database, sql) ?? []) {
        const scope = findScope(database, branch, encodeValues(key));
        if (scope !== undefined) scopes.push(scope);
      }
    }
  });
  return new Set(scopes.sort((left, right) => left - right));
}

/** An entry of a row that is in its scope. */
export interface LiveEntry {
  scope: number;
  entry: number;
  enter_seq: number;
  seq: number;
}

/** The entries of a row in the scopes that it is in. */
export function liveEntries(
  { database }: Scoped,
  table: TrackedTable,
  { pk }: Pick<RowKey, 'pk'>,
): LiveEntry[] {
  const sql =
    'SELECT scope, entry, enter_seq, seq FROM cloudsync_scope_rows WHERE tbl = ? AND pk = ? AND live = 1';
  return database.prepare<unknown[], LiveEntry>(sql).all(table.id, pk);
}

/** Whether a principal with these scopes sees a row. */
export function isVisible(
  scoped: Scoped,
  own: ReadonlySet<number>,
  table: TrackedTable,
  row: Pick<RowKey, 'pk'>,
): boolean {
  return liveEntries(scoped, table, row).some((entry) => own.has(entry.scope));
}
