/**
 * sqlite-errors.ts: sorts errors of SQLite and of the extension: passing trouble of the machine (the client
 * tries again), refusals of what a client sent, and the rest, which are defects.
 */
import Database from 'better-sqlite3';
import { SyncError } from '../errors.js';

/**
 * Result codes, by prefix, of trouble that passes or that an operator ends: locks, disk, memory, permissions.
 */
const PASSING = [
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_NOMEM',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
];

/** Result codes, by prefix, with which the extension refuses its arguments. */
const REFUSING = ['SQLITE_ERROR', 'SQLITE_TOOBIG', 'SQLITE_MISMATCH', 'SQLITE_CONSTRAINT'];

/** A `busy` refusal when the error is passing trouble of the machine, else the error itself. */
export function toPassingTrouble(error: unknown, database: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const code = error.code;
  if (!startsWithOneOf(code, PASSING)) return error;
  return new SyncError(
    'busy',
    `database ${database}: ${code}: ${error.message}; nothing was changed, try again`,
  );
}

/**
 * Whether the extension refused its arguments, as opposed to SQLite failing or the extension being defective.
 */
export function isExtensionRefusal(error: unknown): error is Error {
  if (!(error instanceof Database.SqliteError) || !startsWithOneOf(error.code, REFUSING)) return false;
  return error.message.startsWith('cloudsync: ') && !error.message.startsWith('cloudsync: internal error');
}

/** Whether a refusal is about a stamp that lies too far ahead of this server's clock (src/core/packet/decoder.ts). */
export function isAboutFuture(error: Error): boolean {
  return error.message.includes('is stamped more than a day ahead');
}

function startsWithOneOf(code: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => code.startsWith(prefix));
}
