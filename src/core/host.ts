/**
 * host.ts: everything that the core asks of the program around it. These are the only imports of core.wasm
 * (module name "host"); the C shim, a browser or a test supplies them. SQL is run through them, time and
 * randomness come from them; the core itself has no other way to reach outside.
 *
 * Rules for a host: a function never throws, never unwinds and never traps; pointers are offsets in the core's
 * linear memory and are checked by the host before use; errors are returned as numbers. SQLite result codes are
 * the extended ones (for instance 2067 SQLITE_CONSTRAINT_UNIQUE). Indexes of parameters start at 1, of columns
 * and of function arguments at 0, as in SQLite.
 */

// --- statements; handles are small positive numbers and live until the outermost call into the core ends ---

/** Prepares one statement. Returns its handle (> 0) or the negated SQLite result code (<= 0 is failure). */
export declare function sql_prepare(sql: usize, size: u32): i32;
export declare function sql_bind_null(statement: i32, index: i32): i32;
export declare function sql_bind_integer(statement: i32, index: i32, value: i64): i32;
/** `bits` is the IEEE 754 double as 64 raw bits. */
export declare function sql_bind_real(statement: i32, index: i32, bits: i64): i32;
export declare function sql_bind_text(statement: i32, index: i32, data: usize, size: u32): i32;
export declare function sql_bind_blob(statement: i32, index: i32, data: usize, size: u32): i32;
/** 100 = a row is there, 101 = done, anything else is an SQLite result code. */
export declare function sql_step(statement: i32): i32;
/** Resets and clears the bindings. */
export declare function sql_reset(statement: i32): void;
export declare function sql_finalize(statement: i32): void;
/** 1 integer, 2 real, 3 text, 4 blob, 5 null (SQLite's own numbers). */
export declare function sql_column_type(statement: i32, index: i32): i32;
export declare function sql_column_integer(statement: i32, index: i32): i64;
export declare function sql_column_real(statement: i32, index: i32): i64;
/** Size in bytes of a TEXT (UTF-8, without terminator) or BLOB column. */
export declare function sql_column_size(statement: i32, index: i32): u32;
/** Copies at most `capacity` bytes of a TEXT or BLOB column; returns how many were copied. */
export declare function sql_column_copy(statement: i32, index: i32, target: usize, capacity: u32): u32;
/**
 * Copies `count` columns of the row, one after another as cells (bytes/cell.ts): what many calls of the functions above
 * would tell. Returns the number of bytes, or 0 when `capacity` is too small; then the columns have to be asked for one
 * by one.
 */
export declare function sql_row(statement: i32, first: i32, count: i32, target: usize, capacity: u32): u32;
/** Copies the message of the connection's last error; returns the number of bytes copied. */
export declare function sql_error(target: usize, capacity: u32): u32;
/** Rows changed by the last INSERT, UPDATE or DELETE. */
export declare function sql_changes(): i64;
/** 1 when no transaction is open (sqlite3_get_autocommit). */
export declare function sql_autocommit(): i32;
/** 1 while a statement of this connection that writes has begun and not ended: then no transaction can be opened. */
export declare function sql_statement_writes(): i32;
/** 1 when the main database is read-only. */
export declare function sql_readonly(): i32;
/**
 * Switches triggers on this connection on (1) or off (0); returns what it was before. -1 only asks. All statements that
 * are prepared must be prepared anew then, except those that are running.
 */
export declare function sql_triggers(enable: i32): i32;
/** 1 when deferred foreign-key violations are outstanding (SQLITE_DBSTATUS_DEFERRED_FKS). */
export declare function sql_foreign_key_violations(): i32;

// --- the SQL function call that is being served ---

export declare function argument_type(index: i32): i32;
export declare function argument_integer(index: i32): i64;
export declare function argument_real(index: i32): i64;
export declare function argument_size(index: i32): u32;
/** Copies `size` bytes from byte `offset` of a TEXT or BLOB argument. Returns the number of bytes copied. */
export declare function argument_copy(index: i32, offset: u32, target: usize, size: u32): u32;
export declare function result_null(): void;
export declare function result_integer(value: i64): void;
export declare function result_text(data: usize, size: u32): void;
export declare function result_blob(data: usize, size: u32): void;
/** Ends the SQL call with an error. `code` is an SQLite result code, the message UTF-8. */
export declare function result_error(code: i32, data: usize, size: u32): void;
/** Appends to a result BLOB that grows outside the core's memory. 0, or 7 when memory is short, 18 too big. */
export declare function result_append(data: usize, size: u32): i32;

// --- time, randomness, waiting ---

/** Wall clock in microseconds since 1970. */
export declare function time_microseconds(): i64;
export declare function random_bytes(target: usize, size: u32): void;
export declare function sleep_milliseconds(milliseconds: i32): void;

// --- files, for cloudsync_payload_save and cloudsync_payload_load; results < 0 are negated errno values ---

/** mode 0 reads an existing file, 1 creates or truncates one. Returns a handle >= 0. */
export declare function file_open(path: usize, size: u32, mode: i32): i32;
/** Returns the bytes read, 0 at the end of the file. */
export declare function file_read(file: i32, target: usize, size: u32): i32;
/** Writes all bytes; returns 0. */
export declare function file_write(file: i32, data: usize, size: u32): i32;
/** Closes. `sync` 1 forces the data to disk first. Returns 0. */
export declare function file_close(file: i32, sync: i32): i32;
export declare function file_rename(from: usize, from_size: u32, to: usize, to_size: u32): i32;
export declare function file_remove(path: usize, size: u32): i32;

// --- credentials: kept by the host, per connection, in memory only; the core never reads them back ---

/** slot 0 bearer token, slot 1 API key. Size 0 forgets. An API key and a token exclude each other. */
export declare function secret_set(slot: i32, data: usize, size: u32): void;
/** 1 when a credential is set. */
export declare function secret_is_set(): i32;
