/**
 * failure.ts: the error of the current call. The language has no exceptions: a function that can fail returns false
 * (or a documented value) after one of the functions here has recorded why; callers return at once. The first failure
 * stands; the outermost call hands it to SQLite.
 */
import { result_error, sql_error } from '../host';
import { Slice } from '../bytes/slice';
import { Text } from './text';

export const SQLITE_ERROR: i32 = 1;
export const SQLITE_BUSY: i32 = 5;
export const SQLITE_LOCKED: i32 = 6;
export const SQLITE_NOMEM: i32 = 7;
export const SQLITE_READONLY: i32 = 8;
export const SQLITE_INTERRUPT: i32 = 9;
export const SQLITE_IOERR_NOMEM: i32 = 3082;
export const SQLITE_CORRUPT: i32 = 11;
export const SQLITE_TOOBIG: i32 = 18;
export const SQLITE_CONSTRAINT: i32 = 19;
export const SQLITE_MISMATCH: i32 = 20;
export const SQLITE_CONSTRAINT_TRIGGER: i32 = 1811;
export const SQLITE_ROW: i32 = 100;
export const SQLITE_DONE: i32 = 101;

const MESSAGE_MAX: u32 = 1000;

/** The message lies in static memory: a failure outlives the release of the arena in which it was found. */
const message = memory.data(1200);
const PREFIX: u32 = 11;

let code: i32 = 0;
let messageSize: u32 = 0;

export function clearFailure(): void {
  code = 0;
  messageSize = 0;
}

export function hasFailed(): bool {
  return code != 0;
}

/** After these failures SQLite neither prepares nor runs anything until the application's own statement has ended. */
export function isHopeless(): bool {
  return (code & 0xff) == SQLITE_NOMEM || (code & 0xff) == SQLITE_INTERRUPT || code == SQLITE_IOERR_NOMEM;
}

/** Forgets a failure that only says what is wrong with a table; others (no memory, a locked file) stand: false then. */
export function clearRefusal(): bool {
  if (code == SQLITE_ERROR) clearFailure();
  return code == 0;
}

/**
 * Forgets a failure that only says what is wrong with what was given; its message, without the prefix. Null when
 * another one stands (no memory, a locked file).
 */
export function takeRefusal(): Slice | null {
  if (code != SQLITE_ERROR && code != SQLITE_MISMATCH) return null;
  const text = new Text().bytes(new Slice(message + PREFIX, messageSize - PREFIX));
  clearFailure();
  return text.slice();
}

/** Records a failure with a message that starts "cloudsync: ". Returns false, so that callers can return it. */
export function fail(text: Text, resultCode: i32 = SQLITE_ERROR): bool {
  if (code != 0) return false;
  code = resultCode;
  const size = text.size < MESSAGE_MAX + 150 ? text.size : MESSAGE_MAX + 150;
  const prefix = new Text(PREFIX).add('cloudsync: ');
  memory.copy(message, prefix.pointer, PREFIX);
  memory.copy(message + PREFIX, text.pointer, size);
  messageSize = PREFIX + size;
  return false;
}

export function failWith(literal: string, resultCode: i32 = SQLITE_ERROR): bool {
  return fail(new Text().add(literal), resultCode);
}

/** Records SQLite's own error as the failure; `action` says what we were doing ("reading the log of"). */
export function failWithSql(resultCode: i32, action: string): bool {
  if (code != 0) return false;
  const text = new Text(MESSAGE_MAX + 64).add(action).add(': ').bytes(lastMessage());
  if ((resultCode & 0xff) == SQLITE_BUSY) text.add('; another connection is writing, try again');
  if ((resultCode & 0xff) == SQLITE_LOCKED)
    text.add('; this call cannot be part of a query that reads, nor run between its rows');
  return fail(text, resultCode);
}

/** A copy of the message of the connection's newest error. */
export function lastMessage(): Slice {
  const text = new Text(MESSAGE_MAX);
  text.writer.size += sql_error(text.writer.reserve(MESSAGE_MAX), MESSAGE_MAX);
  return text.slice();
}

/** Gives the recorded failure to SQLite as the result of the SQL call. */
export function reportFailure(): void {
  result_error(code, message, messageSize);
}
