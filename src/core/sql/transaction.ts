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
  sql_triggers,
  time_microseconds,
} from '../host';
import {
  clearFailure,
  fail,
  failWith,
  failWithSql,
  hasFailed,
  isHopeless,
  SQLITE_BUSY,
  SQLITE_DONE,
  SQLITE_ERROR,
  SQLITE_INTERRUPT,
  SQLITE_READONLY,
} from './failure';
import { execute, executeLiteral, Statement } from './statement';
import { Text } from './text';

/** How long we wait for another writer, or as long as the application's busy timeout when that is longer. */
const BUSY_WAIT_MICROSECONDS: i64 = 5000000;
const BUSY_STEP_MS: i32 = 20;

/** The host rolls back to this name when the core traps inside a transaction of the application (shim/serve.c). */
const OPERATION = 'cloudsync';
const OPEN = 'BEGIN IMMEDIATE';

let ownTransaction: bool = false;
/** The operation reads within a statement that writes, and so within the transaction of that statement. */
let withinStatement: bool = false;
/**
 * What ends the transaction after a failure, prepared as long as it is open: once memory was short, or SQLite was
 * interrupted, nothing can be prepared any more until the application's own statement has ended. The host uses `undo`
 * and `remove` too, when the core traps, and finds them by their text (shim/serve.c).
 */
let interruptible: Statement | null = null;
let undo: Statement | null = null;
let remove: Statement | null = null;
/** The trigger switch goes there when the transaction has ended; -1 = it stands right. */
let triggersAfterwards: i32 = -1;

function run(sql: string): i32 {
  const statement = new Statement(new Text().add(sql));
  if (!statement.ok) return statement.code;
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
  return begin(OPEN);
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
  if (open(sql)) return true;
  interruptible = null;
  return false;
}

function open(sql: string): bool {
  ownTransaction = sql_autocommit() != 0;
  if (!makeEnd()) return false;
  if (!ownTransaction) return savepoint(OPERATION);
  const deadline = time_microseconds() + BUSY_WAIT_MICROSECONDS;
  let code = run(sql);
  while ((code & 0xff) == SQLITE_BUSY && time_microseconds() < deadline) {
    sleep_milliseconds(BUSY_STEP_MS);
    code = run(sql);
  }
  if (code == SQLITE_DONE) return true;
  // An interrupt may come when the transaction is open already.
  if (sql_autocommit() == 0) rollBack();
  return hasFailed() ? false : failWithSql(code, 'opening a transaction');
}

/** The objects live as long as the transaction, and are used again by renewals. */
function makeEnd(): bool {
  interruptible = new Statement(new Text().add(OPEN));
  undo = new Statement(undoText());
  remove = new Statement(new Text().add('RELEASE ' + OPERATION));
  return !hasFailed();
}

function undoText(): Text {
  return new Text().add(ownTransaction ? 'ROLLBACK' : 'ROLLBACK TO ' + OPERATION);
}

function closeEnd(): void {
  interruptible!.close();
  undo!.close();
  remove!.close();
}

/**
 * Around everything after which SQLite wants all statements prepared anew, also those that end the transaction. The
 * statement that this returns is running, and only a running one may go on without: when there is no memory for the new
 * ones, SQLite meets that in it and rolls the transaction back. Such changes come between this and `endRenewal`.
 */
function beginRenewal(): Statement {
  const running = new Statement(
    new Text().add("UPDATE main.cloudsync_settings SET value=value WHERE key='format' RETURNING 1"),
  );
  running.step();
  return running;
}

function endRenewal(running: Statement): void {
  if (!isHopeless()) {
    closeEnd();
    interruptible!.prepare(new Text().add(OPEN));
    undo!.prepare(undoText());
    remove!.prepare(new Text().add('RELEASE ' + OPERATION));
    if (!interruptible!.ok) stopFor(interruptible!.code);
    else if (!undo!.ok) stopFor(undo!.code);
    else if (!remove!.ok) stopFor(remove!.code);
  }
  if (isHopeless()) running.attempt();
  running.close();
}

/** A failure that stands may be a refusal that the caller is going to forget; this one ends the operation. */
function stopFor(code: i32): void {
  clearFailure();
  failWithSql(code, 'preparing a statement');
}

/** Runs a PRAGMA that sets something, or makes an index, in an operation that writes. False on errors. */
export function executeUnsettling(sql: Text): bool {
  const running = beginRenewal();
  const done = !hasFailed() && execute(sql);
  endRenewal(running);
  return done && !hasFailed();
}

/**
 * Switches triggers on this connection; returns how the switch stood. After a failure that leaves no memory the switch
 * waits until the transaction is rolled back.
 */
export function switchTriggers(enable: i32): i32 {
  if (interruptible == null) return sql_triggers(enable);
  const before = triggersAfterwards >= 0 ? triggersAfterwards : sql_triggers(-1);
  if (enable == before) return before;
  const running = beginRenewal();
  if (isHopeless()) {
    triggersAfterwards = enable;
    running.close();
  } else {
    sql_triggers(enable);
    endRenewal(running);
  }
  return before;
}

/** Closes what beginWrite or beginRead opened. False when the operation has failed or COMMIT does. */
export function endTransaction(ok: bool): bool {
  if (withinStatement) {
    withinStatement = false;
    return ok && !hasFailed();
  }
  const ended = end(ok);
  closeEnd();
  interruptible = null;
  if (triggersAfterwards >= 0) sql_triggers(triggersAfterwards);
  triggersAfterwards = -1;
  return ended;
}

function end(ok: bool): bool {
  if (!ownTransaction) return ok && !hasFailed() ? releaseSavepoint(OPERATION) : undoOwnSavepoint();
  if (ok && !hasFailed()) {
    const code = run('COMMIT');
    if (code == SQLITE_DONE) return true;
    failWithSql(code, 'committing');
  }
  rollBack();
  return false;
}

function undoOwnSavepoint(): bool {
  const undone = undo!.attempt();
  if (undone != SQLITE_DONE) return failToRollBack(undone);
  const removed = remove!.attempt();
  return removed == SQLITE_DONE ? false : failWithSql(removed, 'rolling back');
}

/** A ROLLBACK that fails means that SQLite has rolled back already; the failure that stands says why. */
function rollBack(): void {
  if (sql_autocommit() == 0) undo!.attempt();
  letInterruptRollBack();
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
  // Where the transaction has changed the schema, this is one more thing after which SQLite wants everything anew.
  const running = beginRenewal();
  const undone = run('ROLLBACK TO ' + name);
  if (undone != SQLITE_DONE) {
    running.close();
    return failToRollBack(undone);
  }
  endRenewal(running);
  if (isHopeless()) return false;
  const removed = run('RELEASE ' + name);
  return removed == SQLITE_DONE ? true : failWithSql(removed, 'rolling back');
}

/** SQLite's own rule for an interrupted write inside a transaction of the application: all of it is rolled back. */
function failToRollBack(code: i32): bool {
  letInterruptRollBack();
  return failWithSql(code, 'rolling back');
}
