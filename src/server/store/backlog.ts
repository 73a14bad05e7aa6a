/**
 * backlog.ts: how much waits for one worker thread, and who may add to it. The databases of a thread share its room,
 * and none may fill it: each gets a part of what is still free. So the more databases ask for much, the less each of
 * them gets, and it takes dozens of them to leave no room for one that comes now.
 */
import { LIMITS } from '../limits.js';

interface Share {
  jobs: number;
  bytes: number;
}

export class Backlog {
  readonly #shares = new Map<string, Share>();
  readonly #all: Share = { jobs: 0, bytes: 0 };

  /** Jobs that wait or are being worked on. */
  get jobs(): number {
    return this.#all.jobs;
  }

  /** Whether a job may be added. A database without any is let in while there is room at all. */
  hasRoom(database: string, bytes: number): boolean {
    const { jobs, bytes: taken } = this.#shares.get(database) ?? { jobs: 0, bytes: 0 };
    const freeJobs = LIMITS.requestsPerWorker - this.#all.jobs;
    const freeBytes = LIMITS.queuedBytesPerWorker - this.#all.bytes;
    if (jobs === 0) return freeJobs > 0 && (bytes === 0 || freeBytes > 0);
    const part = LIMITS.partPerDatabase;
    return jobs < freeJobs * part && (bytes === 0 || taken + bytes <= freeBytes * part);
  }

  add(database: string, bytes: number): void {
    const share = this.#shares.get(database) ?? { jobs: 0, bytes: 0 };
    this.#shares.set(database, share);
    for (const each of [share, this.#all]) {
      each.jobs += 1;
      each.bytes += bytes;
    }
  }

  remove(database: string, bytes: number): void {
    const share = this.#shares.get(database);
    if (share === undefined) throw new Error(`nothing of database ${database} waits`);
    for (const each of [share, this.#all]) {
      each.jobs -= 1;
      each.bytes -= bytes;
    }
    if (share.jobs === 0) this.#shares.delete(database);
  }

  clear(): void {
    this.#shares.clear();
    this.#all.jobs = 0;
    this.#all.bytes = 0;
  }
}
