/**
 * jobs.ts: runs the jobs of one queue on the databases of one owner, one turn at a time. A worker thread is such an
 * owner; a store without threads can be one too.
 */
import { inspect } from '../inspections/inspect.js';
import type { CompiledPolicies } from '../policies/compiled.js';
import { mayPublish, type Principal } from '../principal.js';
import { touchedScopes } from '../scopes/view-version.js';
import type { SyncDatabase } from './database.js';
import type { Handles } from './handles.js';
import type { PushJob, Turn } from './job-queue.js';
import { peek, pull, version } from './pull.js';
import { pushGroup } from './push.js';
import { register } from './register.js';
import { publishSchema } from './schema.js';
import { toPassingTrouble } from './sqlite-errors.js';
import type { Change, Operations, Page } from './store.js';
import type { Job } from './thread-messages.js';

/** What came of a job: its result, or what it threw: a SyncError is a refusal, anything else a defect. */
export type Outcome = { result: unknown } | { error: unknown };

export interface FinishedJob {
  job: Job;
  outcome: Outcome;
}

export class JobRunner {
  readonly #handles: Handles;
  /** Head and policies of each database when its listeners were last told. */
  readonly #told = new Map<string, { head: number; policies: CompiledPolicies | undefined }>();

  constructor(handles: Handles) {
    this.#handles = handles;
  }

  /** Works one turn off. The outcomes hold once this method has returned: what they promise is on the disk. */
  work(turn: Turn): FinishedJob[] {
    if ('job' in turn) return [{ job: turn.job, outcome: this.#attempt(turn.job) }];
    const outcomes = this.#runPushes(turn.database, turn.pushes);
    return turn.pushes.map((job, index) => {
      const outcome = outcomes[index] ?? { error: new Error('a job has no outcome') };
      return { job, outcome: withPassingTrouble(outcome, job.database) };
    });
  }

  /** What has changed in a database since the last call, whatever has changed it. */
  newChange(name: string): Change | undefined {
    const database = this.#handles.get(name, false);
    const policies = database.policies.current();
    const told = this.#told.get(name);
    if (told !== undefined && told.head === database.head() && told.policies === policies) return undefined;
    const scopes = policies === undefined ? undefined : touchedScopes(database);
    const head = database.head();
    this.#told.set(name, { head, policies });
    return { head, scopes };
  }

  /** Lets a database that is open forget what no device needs any more, when it is time for that. */
  forget(database: string): void {
    this.#handles.find(database)?.readers.pruneWhenDue();
  }

  #attempt(job: Exclude<Job, PushJob>): Outcome {
    try {
      return { result: this.#run(job) };
    } catch (error) {
      return withPassingTrouble({ error }, job.database);
    }
  }

  #run(job: Exclude<Job, PushJob>): unknown {
    const mayCreate = job.name === 'register' && mayPublish(job.principal);
    const database = this.#handles.get(job.database, mayCreate);
    switch (job.name) {
      case 'register':
        return register(database, job.principal, job.input);
      case 'schema':
        return publishSchema(database, job.principal, job.input);
      case 'pull':
        return notedPull(database, job.principal, job.input);
      case 'peek':
        return peek(database, job.principal, job.input);
      case 'version':
        return version(database, job.principal, job.input);
      default:
        return inspect(database, job);
    }
  }

  #runPushes(name: string, jobs: readonly PushJob[]): Outcome[] {
    let database: SyncDatabase;
    try {
      database = this.#handles.get(name, false);
    } catch (error) {
      return jobs.map(() => ({ error }));
    }
    return pushGroup(database, jobs);
  }
}

function notedPull(database: SyncDatabase, principal: Principal, input: Operations['pull']['input']): Page {
  const page = pull(database, principal, input);
  database.handedOut.note(input.site, page.cursor);
  return page;
}

function withPassingTrouble(outcome: Outcome, database: string): Outcome {
  return 'error' in outcome ? { error: toPassingTrouble(outcome.error, database) } : outcome;
}
