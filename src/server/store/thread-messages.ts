/**
 * thread-messages.ts: what the main thread and a worker thread say to each other.
 */
import type { ErrorFields } from '../errors.js';
import type { Principal } from '../principal.js';
import type { Allowance } from './database.js';
import type { Change, OperationName, Operations } from './store.js';

/** One operation on one database. `id` pairs it with its reply. */
export type Job = {
  [Name in OperationName]: {
    id: number;
    name: Name;
    principal: Principal;
    database: string;
    input: Operations[Name]['input'];
  };
}[OperationName];

export type ToWorker = { type: 'run'; job: Job } | { type: 'ping'; id: number } | { type: 'close' };

export type FromWorker =
  | { type: 'started' }
  | { type: 'result'; id: number; result: unknown }
  | { type: 'refused'; id: number; error: ErrorFields }
  | { type: 'failed'; id: number; message: string; stack: string | undefined }
  | { type: 'problem'; message: string; stack: string | undefined }
  | { type: 'changed'; database: string; change: Change };

/** What a worker thread is given when it starts. */
export interface WorkerSettings {
  /** Directory of the database files. */
  databases: string;
  allowance: Allowance | undefined;
}
