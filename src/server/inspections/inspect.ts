/**
 * inspect.ts: answers what an administrator asks about a database. Every answer is bounded in size and in work, because
 * the devices of the database wait while it is made.
 */
import type { Inspections } from '../administration.js';
import { requireAdministrator } from '../principal.js';
import type { SyncDatabase } from '../store/database.js';
import { countRefusals, listRefusals } from '../store/refusals.js';
import type { Job } from '../store/thread-messages.js';
import { listDevices } from './devices.js';
import { describePolicies } from './policies.js';
import { summarize } from './summary.js';
import { viewAs } from './view.js';

export type InspectionJob = Extract<Job, { name: keyof Inspections }>;
type Answer = Inspections[keyof Inspections]['result'];

/** @throws SyncError forbidden when the principal is no administrator */
export function inspect(database: SyncDatabase, job: InspectionJob): Answer {
  requireAdministrator(job.principal);
  const transaction = database.sqlite.transaction(() => answer(database, job));
  return job.name === 'view' ? transaction.immediate() : transaction();
}

function answer(database: SyncDatabase, job: InspectionJob): Answer {
  switch (job.name) {
    case 'summary':
      return summarize(database, job.input.tablesMax);
    case 'devices':
      return listDevices(database, job.input);
    case 'refusals': {
      const { offset, limit } = job.input;
      return { total: countRefusals(database), refusals: listRefusals(database, offset, limit) };
    }
    case 'policies':
      return describePolicies(database, job.input.versionsMax);
    case 'view':
      return viewAs(database, job.input);
  }
}
