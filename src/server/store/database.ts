/**
 * database.ts: one open database file: the connection with its settings, the extension, and the server's own
 * tables inside it. Those live in the same file as the synced tables, so that one transaction covers a packet
 * and the record of it, and so that a copy of the file is a complete backup.
 *
 * | table | content |
 * |---|---|
 * | cloudsync_server_state | `epoch`: identity of this database; `cursor_secret`: key of the cursors |
 * | cloudsync_server_sites | per device: whose it is, its last batch with digest and recorded answer |
 * | cloudsync_server_pushes | per commit that brought changes: the head after it, and a random nonce |
 * | cloudsync_server_policies | texts of policies; the newest one is in force |
 * | cloudsync_server_readers | per device: how far it has read (readers.ts) |
 * | cloudsync_server_refusals | the newest writes that were refused; see refusals.ts |
 * | cloudsync_scope_.. | which rows which principals see, where policies are in force; see scopes/layout.ts |
 */
import Database from 'better-sqlite3';
import { load } from '../../node/index.js';
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { ActivePolicies, POLICIES_TABLE } from '../policies/active-policies.js';
import { AuthFunctions } from '../policies/auth-functions.js';
import { WriteJudge } from '../policies/judge.js';
import { mayActFor, type Principal } from '../principal.js';
import { TouchedScopes } from '../scopes/touched-scopes.js';
import { MACHINE, type Surroundings } from '../surroundings.js';
import { NONCE_BYTES } from './cursor.js';
import { HandedOut } from './handed-out.js';
import { NO_QUOTA, type Quota } from './quota.js';
import { createReadersTable, Readers } from './readers.js';
import { REFUSALS_TABLE } from './refusals.js';

const TABLES = `
CREATE TABLE IF NOT EXISTS cloudsync_server_state(
  name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudsync_server_sites(
  site BLOB PRIMARY KEY NOT NULL, subject TEXT NOT NULL, last_batch INTEGER NOT NULL DEFAULT 0,
  digest BLOB, answer BLOB, created INTEGER NOT NULL, last_seen INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS cloudsync_server_pushes(head INTEGER PRIMARY KEY, nonce BLOB NOT NULL) STRICT;
${POLICIES_TABLE}
${REFUSALS_TABLE}`;

/** What the operator allows a database. */
export interface Allowance {
  quota: Quota;
  /** How long nothing is forgotten of a device that is silent. */
  deviceDays: number;
}

const NO_LIMIT: Allowance = { quota: NO_QUOTA, deviceDays: 36_500 };

export interface SiteRow {
  subject: string;
  last_batch: number;
  digest: Buffer | null;
  answer: Buffer | null;
}

export class SyncDatabase {
  readonly name: string;
  readonly sqlite: Database.Database;
  readonly epoch: Buffer;
  readonly cursorSecret: Buffer;
  readonly surroundings: Surroundings;
  readonly auth: AuthFunctions;
  readonly policies: ActivePolicies;
  readonly quota: Quota;
  readonly readers: Readers;
  readonly judge: WriteJudge;
  readonly handedOut: HandedOut;
  readonly touched = new TouchedScopes();
  readonly #statements = new Map<string, Database.Statement>();

  /**
   * Opens a database file and completes the server's tables in it; creates the file when it does not exist.
   *
   * @param name the database's name, for messages
   */
  constructor(name: string, file: string, surroundings = MACHINE, allowance = NO_LIMIT) {
    this.name = name;
    this.quota = allowance.quota;
    this.surroundings = surroundings;
    this.sqlite = new Database(file, { timeout: LIMITS.databaseLockMilliseconds });
    try {
      configure(this.sqlite);
      const state = this.sqlite.transaction(() => createTables(this.sqlite, surroundings)).immediate();
      this.epoch = state.epoch;
      this.cursorSecret = state.cursorSecret;
      this.auth = new AuthFunctions(this.sqlite);
      this.policies = new ActivePolicies(this.sqlite);
      this.readers = new Readers(this, allowance.deviceDays);
      this.judge = new WriteJudge(this.sqlite);
      this.handedOut = new HandedOut(surroundings, this.cursorSecret);
    } catch (error) {
      this.sqlite.close();
      throw error;
    }
  }

  /** A statement, prepared at its first use. */
  prepare<Parameters extends unknown[], Row>(sql: string): Database.Statement<Parameters, Row> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement as Database.Statement<Parameters, Row>;
  }

  /** The highest `seq` in the database. */
  head(): number {
    const row = this.prepare<[], { head: number }>('SELECT cloudsync_db_version() AS head').get();
    return row?.head ?? 0;
  }

  /**
   * Marks the present head with a new nonce when it has grown since the last mark. Called in the transaction
   * that brought the changes; also finds changes that another program wrote into the file by plain SQL.
   */
  recordHead(): number {
    const head = this.head();
    const row = this.prepare<[], { marked: number | null }>(
      'SELECT max(head) AS marked FROM cloudsync_server_pushes',
    ).get();
    if (head > (row?.marked ?? 0)) {
      const nonce = this.surroundings.randomBytes(NONCE_BYTES);
      this.prepare('INSERT INTO cloudsync_server_pushes VALUES (?, ?)').run(head, nonce);
    }
    return head;
  }

  /**
   * The nonce of the commit that produced `position`: the first mark at or above it. (The mark below it would
   * not do: a page may end inside a commit, and a restored file may hold the mark below and other changes
   * above.)
   */
  nonceAt(position: number): Buffer | undefined {
    if (position === 0) return Buffer.alloc(NONCE_BYTES);
    const sql = 'SELECT nonce FROM cloudsync_server_pushes WHERE head >= ? ORDER BY head LIMIT 1';
    return this.prepare<[number], { nonce: Buffer }>(sql).get(position)?.nonce;
  }

  /** As nonceAt, for a position that a page has reached. */
  requireNonceAt(position: number): Buffer {
    const nonce = this.nonceAt(position);
    if (nonce === undefined)
      throw new Error(`database ${this.name}: no commit is recorded for seq ${position}`);
    return nonce;
  }

  /**
   * A cursor belongs to the history of this database when the commit that it names happened here.
   *
   * @throws SyncError epoch_changed
   */
  requireHistory(position: number, nonce: Buffer): void {
    if (this.nonceAt(position)?.equals(nonce)) return;
    const problem = `the cursor points into a history that database ${this.name} does not have`;
    throw new SyncError('epoch_changed', `${problem}: this server was restored; register and start over`);
  }

  findSite(site: Uint8Array): SiteRow | undefined {
    const sql = 'SELECT subject, last_batch, digest, answer FROM cloudsync_server_sites WHERE site = ?';
    return this.prepare<[Uint8Array], SiteRow>(sql).get(site);
  }

  /**
   * The record of a site that the principal may act for.
   *
   * @throws SyncError unknown_site, or forbidden when it belongs to another subject
   */
  requireSite(principal: Principal, site: Uint8Array): SiteRow {
    const row = this.findSite(site);
    const hex = Buffer.from(site).toString('hex');
    if (row === undefined) {
      throw new SyncError(
        'unknown_site',
        `site ${hex} is not registered in database ${this.name}; register it`,
      );
    }
    if (!mayActFor(principal, row.subject)) {
      const remedy =
        'use its credential, or call cloudsync_network_logout when another person uses this device';
      throw new SyncError('forbidden', `site ${hex} belongs to somebody else; ${remedy}`);
    }
    return row;
  }

  /** Whether a table was ever published; before that there is no catalog of the extension to ask. */
  hasTables(): boolean {
    const sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'cloudsync_tables'";
    return this.prepare<[], unknown>(sql).get() !== undefined;
  }

  /**
   * A device that is registered has said which tables it has, and they were made; where there is none, this file is
   * an older one, from before that.
   *
   * @throws SyncError unknown_site, so that the device registers, and publishes its tables when it may
   */
  requireTables(): void {
    if (this.hasTables()) return;
    const remedy = 'register, and publish them with a key of role schema or admin';
    throw new SyncError('unknown_site', `database ${this.name} has no tables yet; ${remedy}`);
  }

  /** @throws SyncError epoch_changed when the device last spoke with another incarnation of this database */
  requireEpoch(epoch: Uint8Array): void {
    if (!this.epoch.equals(epoch)) {
      throw new SyncError('epoch_changed', `database ${this.name} was replaced; register and start over`);
    }
  }

  close(): void {
    this.sqlite.close();
  }
}

function configure(sqlite: Database.Database): void {
  sqlite.pragma('journal_mode = WAL');
  // An answer promises that the packet survives a loss of power; NORMAL in WAL mode would not keep that
  // promise.
  sqlite.pragma('synchronous = FULL');
  // The server is a faithful relay: which child may live without its parent is decided on the devices, by the
  // same rules everywhere. Enforced here too, a reference would hold back rows that a device still has to be
  // told about.
  sqlite.pragma('foreign_keys = OFF');
  sqlite.pragma('trusted_schema = OFF');
  load(sqlite);
}

function createTables(
  sqlite: Database.Database,
  { randomBytes, now }: Surroundings,
): { epoch: Buffer; cursorSecret: Buffer } {
  sqlite.exec(TABLES);
  createReadersTable(sqlite, now());
  const add = sqlite.prepare('INSERT OR IGNORE INTO cloudsync_server_state VALUES (?, ?)');
  add.run('epoch', randomBytes(16));
  add.run('cursor_secret', randomBytes(32));
  const get = sqlite
    .prepare<[string], Buffer>('SELECT value FROM cloudsync_server_state WHERE name = ?')
    .pluck();
  const [epoch, cursorSecret] = [get.get('epoch'), get.get('cursor_secret')];
  if (epoch === undefined || cursorSecret === undefined)
    throw new Error('cloudsync_server_state cannot be read');
  return { epoch, cursorSecret };
}
