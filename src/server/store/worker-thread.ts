/**
 * worker-thread.ts: one worker thread as the main thread sees it: sends jobs, pairs replies with them, and
 * starts a new thread when one dies. The jobs of a dead thread are answered "busy": whether their work was
 * committed is unknown here, and that is what batch numbers are for.
 */
import { Worker } from 'node:worker_threads';
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { MACHINE } from '../surroundings.js';
import { Backlog } from './backlog.js';
import type { Change } from './store.js';
import type { FromWorker, Job, ToWorker, WorkerSettings } from './thread-messages.js';

export interface WorkerThreadOptions {
  /** The compiled worker.js. */
  file: URL;
  settings: WorkerSettings;
  onChange: (database: string, change: Change) => void;
  /** Called when a thread dies or something goes wrong outside of a job. */
  onProblem: (error: Error) => void;
}

interface Pending {
  database: string;
  bytes: number;
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

/** The parts of a message that the caller supplies; the id is given here. */
type Outgoing = { type: 'ping' } | { type: 'run'; job: Omit<Job, 'id'> };

/** Whom a message is counted for that is about no database; a database cannot be called so. */
const NO_DATABASE = '';

export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #backlog = new Backlog();
  #nextId = 1;
  #worker: Worker | undefined;
  #cancelRestart: (() => void) | undefined;
  #isClosing = false;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
  }

  /** Requests that wait for it or are being worked on. */
  get waiting(): number {
    return this.#backlog.jobs;
  }

  /** The operating thread's id while it runs. */
  get threadId(): number | undefined {
    return this.#worker?.threadId;
  }

  /**
   * Starts the thread. Rejects with the reason when it cannot start (the extension is missing or does not
   * load).
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.#options.file, { workerData: this.#options.settings });
      let hasStarted = false;
      let cause: Error | undefined;
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'started') {
          hasStarted = true;
          this.#worker = worker;
          if (this.#isClosing) worker.postMessage({ type: 'close' } satisfies ToWorker);
          resolve();
        } else this.#receive(message);
      });
      worker.on('error', (error: Error) => {
        cause = error;
      });
      worker.on('exit', (code) => {
        const error = new Error(`a worker thread ended: ${cause?.message ?? `exit code ${code}`}`, { cause });
        if (hasStarted) this.#died(error);
        else reject(error);
      });
    });
  }

  /**
   * Runs one job.
   *
   * @param bytes how much memory its input holds while it waits
   * @throws SyncError busy when too much waits already or the thread dies; what the job itself throws
   */
  run(job: Omit<Job, 'id'>, bytes: number): Promise<unknown> {
    return this.#send({ type: 'run', job }, bytes);
  }

  /** Resolves when the thread answers, so when it works off its jobs. */
  async ping(): Promise<void> {
    await this.#send({ type: 'ping' }, 0);
  }

  /** Lets the thread finish its jobs, close its databases and end. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelRestart?.();
    const worker = this.#worker;
    if (worker === undefined) return;
    const hasEnded = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'close' } satisfies ToWorker);
    await hasEnded;
  }

  /** Ends the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    await this.#worker?.terminate();
  }

  #send(message: Outgoing, bytes: number): Promise<unknown> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(busy('a worker thread is being replaced'));
    const database = message.type === 'run' ? message.job.database : NO_DATABASE;
    if (!this.#backlog.hasRoom(database, bytes)) return Promise.reject(busy('too many requests are waiting'));
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { database, bytes, resolve, reject });
      this.#backlog.add(database, bytes);
      worker.postMessage(
        message.type === 'run' ? { type: 'run', job: { ...message.job, id } } : { ...message, id },
      );
    });
  }

  #receive(message: Exclude<FromWorker, { type: 'started' }>): void {
    if (message.type === 'changed') {
      this.#options.onChange(message.database, message.change);
      return;
    }
    if (message.type === 'problem') {
      this.#options.onProblem(rebuildError(message));
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    this.#backlog.remove(pending.database, pending.bytes);
    if (message.type === 'result') pending.resolve(message.result);
    else if (message.type === 'failed') pending.reject(rebuildError(message));
    else pending.reject(new SyncError(message.error.name, message.error.detail, message.error.extra));
  }

  #died(error: Error): void {
    this.#worker = undefined;
    for (const pending of this.#pending.values())
      pending.reject(busy('the worker thread of this database ended'));
    this.#pending.clear();
    this.#backlog.clear();
    if (this.#isClosing) return;
    this.#options.onProblem(error);
    this.#replace();
  }

  /** Starts a new thread; while that fails, again after a pause. `close` ends the tries. */
  #replace(): void {
    this.start().catch((error: Error) => {
      this.#options.onProblem(error);
      if (this.#isClosing) return;
      this.#cancelRestart = MACHINE.after(LIMITS.workerRestartMilliseconds, () => this.#replace());
    });
  }
}

function busy(reason: string): SyncError {
  return new SyncError('busy', `${reason}; try again`);
}

/** An error of the worker with the worker's own stack, which says where it happened. */
function rebuildError(message: { message: string; stack: string | undefined }): Error {
  const error = new Error(message.message);
  if (message.stack !== undefined) error.stack = message.stack;
  return error;
}
