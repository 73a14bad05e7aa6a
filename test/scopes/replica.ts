/**
 * replica.ts: a server's database without HTTP, and devices that speak with it by direct calls: every request, every
 * lost answer and the size of every page is in the test's hand. A device is a real database with the extension; what
 * it does with the frames that take rows away is done here in plain SQL, so that the server is judged against the
 * meaning of the protocol.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import { deployPolicies } from '../../src/server/policies/active-policies.ts';
import { compilePolicies } from '../../src/server/policies/compile.ts';
import type { Principal } from '../../src/server/principal.ts';
import { pullScopes } from '../../src/server/scopes/scope-pull.ts';
import { openScoped } from '../../src/server/scopes/scoped.ts';
import { decodeValues } from '../../src/server/scopes/values.ts';
import { SyncDatabase } from '../../src/server/store/database.ts';
import { pull, version } from '../../src/server/store/pull.ts';
import { pushGroup } from '../../src/server/store/push.ts';
import { register } from '../../src/server/store/register.ts';
import type { Page } from '../../src/server/store/store.ts';
import { decode } from '../server/client.ts';

export const SERVICE: Principal = { subject: 'service', role: 'service', databases: '*' };

export function user(name: string, claims: Record<string, unknown> = {}): Principal {
  return { subject: name, role: 'user', databases: '*', claims: { sub: name, ...claims } };
}

export interface Verdict {
  table: string;
  key: unknown[];
  code: string;
  detail: string;
}

/** A server's database in a folder of its own. */
export class Server {
  readonly database: SyncDatabase;
  readonly tables: readonly string[];
  /** Where its file test.db is. */
  readonly folder = mkdtempSync(join(tmpdir(), 'cloudsync-scopes-'));

  /** @param schema CREATE TABLE statements, one per line */
  constructor(readonly schema: string) {
    this.database = new SyncDatabase('test', join(this.folder, 'test.db'));
    // No power is lost here.
    this.database.sqlite.pragma('synchronous = OFF');
    this.tables = createTables(this.database.sqlite, schema);
  }

  deploy(text: string): void {
    const { errors } = compilePolicies(this.database.sqlite, text);
    if (errors.length > 0) throw new Error(errors.map((error) => error.message).join('\n'));
    deployPolicies(this.database.sqlite, text, `${randomBytes(8).toString('hex')}`, 0);
  }

  /** Runs plain SQL, as another program on the server's file does. */
  sql(text: string, ...parameters: unknown[]): void {
    this.database.sqlite.prepare(text).run(...parameters);
  }

  /** The rows of a table that fulfil a condition, as the principal. */
  rows(principal: Principal, table: string, condition: string): unknown[] {
    const sql = `SELECT * FROM ${table} WHERE ${condition} ORDER BY 1`;
    return this.database.auth.asPrincipal(principal, () => this.database.sqlite.prepare(sql).raw().all());
  }

  close(): void {
    this.database.close();
    rmSync(this.folder, { recursive: true });
  }
}

function createTables(sqlite: Database.Database, schema: string): string[] {
  return schema
    .trim()
    .split('\n')
    .map((line) => {
      sqlite.exec(line);
      const [, name = ''] = /CREATE TABLE (\w+)/.exec(line) ?? [];
      sqlite.prepare('SELECT cloudsync_init(?)').get(name);
      return name;
    });
}

export class Replica {
  readonly sqlite = new Database(':memory:');
  principal: Principal;
  readonly tables: readonly string[];
  cursor: Buffer = Buffer.alloc(0);
  /** The verdicts of all batches. */
  readonly verdicts: Verdict[] = [];
  /** How many items the answer to the last batch had. */
  lastAnswerLength = 0;
  /** Rows that pages have told the device to forget. */
  forgotten = 0;
  /** Those, and packets that pages have brought. */
  told = 0;
  resets = 0;
  readonly #server: Server;
  #batch = 0;
  #sent = 0;
  /** The batch that is on its way, until it is answered, and the seq up to which it goes. */
  #outbox: { packet: Buffer; upto: number } | undefined;

  constructor(server: Server, principal: Principal) {
    this.#server = server;
    this.principal = principal;
    load(this.sqlite);
    this.tables = createTables(this.sqlite, server.schema);
    register(server.database, principal, { site: this.site, tables: [] });
  }

  get site(): Buffer {
    return Buffer.from(this.sqlite.prepare('SELECT cloudsync_siteid()').pluck().get() as string, 'hex');
  }

  sql(text: string, ...parameters: unknown[]): void {
    this.sqlite.prepare(text).run(...parameters);
  }

  rows(table: string): unknown[] {
    return this.sqlite.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all();
  }

  /** Pushes what is new. The device does not hear the answer when it is lost. */
  push(isLost = false): Verdict[] {
    this.#outbox ??= this.#nextBatch();
    if (this.#outbox === undefined) return [];
    const { packet, upto } = this.#outbox;
    const input = { site: this.site, epoch: this.#server.database.epoch, batch: this.#batch + 1, packet };
    const [outcome] = pushGroup(this.#server.database, [{ principal: this.principal, input }]);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error;
    if (isLost) return [];
    this.#batch += 1;
    this.#sent = upto;
    this.#outbox = undefined;
    return this.#takeAnswer(outcome.result.answer);
  }

  /** Pushes a packet that something else has made, as the next batch. */
  pushPacket(packet: Buffer): Verdict[] {
    this.#outbox = { packet, upto: this.#sent };
    return this.push();
  }

  /** Makes a table that the server does not have. */
  createTable(text: string): void {
    createTables(this.sqlite, text);
  }

  /** Whether there are changes of its own that no batch has taken along. */
  hasUnsent(): boolean {
    return this.#outbox !== undefined || this.#nextBatch() !== undefined;
  }

  /** The server's text for the state of what this device's user sees. */
  version(): string {
    return version(this.#server.database, this.principal, { site: this.site }).version;
  }

  /** Asks for a page and takes it in, unless it is lost on the way. True when the device has everything. */
  pull(options: { entries?: number; maxBytes?: number; isLost?: boolean } = {}): boolean {
    const { entries, maxBytes = 1 << 20, isLost = false } = options;
    const page = this.#page(maxBytes, entries);
    if (isLost) return false;
    if (page.reset) {
      this.resets += 1;
      for (const table of this.tables) {
        for (const key of this.sqlite.prepare(`SELECT id FROM ${table}`).pluck().all())
          this.#evict(table, [key]);
      }
    }
    const rows = page.forgotten.length > 0 ? (decode(page.forgotten) as [string, Buffer][]) : [];
    for (const [table, pk] of rows) this.#evict(table, decodeValues(Buffer.from(pk)));
    this.forgotten += rows.length;
    this.told += rows.length + page.packets.length;
    for (const packet of page.packets) this.#merge(packet);
    this.cursor = Buffer.from(page.cursor);
    return page.complete;
  }

  /** Pushes and pulls until the device has everything. */
  sync(): void {
    this.push();
    while (!this.pull());
  }

  close(): void {
    this.sqlite.close();
  }

  #page(maxBytes: number, entries: number | undefined): Page {
    const { database } = this.#server;
    const scoped = openScoped(database);
    const input = {
      site: this.site,
      cursor: this.cursor,
      maxBytes,
      epoch: database.epoch,
      lastBatch: this.#batch,
    };
    if (entries === undefined || scoped === undefined) return pull(database, this.principal, input);
    const transaction = database.sqlite.transaction(() => pullScopes(scoped, this.principal, input, entries));
    return transaction.immediate();
  }

  #nextBatch(): { packet: Buffer; upto: number } | undefined {
    const upto = this.sqlite.prepare('SELECT cloudsync_db_version()').pluck().get() as number;
    const sql =
      'SELECT cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)' +
      ' FROM cloudsync_changes WHERE db_version > ? AND site_id = ?';
    const packet = this.sqlite.prepare(sql).pluck().get(BigInt(this.#sent), this.site) as Buffer | null;
    return packet === null || packet.length === 0 ? undefined : { packet, upto };
  }

  #takeAnswer(answer: Uint8Array): Verdict[] {
    const items = decode(answer) as [number, [string, Buffer, string, string][], Buffer?];
    const [, list, packet] = items;
    this.lastAnswerLength = items.length;
    const verdicts = list.map(([table, pk, code, detail]) => {
      return { table, key: decodeValues(Buffer.from(pk)), code, detail };
    });
    for (const { table, key } of verdicts) this.#evict(table, key);
    if (packet !== undefined && packet.length > 0) this.#merge(packet);
    this.verdicts.push(...verdicts);
    return verdicts;
  }

  #merge(packet: Uint8Array): void {
    this.sqlite.prepare('SELECT cloudsync_payload_apply(?)').get(packet);
  }

  /** Makes the device as if it had never had the row. */
  #evict(table: string, [id]: unknown[]): void {
    if (!this.tables.includes(table)) return;
    this.sqlite.prepare('SELECT cloudsync_db_version()').get();
    this.sqlite.transaction(() => {
      this.sqlite.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id);
      this.sqlite.prepare(`DELETE FROM ${table}_cloudsync_log`).run();
      this.sqlite.prepare(`DELETE FROM ${table}_cloudsync WHERE pk0 = ?`).run(id);
    })();
  }
}
