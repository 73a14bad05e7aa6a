/**
 * scoped.ts: what every part of the scopes needs at once: a database, the policies in force there, its tables, and a
 * way to ask as a principal.
 */
import type { CompiledPolicies } from '../policies/compiled.js';
import type { Principal } from '../principal.js';
import type { SyncDatabase } from '../store/database.js';
import type { TrackedTables } from './tracked-tables.js';

/** The policies in force in a database. */
export interface ActivePolicies {
  compiled: CompiledPolicies;
  /** Runs work during which the functions auth_*() of the connection answer for a principal. */
  asPrincipal<Result>(principal: Principal, work: () => Result): Result;
}

export interface Scoped extends ActivePolicies {
  database: SyncDatabase;
  tables: TrackedTables;
}
