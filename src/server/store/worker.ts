/**
 * worker.ts: a worker thread: owns the databases that are hashed to it and works on one job at a time.
 * SQLite's calls block, so they run here and not in the thread that serves HTTP.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { load } from '../../node/index.js';
import { SyncError } from '../errors.js';
import { MACHINE } from '../surroundings.js';
import { Handles } from './handles.js';
import { JobQueue, type Turn } from './job-queue.js';
import { JobRunner, type Outcome } from './jobs.js';
import type { FromWorker, Job, ToWorker, WorkerSettings } from './thread-messages.js';

const port = parentPort;
if (port === null) throw new Error('worker.js runs as a worker thread of the server only');
const { databases, allowance } = workerData as WorkerSettings;
const handles = new Handles(databases, MACHINE, allowance);
const runner = new JobRunner(handles);
const queue = new JobQueue();
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
  const finished = runner.work(turn);
  for (const { job, outcome } of finished) answer(job, outcome);
  if (finished.some(({ outcome }) => 'result' in outcome)) report(() => announceChange(turn.database));
  report(() => runner.forget(turn.database));
}

function answer(job: Job, outcome: Outcome): void {
  if ('result' in outcome) send({ type: 'result', id: job.id, result: outcome.result });
  else if (outcome.error instanceof SyncError)
    send({ type: 'refused', id: job.id, error: outcome.error.fields() });
  else send({ type: 'failed', id: job.id, ...describe(outcome.error) });
}

/** Tells the main thread that a database has grown. */
function announceChange(name: string): void {
  const change = runner.newChange(name);
  if (change !== undefined) send({ type: 'changed', database: name, change });
}

/** Does what comes after a turn and belongs to no job: what goes wrong with it is told to the operator. */
function report(action: () => void): void {
  try {
    action();
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
  report(() => handles.saveAll());
  handles.closeAll();
  port?.close();
}

function send(message: FromWorker): void {
  port?.postMessage(message);
}
