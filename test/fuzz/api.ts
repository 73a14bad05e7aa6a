/**
 * api.ts: every function and table that the extension offers, called on a database about which nothing is known. An
 * error is an answer; a defect ("internal error") and damage are not.
 */
import type { Connection } from '../support/database.js';
import { prepareAnswers } from './curl/answers.js';

/** What an error must never say: a trap of the core. */
const DEFECT = /internal error/;

/** Runs SQL; returns its error message, or undefined. Throws when that tells of a defect. */
export function attempt(db: Connection, sql: string, ...values: unknown[]): string | undefined {
  try {
    const statement = db.prepare(sql);
    if (statement.reader) statement.all(...values);
    else statement.run(...values);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (DEFECT.test(message)) throw new Error(`${sql.slice(0, 300)}: ${message}`);
    return message;
  }
}

const EACH_TABLE = [
  "SELECT cloudsync_is_enabled('T')",
  "SELECT cloudsync_set_table('T', 'send', 'off')",
  "SELECT cloudsync_set_table('T', 'send', 'on')",
  "SELECT cloudsync_set_table('T', 'conflicts', 'keep')",
  "SELECT cloudsync_set_filter('T', '1')",
  "SELECT cloudsync_clear_filter('T')",
];

/** What is called once, from harmless to destructive. */
const CALLS = [
  'SELECT cloudsync_version(), cloudsync_siteid(), cloudsync_uuid(), cloudsync_is_sync(), cloudsync_terminate()',
  'SELECT cloudsync_db_version()',
  'SELECT cloudsync_status()',
  'SELECT cloudsync_network_status()',
  'SELECT cloudsync_network_has_unsent_changes()',
  'SELECT cloudsync_payload_encode()',
  'SELECT cloudsync_payload_encode(5)',
  'SELECT cloudsync_payload_page(0, 0, 2000, NULL)',
  'SELECT cloudsync_payload_page(3, 1, 2000, zeroblob(16))',
  // The rows 'a' and 'b' of notes.
  "SELECT cloudsync_payload_rows(x'9292a56e6f746573c402a16192a56e6f746573c402a162', 1, zeroblob(16), 2000)",
  'SELECT * FROM cloudsync_changes',
  "SELECT * FROM cloudsync_changes WHERE tbl = 'notes' AND db_version > 2",
  'SELECT cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)' +
    ' FROM cloudsync_changes',
  'SELECT * FROM cloudsync_held',
  'SELECT * FROM cloudsync_conflicts',
  "SELECT cloudsync_set('batch_bytes', 1024)",
  "SELECT cloudsync_set('conflicts.max_rows', 2)",
  "SELECT cloudsync_resolve(id, 'title', 'free') FROM cloudsync_held",
  'SELECT cloudsync_restore(id) FROM cloudsync_conflicts',
  "INSERT INTO notes VALUES('new', 'new', NULL, 1)",
  "UPDATE notes SET body = 'all' WHERE stars > 0",
  "DELETE FROM notes WHERE id = 'shared'",
  "UPDATE marks SET x = 1, y = 2 WHERE id = x'00'",
  "INSERT OR REPLACE INTO tasks VALUES(3, 'all', NULL, 8)",
  "DELETE FROM tickets WHERE id = '22'",
];

const CALLS_AT_THE_END = [
  'SELECT cloudsync_network_sync(0, 1)',
  'SELECT cloudsync_network_send_changes()',
  'SELECT cloudsync_network_check_changes()',
  'SELECT cloudsync_network_reset_sync_version()',
  "SELECT cloudsync_disable('notes')",
  "SELECT cloudsync_enable('notes')",
  "SELECT cloudsync_begin_alter('notes')",
  'ALTER TABLE notes ADD COLUMN more',
  "SELECT cloudsync_commit_alter('notes')",
  'ALTER TABLE marks RENAME COLUMN x TO xx',
  "SELECT cloudsync_init('plain')",
  "SELECT cloudsync_init('notes')",
  'SELECT cloudsync_payload_encode()',
  "SELECT cloudsync_cleanup('notes')",
  'SELECT cloudsync_network_logout(1)',
  'SELECT cloudsync_network_cleanup()',
  "SELECT cloudsync_cleanup('tasks')",
  "SELECT cloudsync_init('notes')",
];

/** Calls everything. `packets` are applied on the way. Returns how many calls failed and how many there were. */
export function callEverything(
  db: Connection,
  packets: readonly Buffer[],
): { failed: number; calls: number } {
  prepareAnswers([]);
  const messages = [
    ...CALLS.map((sql) => attempt(db, sql)),
    ...['notes', 'marks'].flatMap((table) => EACH_TABLE.map((sql) => attempt(db, sql.replace('T', table)))),
    ...packets.map((packet) => attempt(db, 'SELECT cloudsync_payload_apply(?)', packet)),
    attempt(db, "SELECT cloudsync_network_set_token('secret')"),
    ...CALLS_AT_THE_END.map((sql) => attempt(db, sql)),
  ];
  return { failed: messages.filter((message) => message !== undefined).length, calls: messages.length };
}
