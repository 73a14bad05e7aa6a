/**
 * server.ts: the real server in this process: its routes, its store and its SQLite files, on a simulated disk, with
 * simulated time and randomness, and without sockets and threads. It can be killed, lose power, be started again, and
 * be restored from a backup.
 */
import Database from 'better-sqlite3';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { SyncError } from '../../src/server/errors.js';
import { createApp } from '../../src/server/http/app.js';
import { PACKET_BYTES_MAX } from '../../src/server/limits.js';
import type { Principal } from '../../src/server/principal.js';
import { Handles } from '../../src/server/store/handles.js';
import { JobQueue } from '../../src/server/store/job-queue.js';
import { JobRunner, type Outcome } from '../../src/server/store/jobs.js';
import type { Change, OperationName, Operations, SyncStore } from '../../src/server/store/store.js';
import type { Job } from '../../src/server/store/thread-messages.js';
import type { Surroundings } from '../../src/server/surroundings.js';
import { type Files, filesOf, putFiles } from './files.js';
import type { Random } from './random.js';
import { NO_REPLY, type Reply, simulate } from './simulated.js';

export const SERVER_DISK = 'server';
const DATABASE = 'main';
/** better-sqlite3 wants the folder of a database to exist; nothing is written there. */
export const FOLDER = '/tmp';

/** Keeps what the server has to report, and nothing else. */
const LOGGER = {
  level: 'error',
  ...Object.fromEntries(
    ['fatal', 'warn', 'info', 'debug', 'trace', 'silent'].map((name) => [name, () => undefined]),
  ),
  error: ({ err, code }: { err: Error; code: string }) => currentServer().problems.push({ code, error: err }),
  child: () => LOGGER,
} as unknown as FastifyBaseLogger;

const PRINCIPAL: Principal = { subject: 'everybody', role: 'admin', databases: '*' };

/** The store of whichever server is played at the moment; one Fastify application serves all histories. */
let present: SimulatedServer | undefined;

function currentServer(): SimulatedServer {
  if (present === undefined) throw new Error('no server is being played');
  return present;
}

const store: SyncStore = {
  run: (name, principal, database, input) => currentServer().run(name, principal, database, input),
  names: async () => [DATABASE],
  onChange(listener) {
    listeners.push(listener);
  },
  ready: async () => undefined,
  close: async () => undefined,
};
const listeners: ((database: string, change: Change) => void)[] = [];
const surroundings: Surroundings = {
  now: () => Math.floor(currentServer().now() / 1000),
  randomBytes: (size) => currentServer().random.bytes(size),
  after: (milliseconds, action) => currentServer().after(milliseconds, action),
  fileIdentity: (file) => currentServer().fileIdentity(file),
};
const app: FastifyInstance = createApp({
  store,
  authenticator: { authenticate: async (credential) => currentServer().principalOf(credential) },
  logger: LOGGER,
  packetMax: PACKET_BYTES_MAX,
  requestSeconds: 60,
  surroundings,
});

interface Waiting {
  job: Job;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

export interface Question {
  isPost: boolean;
  url: string;
  headers: string;
  body: Buffer;
}

export class SimulatedServer {
  readonly random: Random;
  readonly now: () => number;
  isUp = true;
  /** Who asks with a credential; unless a history says more, everybody is the same one, who may do everything. */
  principalOf: (credential: string) => Principal = () => PRINCIPAL;
  /** Requests that the server says it failed at, with its own words for its log. */
  readonly problems: { code: string; error: Error }[] = [];
  /** Counts the files that were put in place, so that a restored one is another one. */
  #generation = 1;
  #hasFile = false;
  readonly #pageBytes: number | undefined;
  #handles!: Handles;
  #runner!: JobRunner;
  #queue = new JobQueue();
  #waiting = new Map<number, Waiting>();
  #nextJob = 1;
  #timers = new Map<number, { at: number; action: () => void }>();
  #nextTimer = 1;

  /**
   * @param now the simulated time, in microseconds since 1970
   * @param pageBytes largest page of a pull; undefined = as the device asks
   */
  constructor(random: Random, now: () => number, pageBytes: number | undefined) {
    this.#pageBytes = pageBytes;
    this.random = random;
    this.now = now;
    simulate('disk', SERVER_DISK);
    simulate('reset', SERVER_DISK);
    this.start();
  }

  start(): void {
    this.#handles = new Handles(FOLDER, surroundings);
    this.#runner = new JobRunner(this.#handles);
    this.isUp = true;
  }

  /** Closes everything that a process has; also after its disk has ended. */
  stop(): void {
    this.isUp = false;
    this.#hasFile = false;
    this.#handles.closeAll();
    for (const { reject } of this.#waiting.values()) reject(new Error('the server has gone'));
    this.#waiting.clear();
    this.#queue = new JobQueue();
    for (const { action } of [...this.#timers.values()]) action();
    this.#timers.clear();
    simulate('fault_off', SERVER_DISK);
  }

  /** kill -9, or with a seed a loss of power. */
  end(powerLossSeed: number | undefined): void {
    if (powerLossSeed === undefined) simulate('crash', SERVER_DISK);
    else simulate('power_loss', SERVER_DISK, powerLossSeed);
    this.stop();
  }

  backup(): Files {
    return filesOf(SERVER_DISK);
  }

  restore(files: Files): void {
    this.stop();
    putFiles(SERVER_DISK, files);
    this.#generation += 1;
    this.start();
  }

  /** Sends a request through the routes. Resolves with the answer, or with that there is none. */
  async request(question: Question): Promise<Reply> {
    present = this;
    if (!this.isUp) return NO_REPLY;
    const url = new URL(question.url);
    const headers = Object.fromEntries(
      question.headers
        .split('\n')
        .map((line) => [
          line.slice(0, line.indexOf(':')).toLowerCase(),
          line.slice(line.indexOf(':') + 1).trim(),
        ])
        .filter(([name]) => name !== '' && name !== 'expect'),
    );
    const response = await app.inject({
      method: question.isPost ? 'POST' : 'GET',
      url: url.pathname + url.search,
      headers,
      ...(question.isPost ? { payload: question.body } : {}),
    });
    const retryAfter = Number(response.headers['retry-after'] ?? 0);
    const text = `${response.headers['content-type'] ?? ''}`;
    return { status: response.statusCode, code: 0, retryAfter, text, body: response.rawPayload };
  }

  run<Name extends OperationName>(
    name: Name,
    principal: Principal,
    database: string,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['result']> {
    return new Promise((resolve, reject) => {
      const id = this.#nextJob++;
      const job = { id, name, principal, database, input: this.#limited(input) } as Job;
      this.#waiting.set(id, { job, resolve: resolve as (result: unknown) => void, reject });
      this.#queue.add(job);
      // In a later turn of the event loop, as in a worker thread, so that pushes can share a commit.
      setImmediate(() => this.#work());
    });
  }

  #limited(input: Operations[OperationName]['input']): Operations[OperationName]['input'] {
    if (this.#pageBytes === undefined || !('maxBytes' in input)) return input;
    return { ...input, maxBytes: Math.min(input.maxBytes, this.#pageBytes) };
  }

  #work(): void {
    const turn = this.#queue.take();
    if (turn === undefined) return;
    simulate('disk_default', SERVER_DISK);
    simulate('clock_set', SERVER_DISK, Math.floor(this.now()));
    for (const { job, outcome } of this.#runner.work(turn)) this.#settle(job.id, outcome);
    const change = this.#newChange(turn.database);
    if (change !== undefined) for (const listener of listeners) listener(turn.database, change);
  }

  #newChange(database: string): Change | undefined {
    try {
      return this.#runner.newChange(database);
    } catch (error) {
      // As in the worker thread: a database that cannot be read now announces nothing.
      if (error instanceof Database.SqliteError || error instanceof SyncError) return undefined;
      throw error;
    }
  }

  #settle(id: number, outcome: Outcome): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if ('result' in outcome) waiting?.resolve(outcome.result);
    else waiting?.reject(outcome.error);
  }

  after(milliseconds: number, action: () => void): () => void {
    const id = this.#nextTimer++;
    const at = this.now() + milliseconds * 1000;
    this.#timers.set(id, {
      at,
      action: () => {
        this.#timers.delete(id);
        action();
      },
    });
    return () => this.#timers.delete(id);
  }

  /** The time of the next timer; undefined when there is none. */
  nextTimer(): number | undefined {
    const times = [...this.#timers.values()].map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Runs the timers that are due. */
  runTimers(): void {
    for (const { at, action } of [...this.#timers.values()]) if (at <= this.now()) action();
  }

  fileIdentity(file: string): string | undefined {
    // Asked with every job; a file is only looked for until it is there.
    this.#hasFile ||= simulate('file', SERVER_DISK, file) !== null;
    return this.#hasFile ? `${this.#generation}` : undefined;
  }

  /** The database itself, for checks. */
  get database(): Database.Database {
    simulate('disk_default', SERVER_DISK);
    return this.#handles.get(DATABASE, false).sqlite;
  }
}
