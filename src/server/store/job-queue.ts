/**
 * job-queue.ts: the jobs that wait in one worker thread. Databases take turns, so that a busy one does not
 * starve the others; the pushes of one database that wait at the same time come out together, to share a
 * commit.
 */
import { LIMITS } from '../limits.js';
import type { Job } from './thread-messages.js';

export type PushJob = Extract<Job, { name: 'push' }>;

/** What to do next: one job, or several pushes of one database. */
export type Turn = { database: string; pushes: PushJob[] } | { database: string; job: Exclude<Job, PushJob> };

export class JobQueue {
  /** Waiting jobs per database, in order of arrival; the map's order is the order of turns. */
  readonly #waiting = new Map<string, Job[]>();

  add(job: Job): void {
    const jobs = this.#waiting.get(job.database);
    if (jobs === undefined) this.#waiting.set(job.database, [job]);
    else jobs.push(job);
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Takes the next turn, or undefined when nothing waits. */
  take(): Turn | undefined {
    for (const [database, jobs] of this.#waiting) {
      const [first, ...others] = jobs;
      this.#waiting.delete(database);
      if (first === undefined) continue;
      if (first.name !== 'push') {
        this.#keep(database, others);
        return { database, job: first };
      }
      const { taken, left } = takePushes(first, others);
      this.#keep(database, left);
      return { database, pushes: taken };
    }
    return undefined;
  }

  /** Puts the rest of a database's jobs at the end of the order of turns. */
  #keep(database: string, jobs: Job[]): void {
    if (jobs.length > 0) this.#waiting.set(database, jobs);
  }
}

/**
 * Splits off the pushes that fit into one commit. A site's own requests keep their order: it has one at a
 * time.
 */
function takePushes(first: PushJob, others: readonly Job[]): { taken: PushJob[]; left: Job[] } {
  const taken = [first];
  const left: Job[] = [];
  let bytes = first.input.packet.length;
  for (const job of others) {
    const size = job.name === 'push' ? job.input.packet.length : 0;
    const fits = taken.length < LIMITS.pushesPerCommit && bytes + size <= LIMITS.bytesPerCommit;
    if (job.name === 'push' && fits) {
      taken.push(job);
      bytes += size;
    } else {
      left.push(job);
    }
  }
  return { taken, left };
}
