/**
 * scenarios.ts: what the killed clients are busy with. Each scenario prepares a database file, and the server's where
 * it syncs, and names the steps of the victim. A step is one transaction or one call, so after a kill the tables are as
 * they were before the step or as they are after it, except where a step is several transactions by design.
 */
import { copyFileSync } from 'node:fs';
import { Device } from '../end-to-end/device.js';
import type { Workspace } from '../end-to-end/workspace.js';
import { encodePayload, openDatabase } from '../support/database.js';

export interface Scenario {
  name: string;
  journal: 'wal' | 'delete';
  /** Bytes of a page; large ones where much is written, to keep the number of points small. */
  pageSize?: number;
  /** Makes the file, and the database of the scenario's name on the server when it syncs. */
  prepare(context: Context): void;
  steps: readonly string[];
  /** Steps that are several transactions; between two of them the tables may look in any way that is sound. */
  syncs: boolean;
}

export interface Context {
  workspace: Workspace;
  /** The client's file, to be made. */
  file: string;
  /** Name of the database on the server. */
  database: string;
}

export const SCHEMA = [
  'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b)',
  'CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL, note TEXT REFERENCES notes(id) ON DELETE CASCADE, name TEXT UNIQUE)',
];
const TRACK = ["SELECT cloudsync_init('notes')", "SELECT cloudsync_init('tags')"];
const FOLD = 'SELECT cloudsync_db_version()';
const ENCODE = 'SELECT length(cloudsync_payload_encode())';
export const SYNC = 'SELECT cloudsync_network_sync(0, 0)';

/** Rows that every prepared device has. */
const ROWS = [
  "INSERT INTO notes VALUES('n1', 1, 'one'), ('n2', 2, 'two'), ('n3', 3, 'three'), ('n4', 4, 'four')",
  "INSERT INTO tags VALUES('t1', 'n1', 'red'), ('t2', 'n2', 'green'), ('t3', 'n3', 'blue')",
];

const WRITES = [
  "BEGIN; INSERT INTO notes VALUES('w1', 1, 'x'); INSERT INTO tags VALUES('w1', 'w1', 'white'); COMMIT",
  "UPDATE notes SET a = a + 10 WHERE id IN ('n1', 'n2')",
  "REPLACE INTO tags VALUES('w2', 'n2', 'red')",
  "DELETE FROM notes WHERE id = 'n3'",
  "UPDATE notes SET id = 'n4b', b = 'moved' WHERE id = 'n4'",
];

function prepared(file: string, statements: readonly string[]): Device {
  const device = new Device(file);
  device.run('PRAGMA foreign_keys = ON');
  for (const sql of statements) device.run(sql);
  return device;
}

/** A device and a peer that have exchanged everything, then new changes of the peer that wait on the server. */
function withPeer(context: Context, ...later: string[]): void {
  const { workspace, file, database } = context;
  const device = prepared(file, [...SCHEMA, ...TRACK, ...ROWS]).connect(workspace.server, database);
  const peer = prepared(workspace.path('peer'), [...SCHEMA, ...TRACK]).connect(workspace.server, database);
  device.sync();
  peer.sync();
  for (const sql of later) peer.run(sql);
  peer.sync();
  device.close();
  peer.close();
}

const OF_THE_PEER = [
  "INSERT INTO notes VALUES('p1', 1, 'of the peer')",
  "INSERT INTO tags VALUES('p1', 'p1', 'white'), ('p2', 'n1', 'black')",
  "UPDATE notes SET b = 'of the peer' WHERE id IN ('n1', 'n2')",
  "DELETE FROM notes WHERE id = 'n2'",
];

/** The payload of a peer as a literal, with a clash of unique values and a deletion that cascades. */
export function payloadOfPeer(): string {
  const peer = openDatabase({ foreignKeys: true });
  for (const sql of [...SCHEMA, ...TRACK, ...ROWS, ...OF_THE_PEER]) peer.exec(sql);
  const payload = encodePayload(peer).toString('hex');
  peer.close();
  return `x'${payload}'`;
}

function local(
  name: string,
  journal: 'wal' | 'delete',
  before: readonly string[],
  steps: readonly string[],
): Scenario {
  return {
    name: `${name} (${journal})`,
    journal,
    steps,
    syncs: false,
    prepare: ({ file }) => prepared(file, before).close(),
  };
}

function localScenarios(): Scenario[] {
  const all = [...SCHEMA, ...TRACK, ...ROWS, FOLD];
  const apply = `SELECT cloudsync_payload_apply(${payloadOfPeer()})`;
  const merge = [
    "UPDATE notes SET a = 'mine' WHERE id = 'n1'",
    "INSERT INTO tags VALUES('m1', 'n1', 'white')",
    apply,
    "DELETE FROM tags WHERE id = 'm1'",
    ENCODE,
  ];
  const alter = [
    'ALTER TABLE notes ADD COLUMN c',
    "UPDATE notes SET c = 'new' WHERE id = 'n1'",
    FOLD,
    'ALTER TABLE tags RENAME COLUMN name TO title',
    ENCODE,
    "SELECT cloudsync_begin_alter('notes')",
    'ALTER TABLE notes DROP COLUMN b',
    "SELECT cloudsync_commit_alter('notes')",
    "UPDATE notes SET a = 'after' WHERE id = 'n2'",
    ENCODE,
  ];
  const track = [
    "SELECT cloudsync_init('notes')",
    "SELECT cloudsync_init('tags')",
    "UPDATE notes SET a = 5 WHERE id = 'n1'",
    "BEGIN; SELECT cloudsync_cleanup('tags'); SELECT cloudsync_init('tags'); COMMIT",
    "SELECT cloudsync_disable('tags')",
    "UPDATE tags SET name = 'paused' WHERE id = 't1'",
    "SELECT cloudsync_enable('tags')",
    'PRAGMA wal_checkpoint(TRUNCATE)',
  ];
  return [
    local('writes', 'wal', all, [...WRITES, ENCODE]),
    local('writes', 'delete', all, [...WRITES.slice(0, 3), ENCODE]),
    local('merges', 'wal', all, merge),
    local('merges', 'delete', all, merge.slice(2)),
    local('alters', 'wal', all, alter),
    local('tracks', 'wal', [...SCHEMA, ...ROWS], track),
  ];
}

/** The first device of all: the server has neither the database nor its tables. */
function publishes({ workspace, file, database }: Context): void {
  prepared(file, [...SCHEMA, ...TRACK, ...ROWS])
    .connect(workspace.server, database)
    .close();
}

/** The file is an older copy: the original has sent since. */
function olderCopy(context: Context): void {
  const { workspace, file, database } = context;
  withPeer(context, ...OF_THE_PEER);
  const original = workspace.path('original');
  copyFileSync(file, original);
  const device = prepared(original, ["INSERT INTO notes VALUES('o1', 1, 'sent after the copy')"]);
  device.connect(workspace.server, database).sync();
  device.close();
  prepared(file, ["INSERT INTO notes VALUES('c1', 1, 'in the copy')"]).close();
}

/** The server has fallen back to a backup: batches of this device are gone there. */
function olderServer(context: Context): void {
  const { workspace, file, database } = context;
  const backup = workspace.path('backup');
  withPeer(context, ...OF_THE_PEER);
  const server = openDatabase({ source: workspace.serverFile(database), extension: false });
  server.exec(`VACUUM INTO '${backup}'`);
  server.close();
  const device = prepared(file, ["INSERT INTO notes VALUES('l1', 1, 'lost there')"]);
  device.connect(workspace.server, database).sync();
  device.close();
  copyFileSync(backup, `${file}.server`);
}

/** More than a page of changes waits. The texts shrink in packets, so they cost the test little. */
function manyPages(context: Context): void {
  const large = (id: string) => `INSERT INTO notes VALUES('${id}', printf('%.*c', 600000, 'x'), '${id}')`;
  withPeer(context, large('p1'), large('p2'), large('p3'), "UPDATE notes SET b = 'late' WHERE id = 'p1'");
}

function syncing(name: string, prepare: Scenario['prepare'], steps: readonly string[]): Scenario {
  return { name: `${name} (wal)`, journal: 'wal', steps, prepare, syncs: true };
}

/** All scenarios, in the order of the run. */
export function scenarios(): Scenario[] {
  const local = "INSERT INTO notes VALUES('m1', 1, 'mine')";
  const conflict = "UPDATE notes SET b = 'mine' WHERE id IN ('n1', 'n4')";
  return [
    ...localScenarios(),
    syncing('publishes', publishes, [SYNC]),
    syncing('sync', (context) => withPeer(context, ...OF_THE_PEER), [
      local,
      conflict,
      SYNC,
      "DELETE FROM notes WHERE id = 'n4'",
      'SELECT cloudsync_network_send_changes()',
      'SELECT cloudsync_network_check_changes()',
    ]),
    syncing('older copy', olderCopy, [conflict, SYNC]),
    syncing('older server', olderServer, [conflict, SYNC]),
    {
      ...syncing('many pages', manyPages, [
        conflict,
        SYNC,
        'SELECT cloudsync_network_reset_sync_version()',
        SYNC,
      ]),
      pageSize: 65536,
    },
  ];
}
