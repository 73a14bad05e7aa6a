/**
 * stage.ts: one device in this process and the server that decides row by row (row_server.ts) in another, because a
 * session of the device blocks this one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Algorithm } from '../packet/packet.js';
import { text, type Value } from '../packet/value.js';
import { type Connection, initTable, openDatabase, single } from '../support/database.js';
import { encodeKey } from '../support/named_rows.js';
import type { Command, Report, RowId } from './commands.js';

const REGISTER = resolve(import.meta.dirname, '../fuzz/child/register.mjs');
const SERVER = resolve(import.meta.dirname, 'row_server.ts');

/** An entry of cloudsync_rejected. */
export interface Rejected {
  tbl: string;
  operation: string;
  columns: string;
  code: string;
  reason: string;
}

/** What cloudsync_network_sync() returns. */
export interface SyncReport {
  received: { rows: number };
  held: number;
  refused: number;
  rejected: number;
}

/** The name of a row; keys that are texts may be given as such. */
export function row(table: string, ...key: (string | Value)[]): RowId {
  const values = key.map((value) => (typeof value === 'string' ? text(value) : value));
  return `${table}/${encodeKey(values).toString('hex')}`;
}

/** The process of the server; tests share it, one after another. */
export class ServerProcess {
  private constructor(
    readonly process: ChildProcess,
    readonly url: string,
  ) {}

  static async start(): Promise<ServerProcess> {
    const child = spawn(process.execPath, ['--import', REGISTER, SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    return new ServerProcess(child, `http://127.0.0.1:${port.toString().trim()}`);
  }

  async stop(): Promise<void> {
    this.process.kill();
    await once(this.process, 'exit');
  }
}

export class Stage {
  readonly device: Connection;
  readonly #url: string;

  private constructor(url: string, foreignKeys: boolean) {
    this.#url = url;
    this.device = openDatabase({ foreignKeys });
  }

  /** @param schema statements that make the tables; both sides get them */
  static async open(
    server: ServerProcess,
    schema: string,
    tables: readonly [string, Algorithm][],
    { foreignKeys = true } = {},
  ): Promise<Stage> {
    const stage = new Stage(server.url, foreignKeys);
    await stage.tell({ schema, tables: [...tables] });
    stage.device.exec(schema);
    for (const [table, algorithm] of tables) initTable(stage.device, table, algorithm, true);
    single(stage.device, 'SELECT cloudsync_network_init(?)', `${stage.#url}/stage`);
    single(stage.device, "SELECT cloudsync_network_set_token('not-checked')");
    return stage;
  }

  close(): void {
    this.device.close();
  }

  async tell(command: Command): Promise<Report> {
    const response = await fetch(`${this.#url}/control`, { method: 'POST', body: JSON.stringify(command) });
    return (await response.json()) as Report;
  }

  /** Rows of a query on the server, as texts. */
  async there(sql: string): Promise<string[]> {
    const { result } = await this.tell({ sql });
    return (result as unknown[][]).map((row) => row.join('|'));
  }

  /** Rows of a query on the device, as texts. */
  here(sql: string): string[] {
    const rows = this.device.prepare(sql).raw().all() as unknown[][];
    return rows.map((row) => row.join('|'));
  }

  sync(): SyncReport {
    return JSON.parse(single(this.device, 'SELECT cloudsync_network_sync(0, 0)') as string);
  }

  /** Receives only. */
  receive(): SyncReport {
    return JSON.parse(single(this.device, 'SELECT cloudsync_network_check_changes()') as string);
  }

  rejected(): Rejected[] {
    const sql = 'SELECT tbl, operation, columns, code, reason FROM cloudsync_rejected ORDER BY id';
    return this.device.prepare(sql).all() as Rejected[];
  }

  /** Rows of the clock table, as texts: key and causal length. */
  clocks(table: string): string[] {
    return this.here(`SELECT pk0, cl FROM "${table}_cloudsync" ORDER BY pk0`);
  }
}
