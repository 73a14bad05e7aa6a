/**
 * device.ts: one simulated device: a disk, a connection with the extension that synchronises (as a coroutine), and a
 * second connection for writes while that one is busy.
 */
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import type { Algorithm } from '../packet/packet.js';
import { type Files, filesOf, putFiles } from './files.js';
import { Random } from './random.js';
import { FOLDER } from './server.js';
import {
  loadSimulated,
  NO_REPLY,
  onDisk,
  type Reply,
  resumeDevice,
  type Stop,
  simulate,
  startDevice,
} from './simulated.js';

/** When histories begin, in microseconds since 1970. */
export const START = 1_750_000_000_000_000;
const FILE = `${FOLDER}/app.db`;
const URL_OF_SERVER = 'http://simulated/main';
/** A session that has lost its disk ends after fewer replies than this. */
const UNWINDING_MAX = 200;

/** What is installed on a device. */
export interface Installation {
  tables: readonly { name: string; create: string }[];
  /** Of rows, in the order of the tables. */
  algorithms: readonly Algorithm[];
  /** Commits survive a loss of power; else the newest ones may vanish, each as a whole. */
  isDurable: boolean;
  journal: 'WAL' | 'DELETE';
  /** Raw bytes of a batch; undefined leaves the default. */
  batchBytes: number | undefined;
  /** What devices draw, their site ids above all, follows from it; undefined = from their names alone. */
  randomness: number | undefined;
}

/** A commit that survives a loss of power needs EXTRA with a rollback journal: FULL does not sync its deletion. */
function synchronousOf(installation: Installation): string {
  return installation.isDurable ? (installation.journal === 'DELETE' ? 'EXTRA' : 'FULL') : 'NORMAL';
}

export class SimulatedDevice {
  readonly name: string;
  /** Clock: microseconds added to the true time, and how much faster it runs. */
  offset = 0;
  drift = 1;
  /** Who uses the device, as the server's authentication knows him. */
  #token = 'token';
  /** What the session waits for; undefined while none runs. */
  stop: Exclude<Stop, { kind: 'end' }> | undefined;
  readonly #installation: Installation;
  readonly #now: () => number;
  #main: Database.Database | undefined;
  #side: Database.Database | undefined;

  constructor(name: string, installation: Installation, now: () => number, files?: Files) {
    this.name = name;
    this.#installation = installation;
    this.#now = now;
    simulate('disk', name);
    simulate('reset', name);
    const { randomness } = installation;
    if (randomness !== undefined) simulate('seed', name, new Random(randomness, `device ${name}`).bits());
    this.setClock();
    if (files !== undefined) putFiles(name, files);
    this.open();
    if (files === undefined) this.#prepare();
  }

  /** Device's time in microseconds. */
  get time(): number {
    return Math.max(0, Math.floor(START + (this.#now() - START) * this.drift + this.offset));
  }

  setClock(): void {
    simulate('clock_set', this.name, this.time);
  }

  get main(): Database.Database {
    if (this.#main === undefined) throw new Error(`${this.name} is not open`);
    return this.#main;
  }

  /** The connection for local writes: the second one while the first one is busy. */
  get writer(): Database.Database {
    if (this.stop === undefined) return this.main;
    this.#side ??= this.#connect();
    return this.#side;
  }

  #connect(): Database.Database {
    const db = onDisk(this.name, () => new Database(FILE, { timeout: 1000 }));
    db.defaultSafeIntegers(true);
    db.pragma(`synchronous = ${synchronousOf(this.#installation)}`);
    db.pragma('foreign_keys = ON');
    return db;
  }

  open(): void {
    this.#main = this.#connect();
    this.#main.pragma(`journal_mode = ${this.#installation.journal}`);
    load(this.#main);
    loadSimulated(this.#main);
    this.#main.prepare('SELECT simulated_register(?)').get(this.name);
    this.setToken(this.#token);
  }

  /** Gives the device another token; sessions that are running go on with theirs. */
  setToken(token: string): void {
    this.#token = token;
    this.main.prepare('SELECT cloudsync_network_set_token(?)').get(token);
  }

  /** Logs its user out, whatever he has not sent, and another one in. */
  changeUser(token: string): void {
    this.setClock();
    this.main.exec(`SELECT cloudsync_network_logout(1); SELECT cloudsync_network_init('${URL_OF_SERVER}')`);
    this.setToken(token);
  }

  #prepare(): void {
    const { tables, algorithms, batchBytes } = this.#installation;
    this.main.pragma('synchronous = EXTRA');
    this.main.exec('BEGIN');
    tables.forEach(({ name, create }, index) => {
      this.main.exec(create);
      this.main.exec(`SELECT cloudsync_init('${name}', '${algorithms[index]}', 1)`);
    });
    this.main.exec(`SELECT cloudsync_network_init('${URL_OF_SERVER}')`);
    if (batchBytes !== undefined) this.main.exec(`SELECT cloudsync_set('batch_bytes', ${batchBytes})`);
    this.main.exec('COMMIT');
    // Histories begin when the application is installed: that much has reached the disk.
    this.main.pragma('wal_checkpoint(TRUNCATE)');
    this.main.pragma(`synchronous = ${synchronousOf(this.#installation)}`);
  }

  /** Begins a session. Returns how it ended when it ends at once. */
  start(sql: string): Stop {
    this.setClock();
    return this.#note(startDevice(this.name, sql));
  }

  resume(reply: Reply): Stop {
    this.setClock();
    return this.#note(resumeDevice(this.name, reply));
  }

  #note(stop: Stop): Stop {
    this.stop = stop.kind === 'end' ? undefined : stop;
    return stop;
  }

  /** Ends the process; its files stay as they are unless the disk has ended before. */
  close(): void {
    for (let left = UNWINDING_MAX; this.stop !== undefined; left--) {
      if (left === 0) throw new Error(`${this.name}: the session does not end without disk and network`);
      this.resume(NO_REPLY);
    }
    simulate('forget', this.name);
    this.#side?.close();
    this.#side = undefined;
    this.#main?.close();
    this.#main = undefined;
    simulate('fault_off', this.name);
  }

  /** kill -9, or with a seed a loss of power; then the program is started again. */
  end(powerLossSeed: number | undefined): void {
    if (powerLossSeed === undefined) simulate('crash', this.name);
    else simulate('power_loss', this.name, powerLossSeed);
    this.restart();
  }

  /** Closes what is dead and opens anew. */
  restart(): void {
    this.close();
    this.open();
  }

  backup(): Files {
    return filesOf(this.name);
  }

  restore(files: Files): void {
    simulate('crash', this.name);
    this.close();
    putFiles(this.name, files);
    this.open();
  }
}
