/**
 * registry.ts: the one table of all SQL functions: name, number of arguments, flags, one line of help. The host
 * registers them from it; the README's reference is checked against it by a test.
 */
import { arenaAllocate } from '../runtime/arena';
import { sliceOf } from '../sql/text';

/** Only from SQL that the application itself runs, never from a view, trigger or index of a database file. */
export const DIRECTONLY: u32 = 1;
/** Harmless anywhere: it has no effect and reveals nothing. */
export const INNOCUOUS: u32 = 2;
export const DETERMINISTIC: u32 = 4;

export class FunctionEntry {
  constructor(
    public id: i32,
    public name: string,
    public argumentsMin: i32,
    public argumentsMax: i32,
    public flags: u32,
    public help: string,
  ) {}
}

export const F_INIT: i32 = 0;
export const F_CLEANUP: i32 = 1;
export const F_ENABLE: i32 = 2;
export const F_DISABLE: i32 = 3;
export const F_IS_ENABLED: i32 = 4;
export const F_SET: i32 = 5;
export const F_SET_TABLE: i32 = 6;
export const F_SET_COLUMN: i32 = 7;
export const F_VERSION: i32 = 8;
export const F_SITEID: i32 = 9;
export const F_DB_VERSION: i32 = 10;
export const F_UUID: i32 = 11;
export const F_IS_SYNC: i32 = 12;
export const F_TERMINATE: i32 = 13;
export const F_STATUS: i32 = 14;
export const F_PAYLOAD_ENCODE: i32 = 15;
export const F_PAYLOAD_APPLY: i32 = 16;
export const F_PAYLOAD_SAVE: i32 = 17;
export const F_PAYLOAD_LOAD: i32 = 18;
export const F_PAYLOAD_PAGE: i32 = 19;
export const F_CHANGES_PAGE: i32 = 20;
export const F_CHANGES_ENCODE: i32 = 21;
export const F_NETWORK_INIT: i32 = 22;
export const F_NETWORK_SET_TOKEN: i32 = 23;
export const F_NETWORK_SET_APIKEY: i32 = 24;
export const F_NETWORK_HAS_UNSENT_CHANGES: i32 = 25;
export const F_NETWORK_SEND_CHANGES: i32 = 26;
export const F_NETWORK_CHECK_CHANGES: i32 = 27;
export const F_NETWORK_SYNC: i32 = 28;
export const F_NETWORK_RESET_SYNC_VERSION: i32 = 29;
export const F_NETWORK_LOGOUT: i32 = 30;
export const F_NETWORK_STATUS: i32 = 31;
export const F_NETWORK_CLEANUP: i32 = 32;
export const F_BEGIN_ALTER: i32 = 33;
export const F_COMMIT_ALTER: i32 = 34;
export const F_SET_FILTER: i32 = 35;
export const F_CLEAR_FILTER: i32 = 36;
export const F_RESOLVE: i32 = 37;
export const F_RESTORE: i32 = 38;
export const F_CHANGES_INSERT: i32 = 39;
export const F_PAYLOAD_TAKE: i32 = 40;
export const F_PAYLOAD_ROWS: i32 = 41;

function entry(id: i32, name: string, min: i32, max: i32, flags: u32, help: string): FunctionEntry {
  return new FunctionEntry(id, name, min, max, flags, help);
}

function tableFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_INIT,
      'cloudsync_init',
      1,
      3,
      DIRECTONLY,
      'tracks a table: (table[, algorithm[, force]]); returns the site id',
    ),
    entry(
      F_CLEANUP,
      'cloudsync_cleanup',
      1,
      1,
      DIRECTONLY,
      'stops tracking a table and removes its clocks; the data stays',
    ),
    entry(
      F_ENABLE,
      'cloudsync_enable',
      1,
      1,
      DIRECTONLY,
      'lets the table take part in synchronisation again',
    ),
    entry(
      F_DISABLE,
      'cloudsync_disable',
      1,
      1,
      DIRECTONLY,
      'takes the table out of synchronisation until cloudsync_enable',
    ),
    entry(
      F_IS_ENABLED,
      'cloudsync_is_enabled',
      1,
      1,
      INNOCUOUS,
      '1 when the table is tracked and enabled, else 0',
    ),
    entry(F_SET, 'cloudsync_set', 2, 2, DIRECTONLY, 'sets a setting of the database: (key, value)'),
    entry(
      F_SET_TABLE,
      'cloudsync_set_table',
      3,
      3,
      DIRECTONLY,
      'sets a setting of a table: (table, key, value)',
    ),
    entry(
      F_SET_COLUMN,
      'cloudsync_set_column',
      4,
      4,
      DIRECTONLY,
      'sets a setting of a column: (table, column, key, value)',
    ),
  ];
}

function stateFunctions(): Array<FunctionEntry> {
  return [
    entry(F_VERSION, 'cloudsync_version', 0, 0, INNOCUOUS | DETERMINISTIC, 'version of the extension'),
    entry(F_SITEID, 'cloudsync_siteid', 0, 0, INNOCUOUS, 'site id of this database as hexadecimal text'),
    entry(
      F_DB_VERSION,
      'cloudsync_db_version',
      0,
      0,
      DIRECTONLY,
      'highest seq: the number of the newest change',
    ),
    entry(F_UUID, 'cloudsync_uuid', 0, 0, INNOCUOUS, 'a new UUID (version 7) as text, for keys'),
    entry(
      F_IS_SYNC,
      'cloudsync_is_sync',
      0,
      1,
      INNOCUOUS,
      '1 while this connection merges changes (into the table), else 0',
    ),
    entry(
      F_TERMINATE,
      'cloudsync_terminate',
      0,
      0,
      INNOCUOUS,
      'does nothing; connections can be closed without it',
    ),
    entry(F_STATUS, 'cloudsync_status', 0, 0, DIRECTONLY, 'tables, rows, held rows and counters as JSON'),
  ];
}

function payloadFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_PAYLOAD_ENCODE,
      'cloudsync_payload_encode',
      0,
      1,
      DIRECTONLY,
      'the changes after a seq as packets: ([since])',
    ),
    entry(
      F_PAYLOAD_APPLY,
      'cloudsync_payload_apply',
      1,
      1,
      DIRECTONLY,
      'merges packets; returns the number of rows in them',
    ),
    entry(
      F_PAYLOAD_SAVE,
      'cloudsync_payload_save',
      1,
      2,
      DIRECTONLY,
      'writes packets to a file: (path[, since]); returns the rows',
    ),
    entry(
      F_PAYLOAD_LOAD,
      'cloudsync_payload_load',
      1,
      1,
      DIRECTONLY,
      'merges the packets of a file; returns the rows',
    ),
    entry(
      F_PAYLOAD_PAGE,
      'cloudsync_payload_page',
      4,
      4,
      DIRECTONLY,
      'one page of the feed, for servers: (position, since, bytes, site)',
    ),
    entry(
      F_CHANGES_PAGE,
      'cloudsync_changes_page',
      4,
      4,
      DIRECTONLY,
      'one page of cloudsync_changes, for it alone: (position, since, table, site)',
    ),
    entry(
      F_CHANGES_ENCODE,
      'cloudsync_changes_encode',
      1,
      1,
      DIRECTONLY,
      'packets of picked changes, for the aggregate cloudsync_payload_encode alone',
    ),
  ];
}

function networkFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_NETWORK_INIT,
      'cloudsync_network_init',
      1,
      1,
      DIRECTONLY,
      'sets the server: https://host/database',
    ),
    entry(
      F_NETWORK_SET_TOKEN,
      'cloudsync_network_set_token',
      1,
      1,
      DIRECTONLY,
      'sets the bearer token of this connection',
    ),
    entry(
      F_NETWORK_SET_APIKEY,
      'cloudsync_network_set_apikey',
      1,
      1,
      DIRECTONLY,
      'sets the API key of this connection',
    ),
    entry(
      F_NETWORK_HAS_UNSENT_CHANGES,
      'cloudsync_network_has_unsent_changes',
      0,
      0,
      DIRECTONLY,
      '1 when changes wait to be sent, else 0',
    ),
  ];
}

function exchangeFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_NETWORK_SEND_CHANGES,
      'cloudsync_network_send_changes',
      0,
      0,
      DIRECTONLY,
      'sends local changes; returns JSON',
    ),
    entry(
      F_NETWORK_CHECK_CHANGES,
      'cloudsync_network_check_changes',
      0,
      0,
      DIRECTONLY,
      'receives and merges changes; returns JSON',
    ),
    entry(
      F_NETWORK_SYNC,
      'cloudsync_network_sync',
      0,
      2,
      DIRECTONLY,
      'sends, receives and merges: ([wait_ms[, max_retries]]); returns JSON',
    ),
    entry(
      F_NETWORK_RESET_SYNC_VERSION,
      'cloudsync_network_reset_sync_version',
      0,
      0,
      DIRECTONLY,
      'the next sync sends and receives everything again',
    ),
    entry(
      F_NETWORK_LOGOUT,
      'cloudsync_network_logout',
      0,
      1,
      DIRECTONLY,
      'wipes the synchronised rows and the identity: ([force])',
    ),
    entry(
      F_NETWORK_STATUS,
      'cloudsync_network_status',
      0,
      0,
      DIRECTONLY,
      'server, cursor and what waits to be sent as JSON',
    ),
    entry(
      F_NETWORK_CLEANUP,
      'cloudsync_network_cleanup',
      0,
      0,
      DIRECTONLY,
      'forgets the server and the credentials',
    ),
  ];
}

function alterFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_BEGIN_ALTER,
      'cloudsync_begin_alter',
      1,
      1,
      DIRECTONLY,
      'prepares a table for any change of its schema',
    ),
    entry(
      F_COMMIT_ALTER,
      'cloudsync_commit_alter',
      1,
      1,
      DIRECTONLY,
      'ends what cloudsync_begin_alter began',
    ),
  ];
}

function filterFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_SET_FILTER,
      'cloudsync_set_filter',
      2,
      2,
      DIRECTONLY,
      'only rows that match are sent: (table, expression)',
    ),
    entry(F_CLEAR_FILTER, 'cloudsync_clear_filter', 1, 1, DIRECTONLY, 'sends all rows of the table again'),
  ];
}

function rowFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_RESOLVE,
      'cloudsync_resolve',
      3,
      3,
      DIRECTONLY,
      'gives a held row another value: (id, column, value)',
    ),
  ];
}

function conflictFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_RESTORE,
      'cloudsync_restore',
      1,
      1,
      DIRECTONLY,
      'writes the losing value of an entry of cloudsync_conflicts back: (id)',
    ),
  ];
}

function inboxFunctions(): Array<FunctionEntry> {
  return [
    entry(
      F_CHANGES_INSERT,
      'cloudsync_changes_insert',
      1,
      1,
      DIRECTONLY,
      'takes a row that is inserted into cloudsync_changes, for it alone',
    ),
    entry(
      F_PAYLOAD_TAKE,
      'cloudsync_payload_take',
      2,
      3,
      DIRECTONLY,
      'merges what a device has sent, for servers: (payload, site[, refused]); returns the rows',
    ),
    entry(
      F_PAYLOAD_ROWS,
      'cloudsync_payload_rows',
      4,
      4,
      DIRECTONLY,
      'a packet of named rows, for servers: (rows, since, site, bytes)',
    ),
  ];
}

function allFunctions(): Array<FunctionEntry> {
  return tableFunctions()
    .concat(stateFunctions())
    .concat(payloadFunctions())
    .concat(networkFunctions())
    .concat(exchangeFunctions())
    .concat(alterFunctions())
    .concat(filterFunctions())
    .concat(rowFunctions())
    .concat(conflictFunctions())
    .concat(inboxFunctions());
}

export function functionCount(): i32 {
  return F_PAYLOAD_ROWS + 1;
}

/** Address of seven u32: name, its size, least and most arguments, flags, help, its size. In the arena. */
export function describeFunction(index: i32): usize {
  const described = allFunctions()[index];
  assert(described.id == index);
  const name = sliceOf(described.name);
  const help = sliceOf(described.help);
  const words = arenaAllocate(28);
  store<u32>(words, <u32>name.pointer);
  store<u32>(words + 4, name.size);
  store<i32>(words + 8, described.argumentsMin);
  store<i32>(words + 12, described.argumentsMax);
  store<u32>(words + 16, described.flags);
  store<u32>(words + 20, <u32>help.pointer);
  store<u32>(words + 24, help.size);
  return words;
}
