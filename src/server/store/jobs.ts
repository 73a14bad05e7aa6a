/**
 * jobs.ts: runs the jobs of one queue on the databases of one owner, one turn at a time. A worker thread is such an
 * owner; a store without threads can be one too.
 */
import { inspect } from '../inspections/inspect.js';
import { mayPublish, type Principal } from '../principal.js';
import type { SyncDatabase } from './database.js';
import type { Handles } from './handles.js';
import type { PushJob, Turn } from './job-queue.js';
import { peek, pull } from './pull.js';
import { pushGroup } from './push.js';
import { register } from './register.js';
import { publishSchema } from './schema.js';
import { toPassingTrouble } from './sqlite-errors.js';
import type { Operations, Page } from './store.js';
import type { Job } from './thread-messages.js';

/** What came of a job: its result, or what it threw: a SyncError is a refusal, anything else a defect. */
export type Outcome = { result: unknown } | { error: unknown };

export interface FinishedJob {
  job: Job;
  outcome: Outcome;
}

export class JobRunner {
  readonly #handles: Handles;
  /** Head of each database when its listeners were last told. */
  readonly #knownHeads = new Map<string, number>();

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

  /** The head of a database when it has grown since the last call, whatever made it grow. */
  newHead(database: string): number | undefined {
    const head = this.#handles.get(database, false).head();
    if (head === this.#knownHeads.get(database)) return undefined;
    this.#knownHeads.set(database, head);
    return head;
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
