/**
 * transaction.ts: transactions and savepoints of the core.
 *
 * Contract: every operation that writes runs between `beginWrite` and `endTransaction`. Outside a transaction of the
 * application that is a transaction of our own (BEGIN IMMEDIATE: we never wait for a lock with work half done); inside
 * one it is a savepoint. `endTransaction(true)` may still fail, when COMMIT does; then everything is rolled back.
 */
import {
  sleep_milliseconds,
  sql_autocommit,
  sql_readonly,
  sql_statement_writes,
  time_microseconds,
} from '../host';
import {
  fail,
  failWith,
  failWithSql,
  hasFailed,
  SQLITE_BUSY,
  SQLITE_DONE,
  SQLITE_ERROR,
  SQLITE_INTERRUPT,
  SQLITE_READONLY,
} from './failure';
import { executeLiteral, Statement } from './statement';
import { Text } from './text';

/** How long we wait for another writer, or as long as the application's busy timeout when that is longer. */
const BUSY_WAIT_MICROSECONDS: i64 = 5000000;
const BUSY_STEP_MS: i32 = 20;

/** The host rolls back to this name when the core traps inside a transaction of the application (shim/call.c). */
const OPERATION = 'cloudsync';

let ownTransaction: bool = false;
/** The operation reads within a statement that writes, and so within the transaction of that statement. */
let withinStatement: bool = false;
let interruptible: Statement | null = null;

function run(sql: string): i32 {
  const statement = new Statement(new Text().add(sql));
  if (!statement.ok) return SQLITE_ERROR;
  const code = statement.attempt();
  statement.close();
  return code;
}

/** Opens a transaction for an operation that writes. */
export function beginWrite(): bool {
  if (sql_readonly() != 0) {
    return failWith('the database is read-only; open it for writing', SQLITE_READONLY);
  }
  if (sql_statement_writes() != 0) {
    const text = new Text().add(
      'a statement that writes is running on this connection, and local, inserted or schema changes ',
    );
    return fail(
      text.add('are to be taken in first; run SELECT cloudsync_db_version() before it'),
      SQLITE_BUSY,
    );
  }
  return begin('BEGIN IMMEDIATE');
}

/**
 * Opens a transaction for an operation that only reads, so that all its statements see one state. While a statement
 * that writes is running (INSERT INTO copies SELECT cloudsync_payload_encode()), its transaction is the frame.
 */
export function beginRead(): bool {
  withinStatement = sql_statement_writes() != 0;
  if (withinStatement) return true;
  return begin('BEGIN');
}

function begin(sql: string): bool {
  ownTransaction = sql_autocommit() != 0;
  // Prepared now: once interrupted, SQLite prepares nothing any more. It lives until the outermost call ends.
  interruptible = new Statement(new Text().add('BEGIN IMMEDIATE'));
  if (!ownTransaction) return savepoint(OPERATION);
  const deadline = time_microseconds() + BUSY_WAIT_MICROSECONDS;
  let code = run(sql);
  while ((code & 0xff) == SQLITE_BUSY && time_microseconds() < deadline) {
    sleep_milliseconds(BUSY_STEP_MS);
    code = run(sql);
  }
  if (code == SQLITE_DONE) return true;
  return hasFailed() ? false : failWithSql(code, 'opening a transaction');
}

/** Closes what beginWrite or beginRead opened. False when the operation has failed or COMMIT does. */
export function endTransaction(ok: bool): bool {
  if (withinStatement) {
    withinStatement = false;
    return ok && !hasFailed();
  }
  const ended = end(ok);
  interruptible!.close();
  return ended;
}

function end(ok: bool): bool {
  if (!ownTransaction)
    return ok && !hasFailed() ? releaseSavepoint(OPERATION) : rollbackToSavepoint(OPERATION) && false;
  if (ok && !hasFailed()) {
    const code = run('COMMIT');
    if (code == SQLITE_DONE) return true;
    failWithSql(code, 'committing');
  }
  // A ROLLBACK that fails means that SQLite has rolled back already; the failure that stands says why.
  if (sql_autocommit() == 0) run('ROLLBACK');
  letInterruptRollBack();
  return false;
}

/** True when the operation that runs has its own transaction, false when it is inside one of the application. */
export function ownsTransaction(): bool {
  return ownTransaction;
}

export function savepoint(name: string): bool {
  return executeLiteral('SAVEPOINT ' + name);
}

export function releaseSavepoint(name: string): bool {
  return executeLiteral('RELEASE ' + name);
}

/**
 * After sqlite3_interrupt nothing can be prepared or run until the application's own statement has ended, not even
 * ROLLBACK. But SQLite rolls the whole transaction back by itself when a statement that may write is interrupted. BEGIN
 * IMMEDIATE is one, and does nothing but fail inside a transaction when the interrupt is over already.
 */
function letInterruptRollBack(): void {
  if (sql_autocommit() == 0 && interruptible != null) interruptible!.attempt();
}

/** Undoes everything since the savepoint and removes it. A failure that already stands is kept. */
export function rollbackToSavepoint(name: string): bool {
  const undone = run('ROLLBACK TO ' + name);
  if (undone != SQLITE_DONE) {
    // SQLite's own rule for an interrupted write inside a transaction of the application: all of it is rolled back.
    letInterruptRollBack();
    return failWithSql(undone, 'rolling back');
  }
  const removed = run('RELEASE ' + name);
  if (undone == SQLITE_DONE && removed == SQLITE_DONE) return true;
  return failWithSql(undone == SQLITE_DONE ? removed : undone, 'rolling back');
}
