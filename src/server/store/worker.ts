/**
 * worker.ts: a worker thread: owns the databases that are hashed to it and works on one job at a time.
 * SQLite's calls block, so they run here and not in the thread that serves HTTP.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { load } from '../../node/index.js';
import { SyncError } from '../errors.js';
import { mayPublish } from '../principal.js';
import type { SyncDatabase } from './database.js';
import { Handles } from './handles.js';
import { JobQueue, type PushJob, type Turn } from './job-queue.js';
import { peek, pull } from './pull.js';
import { pushGroup } from './push.js';
import { register } from './register.js';
import { publishSchema } from './schema.js';
import { toPassingTrouble } from './sqlite-errors.js';
import type { FromWorker, Job, ToWorker, WorkerSettings } from './thread-messages.js';

const port = parentPort;
if (port === null) throw new Error('worker.js runs as a worker thread of the server only');
const handles = new Handles((workerData as WorkerSettings).databases);
const queue = new JobQueue();
/** Head of each database when its listeners were last told. */
const knownHeads = new Map<string, number>();
let isScheduled = false;
let isClosing = false;

checkExtension();
port.on('message', (message: ToWorker) => {
  if (message.type === 'run') queue.add(message.job);
  if (message.type === 'ping') send({ type: 'result', id: message.id, result: undefined });
  if (message.type === 'close') isClosing = true;
  schedule();
});
send({ type: 'started' });

/** Works in a later turn of the event loop, so that jobs which have arrived meanwhile can share a commit. */
function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    const turn = queue.take();
    if (turn !== undefined) work(turn);
    if (!queue.isEmpty) schedule();
    else if (isClosing) close();
  });
}

function work(turn: Turn): void {
  const outcomes = 'job' in turn ? [attempt(() => runJob(turn.job))] : runPushes(turn.database, turn.pushes);
  const jobs = 'job' in turn ? [turn.job] : turn.pushes;
  jobs.forEach((job, index) => {
    answer(job, outcomes[index] ?? { error: new Error('a job has no outcome') });
  });
  if (outcomes.some((outcome) => 'result' in outcome)) announceChange(turn.database);
}

function runJob(job: Exclude<Job, PushJob>): unknown {
  const mayCreate = job.name === 'register' && mayPublish(job.principal);
  const database = handles.get(job.database, mayCreate);
  switch (job.name) {
    case 'register':
      return register(database, job.principal, job.input);
    case 'schema':
      return publishSchema(database, job.principal, job.input);
    case 'pull':
      return pull(database, job.principal, job.input);
    case 'peek':
      return peek(database, job.principal, job.input);
  }
}

function runPushes(name: string, jobs: readonly PushJob[]): Outcome[] {
  let database: SyncDatabase;
  try {
    database = handles.get(name, false);
  } catch (error) {
    return jobs.map(() => ({ error }));
  }
  return pushGroup(database, jobs);
}

type Outcome = { result: unknown } | { error: unknown };

function attempt(action: () => unknown): Outcome {
  try {
    return { result: action() };
  } catch (error) {
    return { error };
  }
}

function answer(job: Job, outcome: Outcome): void {
  if ('result' in outcome) {
    send({ type: 'result', id: job.id, result: outcome.result });
    return;
  }
  const error = toPassingTrouble(outcome.error, job.database);
  if (error instanceof SyncError) send({ type: 'refused', id: job.id, error: error.fields() });
  else send({ type: 'failed', id: job.id, ...describe(error) });
}

/** Tells the main thread that a database has grown, whatever made it grow. */
function announceChange(name: string): void {
  try {
    const head = handles.get(name, false).head();
    if (head === knownHeads.get(name)) return;
    knownHeads.set(name, head);
    send({ type: 'changed', database: name, head });
  } catch (error) {
    send({ type: 'problem', ...describe(error) });
  }
}

function describe(error: unknown): { message: string; stack: string | undefined } {
  return error instanceof Error
    ? { message: error.message, stack: error.stack }
    : { message: String(error), stack: undefined };
}

/** Fails at the start, with the reason, rather than at the first request. */
function checkExtension(): void {
  const scratch = new Database(':memory:');
  load(scratch);
  scratch.close();
}

function close(): void {
  handles.closeAll();
  port?.close();
}

function send(message: FromWorker): void {
  port?.postMessage(message);
}
