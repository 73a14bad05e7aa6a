/**
 * worker-store.ts: the embedded store: one SQLite file per database, spread over worker threads by a hash of
 * the name. A database is always served by the same thread, so its requests are in one order without any
 * lock.
 */
import { readdir } from 'node:fs/promises';
import { databaseNames } from '../data-directory.js';
import { noDatabase } from '../errors.js';
import { mayUse, type Principal } from '../principal.js';
import type { Allowance } from './database.js';
import type { Change, OperationName, Operations, SyncStore } from './store.js';
import type { Job } from './thread-messages.js';
import { WorkerThread } from './worker-thread.js';

export interface WorkerStoreOptions {
  /** Directory of the database files. */
  databases: string;
  /** Number of worker threads. */
  workers: number;
  /** What each database may have; anything when it is not given. */
  allowance?: Allowance;
  /** Called when a thread dies (it is replaced) or something goes wrong outside of a request. */
  onProblem: (error: Error) => void;
  /** The compiled worker.js; beside this module when it is not given. */
  workerFile?: URL;
}

export class WorkerStore implements SyncStore {
  readonly threads: readonly WorkerThread[];
  readonly #databases: string;
  readonly #listeners: ((database: string, change: Change) => void)[] = [];

  private constructor(options: WorkerStoreOptions) {
    this.#databases = options.databases;
    const thread = {
      file: options.workerFile ?? new URL('./worker.js', import.meta.url),
      settings: { databases: options.databases, allowance: options.allowance },
      onProblem: options.onProblem,
      onChange: (database: string, change: Change) => {
        for (const listener of this.#listeners) listener(database, change);
      },
    };
    this.threads = Array.from({ length: options.workers }, () => new WorkerThread(thread));
  }

  /** Starts all worker threads. Rejects with the reason when one cannot start. */
  static async open(options: WorkerStoreOptions): Promise<WorkerStore> {
    const store = new WorkerStore(options);
    const starts = await Promise.allSettled(store.threads.map((thread) => thread.start()));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return store;
    await store.close();
    throw failed.reason;
  }

  async run<Name extends OperationName>(
    name: Name,
    principal: Principal,
    database: string,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['result']> {
    if (!mayUse(principal, database)) throw noDatabase(database);
    const thread = this.threads[hashName(database) % this.threads.length];
    if (thread === undefined) throw new Error('the store has no worker thread');
    const job = { name, principal, database, input } as Omit<Job, 'id'>;
    return (await thread.run(job, inputBytes(input))) as Operations[Name]['result'];
  }

  async names(): Promise<string[]> {
    return databaseNames(await readdir(this.#databases));
  }

  onChange(listener: (database: string, change: Change) => void): void {
    this.#listeners.push(listener);
  }

  async ready(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.ping()));
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
  }
}

/** FNV-1a, 32 bits: spreads names evenly and gives every start of the server the same layout. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function inputBytes(input: Operations[OperationName]['input']): number {
  return 'packet' in input ? input.packet.length : 0;
}
