/**
 * layout.ts: the tables of the scope index in a database file, and the few numbers that belong to the index as a
 * whole. They are made when policies are first in force there.
 *
 * | table | content |
 * |---|---|
 * | cloudsync_scopes | the number of each scope: a branch of the policies and a key of it |
 * | cloudsync_scope_rows | per scope and row one entry, with its last event only; see scope-index.ts |
 * | cloudsync_scope_links | per row of a table that policies join: the values that lead to rows of others |
 * | cloudsync_scope_branches | the branches that the entries were made by, to find out what a deploy changes |
 * | cloudsync_scope_held | rows that are alive and that a constraint keeps out of their table |
 * | cloudsync_scope_pushed | rows that a device has whatever its cursor says, or has forgotten; see pushed-rows.ts |
 * | cloudsync_scope_readers | sites that may have rows of before when they begin: they have read, or are older |
 * | cloudsync_scope_state | `epoch`: identity of the index; `head`: the seq up to which it is complete; `branches` |
 *
 * `tbl` is the id of the table in cloudsync_tables, `pk` a key as in cloudsync_changes.
 */
import type { SyncDatabase } from '../store/database.js';

const TABLES = `
CREATE TABLE IF NOT EXISTS cloudsync_scope_state(name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudsync_scopes(
  id INTEGER PRIMARY KEY, branch TEXT NOT NULL, key BLOB NOT NULL, UNIQUE(branch, key)
) STRICT;
CREATE TABLE IF NOT EXISTS cloudsync_scope_rows(
  entry INTEGER PRIMARY KEY, scope INTEGER NOT NULL, tbl INTEGER NOT NULL, pk BLOB NOT NULL,
  first_seq INTEGER NOT NULL, enter_seq INTEGER NOT NULL, seq INTEGER NOT NULL, live INTEGER NOT NULL,
  UNIQUE(tbl, pk, scope)
) STRICT;
CREATE INDEX IF NOT EXISTS cloudsync_scope_rows_order ON cloudsync_scope_rows(scope, seq, entry);
CREATE TABLE IF NOT EXISTS cloudsync_scope_links(
  tbl INTEGER NOT NULL, link TEXT NOT NULL, pk BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(tbl, link, pk)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudsync_scope_branches(
  tbl INTEGER NOT NULL, branch TEXT NOT NULL, row_side TEXT NOT NULL, PRIMARY KEY(tbl, branch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudsync_scope_held(
  tbl INTEGER NOT NULL, pk BLOB NOT NULL, PRIMARY KEY(tbl, pk)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudsync_scope_pushed(
  id INTEGER PRIMARY KEY, site BLOB NOT NULL, batch INTEGER NOT NULL, tbl INTEGER NOT NULL, pk BLOB NOT NULL,
  forgotten INTEGER NOT NULL, UNIQUE(site, tbl, pk)
) STRICT;
CREATE INDEX IF NOT EXISTS cloudsync_scope_pushed_order ON cloudsync_scope_pushed(site, batch, id);
CREATE TABLE IF NOT EXISTS cloudsync_scope_readers(site BLOB PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;`;

/** Bytes of the identity of an index. */
export const INDEX_EPOCH_BYTES = 8;

interface IndexState {
  epoch: Buffer;
  head: number;
  /** The branches that the entries were made by, as one text; see rebuild.ts. */
  branches: string;
}

/** Whether the database has a scope index. */
export function hasIndex(database: SyncDatabase): boolean {
  const sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'cloudsync_scope_state'";
  return database.prepare<[], unknown>(sql).get() !== undefined;
}

/** Makes the empty index. */
export function createIndex(database: SyncDatabase): void {
  database.sqlite.exec(TABLES);
  // A device that has only pushed as yet has rows of the time when nobody looked at them, and no cursor that says so.
  const sites = 'SELECT site FROM cloudsync_server_sites WHERE last_batch > 0';
  database.sqlite.exec(`INSERT OR IGNORE INTO cloudsync_scope_readers ${sites}`);
  writeState(database, 'epoch', database.surroundings.randomBytes(INDEX_EPOCH_BYTES));
  writeState(database, 'head', 0);
  writeState(database, 'branches', '');
}

export function readState(database: SyncDatabase): IndexState {
  const sql = 'SELECT name, value FROM cloudsync_scope_state';
  const rows = database.prepare<[], { name: string; value: unknown }>(sql).all();
  const values = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  return values as unknown as IndexState;
}

export function writeState<Name extends keyof IndexState>(
  database: SyncDatabase,
  name: Name,
  value: IndexState[Name],
): void {
  database.prepare('INSERT OR REPLACE INTO cloudsync_scope_state VALUES (?, ?)').run(name, value);
}
