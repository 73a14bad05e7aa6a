/**
 * device.ts: a device of the end-to-end tests: a database file, opened in this process with better-sqlite3 as an
 * application opens it (WAL, foreign keys on), that syncs through a real server.
 */
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import type { RunningServer } from '../support/server.js';

/** What cloudsync_network_sync() returns. */
export interface SyncReport {
  sent: { batches: number };
  received: { rows: number };
  held: number;
  refused: number;
  missing?: string;
}

/** What cloudsync_network_status() returns, as far as tests look at it. */
export interface NetworkStatus {
  batch: number;
  sent: number;
  waiting: boolean;
  unsent: boolean;
  missing: string;
}

export class Device {
  readonly file: string;
  readonly database: Database.Database;

  /** @param file path of the database, made when it is missing; `:memory:` for one in memory */
  constructor(file = ':memory:') {
    this.file = file;
    this.database = new Database(file);
    this.database.pragma('journal_mode = WAL');
    this.database.pragma('synchronous = NORMAL');
    load(this.database);
  }

  /** Runs SQL statements. */
  run(sql: string): this {
    this.database.exec(sql);
    return this;
  }

  /** The first value of a query's first row. */
  value(sql: string, ...parameters: unknown[]): unknown {
    return this.database
      .prepare(sql)
      .pluck()
      .get(...parameters);
  }

  /** All rows of a query, each as one text. */
  rows(sql: string): string[] {
    const rows = this.database.prepare(sql).raw().all() as unknown[][];
    return rows.map((row) => row.join('|'));
  }

  /** Names the server's database and sets the key. */
  connect(server: Pick<RunningServer, 'url' | 'key'>, database: string, key = server.key): this {
    this.value('SELECT cloudsync_network_init(?)', `${server.url}/${database}`);
    this.value('SELECT cloudsync_network_set_apikey(?)', key);
    return this;
  }

  /** One cloudsync_network_sync(), without retries: a failure is seen at once. */
  sync(): SyncReport {
    return JSON.parse(this.value('SELECT cloudsync_network_sync(0, 0)') as string);
  }

  status(): NetworkStatus {
    return JSON.parse(this.value('SELECT cloudsync_network_status()') as string);
  }

  get site(): string {
    return this.value('SELECT cloudsync_siteid()') as string;
  }

  close(): void {
    this.database.close();
  }
}

/** Runs something that must fail. Returns the message of its error. */
export function failureOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('this should have failed');
}
