/**
 * policies.ts: the policies of a database: what is in force, since when, what of it fits the tables no more, and what
 * was in force before.
 */
import type { Inspections, PolicyProblem } from '../administration.js';
import { activeText } from '../policies/active-policies.js';
import { compilePolicies } from '../policies/compile.js';
import { placeOf } from '../policies/policy-error.js';
import type { SyncDatabase } from '../store/database.js';

type PolicyOverview = Inspections['policies']['result'];

export function describePolicies(database: SyncDatabase, versionsMax: number): PolicyOverview {
  const text = activeText(database.sqlite) ?? null;
  const versions = database
    .prepare<[number], PolicyOverview['versions'][number]>(
      'SELECT version, hash, deployed FROM cloudsync_server_policies ORDER BY version DESC LIMIT ?',
    )
    .all(versionsMax);
  return { text, versions, problems: text === null ? [] : problemsOf(database, text) };
}

/** A policy was checked when it was deployed; the tables may have changed since, and then it denies. */
function problemsOf(database: SyncDatabase, text: string): PolicyProblem[] {
  const { errors } = compilePolicies(database.sqlite, text);
  return errors.map(({ offset, message, remedy }) => ({ ...placeOf(text, offset), message, remedy }));
}
