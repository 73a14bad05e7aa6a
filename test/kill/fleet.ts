/**
 * fleet.ts: several clients that write and sync through a server which dies under them, and what each of them knows:
 * which rows it has committed, and which of them a sync has acknowledged.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Device } from '../end-to-end/device.js';
import type { RunningServer } from '../support/server.js';
import { moveToAddress } from './address.js';
import { requireEqualFiles } from './check.js';
import type { KillPrograms } from './programs.js';
import { runVictim } from './victim.js';

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, n INTEGER, text TEXT)';
const SYNC = 'SELECT cloudsync_network_sync(0, 0)';
const ROUNDS_MAX = 8;
/** What a sync may say while its server dies; anything else is a failure of the test. */
const EXPECTED = /cannot be reached|answered 503|answered 408/;

interface Client {
  file: string;
  tag: string;
  /** Rows that its process has reported as committed. */
  committed: string[];
  /** Rows that were committed when a sync succeeded. */
  acknowledged: string[];
  written: number;
}

export interface FleetReport {
  syncs: number;
  failedSyncs: number;
}

export class Fleet {
  readonly #clients: Client[];

  /** @param path makes paths for the clients' files */
  constructor(
    readonly programs: KillPrograms,
    readonly database: string,
    size: number,
    path: (name: string) => string,
  ) {
    this.#clients = Array.from({ length: size }, (_, i) => {
      const device = new Device(path(`client-${i}`)).run(NOTES);
      device.value("SELECT cloudsync_init('notes')");
      device.close();
      return { file: device.file, tag: `c${i}`, committed: [], acknowledged: [], written: 0 };
    });
  }

  get files(): string[] {
    return this.#clients.map(({ file }) => file);
  }

  /** Lets all clients write and sync a few times at once, until they are through or have lost their server. */
  async work(url: string, key: string, rounds: number): Promise<FleetReport> {
    const reports = await Promise.all(this.#clients.map((client) => this.#workOne(client, url, key, rounds)));
    return {
      syncs: reports.reduce((sum, report) => sum + report.syncs, 0),
      failedSyncs: reports.reduce((sum, report) => sum + report.failedSyncs, 0),
    };
  }

  async #workOne(client: Client, url: string, key: string, rounds: number): Promise<FleetReport> {
    const ids: string[] = [];
    const steps = [
      `PRAGMA synchronous = OFF; SELECT cloudsync_network_init('${url}/${this.database}');` +
        ` SELECT cloudsync_network_set_apikey('${key}')`,
    ];
    for (let round = 0; round < rounds; round++) {
      const id = `${client.tag}-${++client.written}`;
      ids.push(id);
      const change = `UPDATE SET n = n + 1, text = '${id}'`;
      const shared = `INSERT INTO notes VALUES('shared', 1, '${id}') ON CONFLICT DO ${change}`;
      steps.push(
        `BEGIN IMMEDIATE; INSERT INTO notes VALUES('${id}', ${round}, 'x'); ${shared}; COMMIT`,
        SYNC,
      );
    }
    const report = { syncs: 0, failedSyncs: 0 };
    const { steps: answers } = await runVictim({ programs: this.programs, file: client.file, steps });
    for (const { number, ok, text } of answers) {
      const isSync = number > 0 && number % 2 === 0;
      if (!ok && !(isSync && EXPECTED.test(text))) throw new Error(`${client.tag}, step ${number}: ${text}`);
      if (number % 2 === 1) client.committed.push(ids[(number - 1) / 2] as string);
      if (isSync && ok) {
        client.acknowledged = [...client.committed];
        report.syncs += 1;
      } else if (isSync) report.failedSyncs += 1;
    }
    return report;
  }

  /**
   * What a dead server has left behind: every acknowledged row, and batches that fit what the clients know.
   * @param file a copy of the server's file, so that looking at it changes nothing that the next server finds
   */
  requireKept(file: string): void {
    if (!existsSync(file)) {
      const lost = this.#clients.flatMap(({ acknowledged }) => acknowledged);
      if (lost.length > 0) throw new Error(`the server's file is gone with ${lost.length} acknowledged rows`);
      return;
    }
    const db = new Database(file);
    try {
      const whole = db.pragma('integrity_check', { simple: true });
      if (whole !== 'ok') throw new Error(`integrity_check of the server's file: ${whole}`);
      const has = (table: string) =>
        db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;
      const keys = new Set(has('notes') ? db.prepare('SELECT id FROM notes').pluck().all() : []);
      for (const { tag, acknowledged } of this.#clients) {
        const lost = acknowledged.filter((id) => !keys.has(id));
        if (lost.length > 0) throw new Error(`acknowledged to ${tag} and lost: ${lost.join(', ')}`);
      }
      if (has('cloudsync_server_sites')) this.#requireBatches(db);
    } finally {
      db.close();
    }
  }

  /** The server has each client's acknowledged batch, and none that the client has not at least begun to send. */
  #requireBatches(server: Database.Database): void {
    for (const { file, tag } of this.#clients) {
      const device = new Device(file);
      const site = Buffer.from(device.site, 'hex');
      const { batch, waiting } = device.status();
      device.close();
      const last = server
        .prepare('SELECT last_batch FROM cloudsync_server_sites WHERE site = ?')
        .pluck()
        .get(site) as number | undefined;
      if (last === undefined && batch === 0) continue;
      if (last === undefined || last < batch || last > batch + (waiting ? 1 : 0)) {
        const here = `${batch}${waiting ? ' and one under way' : ''}`;
        throw new Error(`${tag}: the server has batch ${last}, the client ${here}`);
      }
    }
  }

  /** Syncs until nothing moves; then all clients and the server are equal and hold every committed row. */
  settle(server: RunningServer, serverFile: string): void {
    const devices = this.#clients.map(({ file }) => new Device(file));
    for (const device of devices) {
      moveToAddress(device.database, server.url, this.database);
      device.value('SELECT cloudsync_network_set_apikey(?)', server.key);
    }
    let moved = true;
    for (let round = 0; moved; round++) {
      if (round === ROUNDS_MAX) throw new Error('the clients do not come to rest');
      moved = devices
        .map((device) => device.sync())
        .some(({ sent, received }) => sent.batches > 0 || received.rows > 0);
    }
    const keys = new Set(devices[0]?.rows('SELECT id FROM notes'));
    for (const device of devices) device.close();
    const lost = this.#clients.flatMap(({ committed }) => committed).filter((id) => !keys.has(id));
    if (lost.length > 0) throw new Error(`committed and lost: ${lost.join(', ')}`);
    for (const { file } of this.#clients) requireEqualFiles(file, serverFile);
  }
}
