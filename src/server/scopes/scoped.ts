/**
 * scoped.ts: what every part of the scopes needs at once: a database, the policies in force there, and its tables.
 */
import type { CompiledPolicies } from '../policies/compiled.js';
import type { SyncDatabase } from '../store/database.js';
import { TrackedTables } from './tracked-tables.js';

export interface Scoped {
  database: SyncDatabase;
  compiled: CompiledPolicies;
  tables: TrackedTables;
}

/** Undefined where no policies are in force, or there is nothing yet that they could be about. */
export function openScoped(database: SyncDatabase): Scoped | undefined {
  const compiled = database.policies.current();
  if (compiled === undefined || !database.hasTables()) return undefined;
  return { database, compiled, tables: new TrackedTables(database) };
}
