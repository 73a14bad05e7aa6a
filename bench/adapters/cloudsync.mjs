/**
 * cloudsync.mjs: how the benchmark drives our own extension. It is also the pattern for an adapter of a peer, see
 * README.md: a module with exactly these exports.
 */

/** The name in the head of the table. */
export const name = 'cloudsync';

/**
 * Loads the extension into a connection. Called once for every connection, before anything else.
 * @param {import('better-sqlite3').Database} db
 * @param {string} path the extension's file
 */
export function load(db, path) {
  db.loadExtension(path);
}

/** Begins to track a table that exists already. */
export function init(db, table) {
  db.prepare('SELECT cloudsync_init(?)').get(table);
}

/** Brings the bookkeeping up to date, where the extension puts it off at the write. Optional. */
export function fold(db) {
  db.prepare('SELECT cloudsync_db_version()').get();
}

/**
 * All changes of the database, or those since `encode` was called last when `since` (the result of `version`) is given.
 * @returns {Buffer} bytes that `apply` takes
 */
export function encode(db, since = 0n) {
  return db.prepare('SELECT cloudsync_payload_encode(?)').pluck().get(since);
}

/** Merges what `encode` made in another database. */
export function apply(db, payload) {
  db.prepare('SELECT cloudsync_payload_apply(?)').get(payload);
}

/** The point up to which `encode` has everything. Optional; without it no incremental figures are measured. */
export function version(db) {
  return db.prepare('SELECT cloudsync_db_version()').pluck().safeIntegers().get();
}
