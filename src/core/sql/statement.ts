/**
 * statement.ts: one prepared statement. A thin layer over the host's imports that turns SQLite result codes into
 * recorded failures and reads and writes the core's own forms of data.
 */
import {
  sql_bind_blob,
  sql_bind_integer,
  sql_bind_null,
  sql_bind_real,
  sql_bind_text,
  sql_column_copy,
  sql_column_integer,
  sql_column_size,
  sql_column_type,
  sql_finalize,
  sql_prepare,
  sql_reset,
  sql_step,
} from '../host';
import { arenaAllocate } from '../runtime/arena';
import { Slice } from '../bytes/slice';
import { failWithSql, SQLITE_DONE, SQLITE_ERROR, SQLITE_ROW } from './failure';
import { Text } from './text';
import { TYPE_NULL } from './types';

export class Statement {
  /** SQLite's handle in the host; 0 when preparing failed. */
  handle: i32 = 0;
  /** Result code of the last step, or of preparing when that failed. */
  code: i32 = SQLITE_DONE;

  /** Without `sql` the statement is to be prepared later, when it is used at all. */
  constructor(sql: Text | null) {
    if (sql != null) this.prepare(sql);
  }

  /** Prepares another one in place of one that was closed: the object may be older than the arena's newest mark. */
  prepare(sql: Text): void {
    const handle = sql_prepare(sql.pointer, sql.size);
    if (handle > 0) {
      this.handle = handle;
    } else {
      this.code = -handle;
      failWithSql(this.code, 'preparing a statement');
    }
  }

  /** For SQL that this database may refuse. False when it does; no failure is recorded. */
  attemptToPrepare(sql: Text): bool {
    const handle = sql_prepare(sql.pointer, sql.size);
    if (handle > 0) this.handle = handle;
    return handle > 0;
  }

  get ok(): bool {
    return this.handle != 0;
  }

  integer(index: i32, value: i64): Statement {
    return this.handle == 0 ? this : this.bound(sql_bind_integer(this.handle, index, value));
  }

  real(index: i32, bits: i64): Statement {
    return this.handle == 0 ? this : this.bound(sql_bind_real(this.handle, index, bits));
  }

  text(index: i32, value: Slice): Statement {
    return this.handle == 0 ? this : this.bound(sql_bind_text(this.handle, index, value.pointer, value.size));
  }

  blob(index: i32, pointer: usize, size: u32): Statement {
    return this.handle == 0 ? this : this.bound(sql_bind_blob(this.handle, index, pointer, size));
  }

  nothing(index: i32): Statement {
    return this.handle == 0 ? this : this.bound(sql_bind_null(this.handle, index));
  }

  /** A value that could not be bound must not run as NULL: the statement is given up. */
  private bound(code: i32): Statement {
    if (code != 0) {
      failWithSql(code, 'binding a value');
      this.close();
    }
    return this;
  }

  /** One step, with the result code in `code` and no failure recorded: for statements whose refusal is expected. */
  attempt(): i32 {
    this.code = this.handle == 0 ? SQLITE_ERROR : sql_step(this.handle);
    return this.code;
  }

  /** As `attempt`, to the end: also a write has a row, the count, on a connection with PRAGMA count_changes. */
  attemptToRun(): i32 {
    while (this.attempt() == SQLITE_ROW) continue;
    return this.code;
  }

  /** True when a row is there. False at the end and on errors; then `code` is not SQLITE_DONE and a failure stands. */
  step(): bool {
    if (this.handle == 0) return false;
    this.code = sql_step(this.handle);
    if (this.code == SQLITE_ROW) return true;
    if (this.code != SQLITE_DONE) failWithSql(this.code, 'running a statement');
    return false;
  }

  /** Runs to the end and resets. False on errors. */
  run(): bool {
    if (this.handle == 0) return false;
    while (this.step()) continue;
    sql_reset(this.handle);
    return this.code == SQLITE_DONE;
  }

  reset(): void {
    if (this.handle != 0) sql_reset(this.handle);
  }

  close(): void {
    if (this.handle != 0) sql_finalize(this.handle);
    this.handle = 0;
  }

  isNull(index: i32): bool {
    return sql_column_type(this.handle, index) == TYPE_NULL;
  }

  columnInteger(index: i32): i64 {
    return sql_column_integer(this.handle, index);
  }

  /** A copy of a TEXT or BLOB column in the arena. */
  columnBytes(index: i32): Slice {
    const size = sql_column_size(this.handle, index);
    const target = arenaAllocate(size + 1);
    return new Slice(target, sql_column_copy(this.handle, index, target, size));
  }
}

/** Runs SQL that returns nothing. False on errors, with the failure recorded. */
export function execute(sql: Text): bool {
  const statement = new Statement(sql);
  const ok = statement.run();
  statement.close();
  return ok;
}

export function executeLiteral(sql: string): bool {
  return execute(new Text(<u32>sql.length + 1).add(sql));
}

/** The integer that a query returns in its first row, or `otherwise` when there is none. Check hasFailed(). */
export function queryInteger(sql: Text, otherwise: i64): i64 {
  const statement = new Statement(sql);
  const value = statement.step() && !statement.isNull(0) ? statement.columnInteger(0) : otherwise;
  statement.close();
  return value;
}
