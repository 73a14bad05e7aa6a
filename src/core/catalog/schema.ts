/**
 * schema.ts: the tables that hold the core's own state in the user's database, and the savepoints around their use.
 *
 *     cloudsync_settings  one row per setting: format, site (own ordinal), seq, clock, network.*, ...
 *     cloudsync_sites     site ids (16 bytes) by the small number that stamps use; relayed: see sites.ts
 *     cloudsync_tables    the tracked tables
 *     cloudsync_columns   the tracked columns, with an id that never changes and the seq at which they came
 *     cloudsync_held      what arrived and could not be applied yet, with the reason: packets of one row that wait
 *                         for a change of the schema (merge/held.ts), and merged rows that a constraint keeps out
 *                         of their table (table_id is set; catalog/held_rows.ts)
 *     cloudsync_outbox    the batch that is on its way to the server, until the server has answered
 *     cloudsync_conflicts what lost against a concurrent write, where a table keeps it (catalog/conflicts.ts)
 *     cloudsync_rejected  edits of this device that the server did not accept (catalog/rejected.ts)
 *     cloudsync_inbox     changes inserted into cloudsync_changes that are not merged yet (merge/inbox.ts)
 *
 * Per tracked table there are two more, see capture/tables.ts. All are ordinary tables, so that a database can be
 * dumped, copied and written by programs that know nothing of cloudsync.
 */
import { random_bytes } from '../host';
import { arenaAllocate } from '../runtime/arena';
import { Text } from '../sql/text';
import { execute, executeLiteral, queryInteger, Statement } from '../sql/statement';
import { executeUnsettling } from '../sql/transaction';
import { failWith, hasFailed } from '../sql/failure';
import { ensureRejected } from './rejected';

/** Version of the layout below; a database of a newer version is refused. */
export const FORMAT: i64 = 3;

export const SITE_SIZE: u32 = 16;

/** True when this database has the core's tables. */
export function catalogExists(): bool {
  const sql = new Text().add(
    "SELECT 1 FROM main.sqlite_schema WHERE type='table' AND name='cloudsync_settings'",
  );
  if (queryInteger(sql, 0) == 0) return false;
  const format = queryInteger(
    new Text().add("SELECT value FROM main.cloudsync_settings WHERE key='format'"),
    0,
  );
  if (hasFailed()) return false;
  if (format != FORMAT) {
    failWith('this database was written by another version of cloudsync; update the extension');
    return false;
  }
  return true;
}

/** Creates the core's tables and a new site id when they are missing. Inside a write transaction. */
export function ensureCatalog(): bool {
  if (catalogExists()) return true;
  if (hasFailed()) return false;
  return (
    executeLiteral(
      'CREATE TABLE main.cloudsync_settings(key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID',
    ) &&
    executeLiteral(
      'CREATE TABLE main.cloudsync_sites(id INTEGER PRIMARY KEY, site BLOB NOT NULL UNIQUE,' +
        ' relayed INTEGER NOT NULL DEFAULT 0)',
    ) &&
    executeLiteral(
      'CREATE TABLE main.cloudsync_tables(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,' +
        ' algorithm INTEGER NOT NULL, enabled INTEGER NOT NULL DEFAULT 1, paused_seq INTEGER NOT NULL DEFAULT 0,' +
        ' clock_table TEXT NOT NULL, log_table TEXT NOT NULL)',
    ) &&
    executeLiteral(
      'CREATE TABLE main.cloudsync_columns(table_id INTEGER NOT NULL, id INTEGER NOT NULL,' +
        ' name TEXT NOT NULL COLLATE NOCASE, added_seq INTEGER NOT NULL, PRIMARY KEY(table_id, id)) WITHOUT ROWID',
    ) &&
    executeLiteral(
      'CREATE TABLE main.cloudsync_held(id INTEGER PRIMARY KEY, tbl TEXT NOT NULL, pk BLOB NOT NULL,' +
        ' columns TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL, content BLOB NOT NULL,' +
        ' digest INTEGER UNIQUE, waits INTEGER NOT NULL, table_id INTEGER, parent_id INTEGER, parent_pk BLOB)',
    ) &&
    executeLiteral(
      'CREATE TABLE main.cloudsync_outbox(batch INTEGER PRIMARY KEY, since INTEGER NOT NULL,' +
        ' upto INTEGER NOT NULL, packet BLOB NOT NULL)',
    ) &&
    executeLiteral('CREATE TABLE main.cloudsync_inbox(id INTEGER PRIMARY KEY, change BLOB NOT NULL)') &&
    ensureRejected() &&
    execute(
      new Text()
        .add("INSERT INTO main.cloudsync_settings VALUES('seq',0),('clock',0),('format',")
        .number(FORMAT)
        .add(')'),
    ) &&
    executeUnsettling(
      new Text().add(
        'CREATE UNIQUE INDEX main.cloudsync_held_row ON cloudsync_held(table_id, pk) WHERE table_id IS NOT NULL',
      ),
    ) &&
    executeUnsettling(
      new Text().add(
        'CREATE INDEX main.cloudsync_held_parent ON cloudsync_held(parent_id, parent_pk) WHERE parent_id IS NOT NULL',
      ),
    ) &&
    renewSite()
  );
}

/** Gives this database a new random site id, from now on used for its own changes. */
export function renewSite(): bool {
  const site = arenaAllocate(SITE_SIZE);
  random_bytes(site, SITE_SIZE);
  const insert = new Statement(new Text().add('INSERT INTO main.cloudsync_sites(site) VALUES(?1)'));
  const inserted = insert.blob(1, site, SITE_SIZE).run();
  insert.close();
  return (
    inserted &&
    executeLiteral(
      "INSERT OR REPLACE INTO main.cloudsync_settings SELECT 'site', max(id) FROM main.cloudsync_sites",
    )
  );
}

/** The failure of a function that needs a tracked table. */
export function failWithoutCatalog(): bool {
  return failWith("no table is synchronised in this database yet: call cloudsync_init('table') first");
}
