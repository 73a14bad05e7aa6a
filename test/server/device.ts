/**
 * device.ts: a device for the server's tests: a real client database with the extension, and the smallest
 * session that keeps to the protocol. (The session of the extension itself has tests of its own; here every
 * request must be in the test's hand.)
 */
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import { type Answer, accepted, type Client, type Registration } from './client.js';

export const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT, body TEXT)';

export class Device {
  readonly database: Database.Database;
  readonly client: Client;
  readonly tables: string[] = [];
  epoch: Buffer = Buffer.alloc(16);
  /** Number of the last batch that the server took. */
  batch = 0;
  cursor: Buffer = Buffer.alloc(0);
  /** Everything up to this seq has been pushed. */
  pushed = 0;

  constructor(client: Client, ...definitions: string[]) {
    this.client = client;
    this.database = new Database(':memory:');
    load(this.database);
    for (const sql of definitions) this.createTable(sql);
  }

  get site(): Buffer {
    return Buffer.from(this.database.prepare('SELECT cloudsync_siteid()').pluck().get() as string, 'hex');
  }

  createTable(sql: string): void {
    this.database.exec(sql);
    const newest = 'SELECT name FROM sqlite_schema WHERE sql = ?';
    const name = this.database.prepare(newest).pluck().get(sql) as string;
    this.database.prepare('SELECT cloudsync_init(?)').get(name);
    this.tables.push(name);
  }

  /** The tables as a registration describes them. */
  shapes(): [string, number, string[]][] {
    const columns = this.database.prepare('SELECT name FROM pragma_table_info(?)').pluck();
    return this.tables.map((name) => [name, 0, columns.all(name) as string[]]);
  }

  definitions(): [string, number, string][] {
    const text = this.database.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck();
    return this.tables.map((name) => [name, 0, text.get(name) as string]);
  }

  /** Registers, and publishes what the server lacks when it may. */
  async register(): Promise<Registration> {
    const registration = await this.client.register(this.site, this.shapes());
    this.epoch = registration.epoch;
    if (registration.missing.length > 0 && registration.mayPublish === 1) {
      await this.client.publish(this.site, this.definitions());
    }
    return registration;
  }

  write(id: string, title: string): void {
    this.database
      .prepare(
        'INSERT INTO notes(id, title) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET title = excluded.title',
      )
      .run(id, title);
  }

  /** The titles of all notes by id. */
  notes(): Record<string, string> {
    const rows = this.database.prepare('SELECT id, title FROM notes ORDER BY id').raw().all();
    return Object.fromEntries(rows as [string, string][]);
  }

  /** All changes that have not been pushed, as the next packet. */
  packet(): Buffer {
    const encode = this.database.prepare('SELECT cloudsync_payload_encode(?)').pluck();
    return encode.get(BigInt(this.pushed)) as Buffer;
  }

  /** Pushes a packet as the next batch; the device counts it when the server took it. */
  async push(packet = this.packet()): Promise<Answer> {
    const version = this.database.prepare('SELECT cloudsync_db_version()').pluck().get() as number;
    const answer = await this.client.push(this.site, this.epoch, this.batch + 1, packet);
    if (answer.status === 200) {
      this.batch += 1;
      this.pushed = version;
    }
    return answer;
  }

  /** Pulls all pages. Returns their number. */
  async pull(maxBytes?: number): Promise<number> {
    for (let pages = 1; ; pages += 1) {
      const page = await this.client.page(this.site, this.epoch, this.batch, this.cursor, maxBytes);
      for (const packet of page.packets) {
        this.database.prepare('SELECT cloudsync_payload_apply(?)').get(packet);
      }
      this.cursor = page.cursor;
      if (page.complete) return pages;
    }
  }

  /** Pushes when there is something to push, then pulls. */
  async sync(): Promise<void> {
    const packet = this.packet();
    if (packet !== null && packet.length > 0) accepted(await this.push(packet));
    await this.pull();
  }
}
