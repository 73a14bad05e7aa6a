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

/** What was opened last for policies, which are compiled for one database and anew when its schema changes. */
const OPENED = new WeakMap<CompiledPolicies, { catalog: string; scoped: Scoped }>();

/** Undefined where no policies are in force, or there is nothing yet that they could be about. */
export function openScoped(database: SyncDatabase): Scoped | undefined {
  const compiled = database.policies.current();
  if (compiled === undefined || !database.hasTables()) return undefined;
  const known = OPENED.get(compiled);
  const catalog = catalogText(database);
  if (known?.catalog === catalog) return known.scoped;
  const scoped = { database, compiled, tables: new TrackedTables(database) };
  OPENED.set(compiled, { catalog, scoped });
  return scoped;
}

/** What the extension has noted of its tables. After a renaming it notes the new name later than the schema does. */
function catalogText(database: SyncDatabase): string {
  const sql =
    "SELECT coalesce(group_concat(id || ' ' || algorithm || ' ' || clock_table || ' ' || name, char(10)), '') AS text" +
    ' FROM cloudsync_tables';
  return database.prepare<[], { text: string }>(sql).get()?.text ?? '';
}
