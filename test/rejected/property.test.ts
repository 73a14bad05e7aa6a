/**
 * property.test.ts: random histories of one device and a server that shows and hides rows, refuses edits and takes
 * everything away, with foreign keys and a unique value among the rows. After each: what the device has of living rows
 * is what the server shows it, bit by bit; a row is in its table exactly when it lives and is not held; numbers only
 * grow, and a reader of the device's own feed misses nothing; no value that the device wrote is lost without an entry.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../fuzz/child/random.js';
import { describeRow } from '../model/describe.js';
import { decodePayload } from '../packet/decode.js';
import type { Algorithm, Packet } from '../packet/packet.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  encodePayload,
  fullState,
  initTable,
  openDatabase,
} from '../support/database.js';
import { propertyOptions } from '../support/random.js';
import type { Picture, RowId } from './commands.js';
import { row, ServerProcess, Stage } from './stage.js';

const SCHEMA = `CREATE TABLE p(id TEXT PRIMARY KEY NOT NULL, a TEXT, b);
  CREATE TABLE c(id TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES p(id) ON DELETE ACTION, a TEXT, b UNIQUE)`;
const ACTIONS = ['CASCADE', 'SET NULL', 'NO ACTION'];
const IDS = ['1', '2', '3', '4', '5', '6'];
const STEPS = 30;
/** Sessions until nothing moves any more. */
const ROUNDS_MAX = 8;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});

afterAll(() => server.stop());

/** The living rows in packets, as sorted lines. */
function livingRows(packets: readonly Packet[]): string[] {
  const rows = packets.flatMap(({ tables }) =>
    tables.flatMap((table) =>
      table.rows.filter(({ cl }) => cl % 2n === 1n).map((each) => describeRow(table, each)),
    ),
  );
  return rows.sort();
}

class History {
  readonly trace: string[] = [];
  readonly #stage: Stage;
  readonly #random: Random;
  /** Gets what is new on the device after each session. */
  readonly #reader: Connection;
  #read = 0n;
  /** Values written here that no session has sent yet. */
  #fresh: string[] = [];
  #values = 0;

  constructor(stage: Stage, random: Random, algorithm: Algorithm, schema: string) {
    this.#stage = stage;
    this.#random = random;
    this.#reader = openDatabase();
    this.#reader.exec(schema);
    for (const table of ['p', 'c']) initTable(this.#reader, table, algorithm);
  }

  close(): void {
    this.#reader.close();
  }

  #someRow(): RowId {
    return row(this.#random.pick(['p', 'c']), this.#random.pick(IDS));
  }

  async step(): Promise<void> {
    const random = this.#random;
    const way = random.below(12);
    if (way < 5) this.#edit();
    else if (way < 7) await this.#tell('hide', { hide: [this.#someRow(), this.#someRow()] });
    else if (way < 9) await this.#tell('show', { show: [this.#someRow(), this.#someRow()] });
    else if (way < 10) await this.#editThere();
    else if (way < 11)
      await this.#tell('deny', {
        deny: IDS.filter(() => random.oneIn(3)).map(() => [this.#someRow(), 'denied']),
      });
    else if (random.oneIn(3)) await this.#tell('reset', { reset: true });
    if (random.oneIn(3)) await this.session(random.oneIn(4));
  }

  async #tell(what: string, command: Parameters<Stage['tell']>[0]): Promise<void> {
    this.trace.push(`${what}: ${JSON.stringify(command)}`);
    await this.#stage.tell(command);
  }

  /** The server's own edits leave alone what the device writes, so that only the lists can undo that. */
  async #editThere(): Promise<void> {
    const table = this.#random.pick(['p', 'c']);
    const value = `t${this.#values++}`;
    const sql = `UPDATE ${table} SET b = '${value}' WHERE id = '${this.#random.pick(IDS)}'`;
    await this.#tell('there', { sql });
  }

  #edit(): void {
    const random = this.#random;
    const table = random.pick(['p', 'c']);
    const id = random.pick(IDS);
    const value = `v${this.#values++}`;
    const parent = random.oneIn(3) ? 'NULL' : `'${random.pick(IDS)}'`;
    const insert =
      table === 'p' ? `'${id}', '${value}', 1` : `'${id}', ${parent}, '${value}', ${random.below(4)}`;
    const sql = random.pick([
      `INSERT INTO ${table} VALUES(${insert})`,
      `UPDATE ${table} SET a = '${value}' WHERE id = '${id}'`,
      table === 'c'
        ? `UPDATE c SET p = ${parent}, a = '${value}' WHERE id = '${id}'`
        : `DELETE FROM p WHERE id = '${id}'`,
      `DELETE FROM ${table} WHERE id = '${id}'`,
    ]);
    let failure = '';
    try {
      this.#stage.device.exec(sql);
      this.#fresh.push(value);
    } catch (error) {
      failure = (error as Error).message;
      if (!/constraint|deleted key/i.test(failure)) throw error;
    }
    this.trace.push(`here: ${sql} ${failure}`);
  }

  /** A session that sends and receives, or only receives; then what must hold at any time. */
  async session(receivesOnly: boolean): Promise<void> {
    const { device } = this.#stage;
    const before = arrivalNumber(device);
    const present = new Set(this.#stage.here('SELECT a FROM p UNION ALL SELECT a FROM c'));
    const written = this.#fresh.filter((value) => present.has(value));
    const report = receivesOnly ? this.#stage.receive() : this.#stage.sync();
    this.trace.push(`${receivesOnly ? 'receive' : 'sync'}: ${JSON.stringify(report)}`);
    expect(arrivalNumber(device)).toBeGreaterThanOrEqual(before);
    this.#checkPlaces();
    this.#checkReader();
    if (receivesOnly) return;
    this.#fresh = [];
    const known = new Set((await this.#picture()).texts);
    const kept = this.#stage.rejected().map(({ columns }) => columns);
    for (const value of written)
      expect(known.has(value) || kept.some((columns) => columns.includes(`"${value}"`)), value).toBe(true);
  }

  /** Invariant 1. */
  #checkPlaces(): void {
    for (const table of ['p', 'c']) {
      const living = `SELECT pk0 FROM ${table}_cloudsync WHERE cl % 2 = 1`;
      const held = `SELECT count(*) FROM cloudsync_held WHERE table_id IS NOT NULL AND tbl = '${table}'`;
      expect(this.#stage.here(`SELECT id FROM ${table} EXCEPT ${living}`)).toEqual([]);
      expect(this.#stage.here(`SELECT count(*) FROM (${living} EXCEPT SELECT id FROM ${table})`)).toEqual(
        this.#stage.here(held),
      );
    }
    expect(this.#stage.here('PRAGMA foreign_key_check')).toEqual([]);
  }

  /** Invariant 5: every living row has been in what a reader of the feed was given. */
  #checkReader(): void {
    const { device } = this.#stage;
    applyPayload(this.#reader, encodePayload(device, this.#read));
    this.#read = arrivalNumber(device);
    for (const table of ['p', 'c']) {
      const known = this.#reader.prepare(`SELECT pk0 FROM ${table}_cloudsync`).pluck().all();
      const living = this.#stage.here(`SELECT pk0 FROM ${table}_cloudsync WHERE cl % 2 = 1`);
      expect(known).toEqual(expect.arrayContaining(living));
    }
  }

  async #picture(): Promise<Picture> {
    return (await this.#stage.tell({ picture: true })).result as Picture;
  }

  /** Everything is accepted from now on: the device ends with what the server shows it. */
  async settle(): Promise<void> {
    await this.#tell('deny', { deny: [] });
    let calm = false;
    for (let round = 0; round < ROUNDS_MAX && !calm; round++) {
      const before = arrivalNumber(this.#stage.device);
      await this.session(false);
      calm = arrivalNumber(this.#stage.device) === before;
    }
    expect(calm, 'it does not come to rest').toBe(true);
    const { packets } = await this.#picture();
    const shown = packets.flatMap((packet) => decodePayload(Buffer.from(packet, 'hex')));
    expect(livingRows(fullState(this.#stage.device))).toEqual(livingRows(shown));
  }
}

describe.each<Algorithm>(['cls', 'dws', 'aws'])('random histories (%s)', (algorithm) => {
  test('the device has what the server shows it', { timeout: 3_600_000 }, async () => {
    const { seed, numRuns } = propertyOptions(`rows that come and go, ${algorithm}`, 25);
    for (let run = 0; run < numRuns; run++) {
      const random = new Random(seed + run);
      const schema = SCHEMA.replace('ACTION', random.pick(ACTIONS));
      const stage = await Stage.open(server, schema, [
        ['p', algorithm],
        ['c', algorithm],
      ]);
      const history = new History(stage, random, algorithm, schema);
      try {
        for (let step = 0; step < STEPS; step++) await history.step();
        await history.settle();
      } catch (error) {
        const last = history.trace.join('\n');
        throw new Error(`CLOUDSYNC_SEED=${seed + run}\n${last}\n${(error as Error).message}`, {
          cause: error,
        });
      } finally {
        history.close();
        stage.close();
      }
    }
  });
});
