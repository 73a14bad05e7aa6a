/**
 * stage.ts: plays one kill of a client: a fresh copy of what a scenario prepared, a victim that dies, and what follows:
 * the file is sound, what was acknowledged is there, the rest of the work can be done, and everybody ends equal.
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { Device } from '../end-to-end/device.js';
import type { Workspace } from '../end-to-end/workspace.js';
import { openDatabase } from '../support/database.js';
import { moveToAddress } from './address.js';
import {
  dumpTables,
  requireClocksFit,
  requireEqualFiles,
  requireSame,
  requireToldWhole,
  requireWhole,
} from './check.js';
import type { NetworkKill, NetworkPoint } from './network_kill.js';
import { callsOf, pointsOf, readCounts } from './points.js';
import type { KillPrograms } from './programs.js';
import { type Scenario, SYNC } from './scenarios.js';
import { runVictim, type VictimEnd } from './victim.js';

/** What belongs to one case on disk. */
interface Props {
  file: string;
  /** Name of the database on the server; empty without one. */
  database: string;
}

/** Every connection begins with it; the answer of a step has its number one higher. */
const SETTINGS = 'PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON';

/** More rounds of sync than any device needs to come to rest. */
const ROUNDS_MAX = 6;

/** Where the victim dies: at a call on a file, at a place of the conversation, or some time after its first step. */
export type Moment = { call: string } | { network: NetworkPoint } | { milliseconds: number };

/** What a run without a kill shows. */
export interface Reference {
  steps: readonly string[];
  /** The tables of the application before the first step, after each, and when everything has been exchanged. */
  tables: string[];
}

/** A reference with the places at which the run can be killed. */
export interface Rehearsal extends Reference {
  points: string[];
  /** All calls on files. */
  calls: number;
  requests: number;
}

export class Stage {
  readonly #prepared: Props;
  #copies = 0;

  /** The file that every case begins with. */
  get prepared(): string {
    return this.#prepared.file;
  }

  constructor(
    readonly scenario: Scenario,
    readonly workspace: Workspace,
    readonly network: NetworkKill,
    readonly programs: KillPrograms,
  ) {
    const database = scenario.syncs ? scenario.name.replaceAll(/\W+/g, '-') : '';
    this.#prepared = { file: workspace.path('prepared'), database };
    scenario.prepare({ workspace, ...this.#prepared });
    const plain = openDatabase({ source: this.#prepared.file, extension: false });
    plain.pragma('journal_mode = delete');
    if (scenario.pageSize !== undefined) {
      plain.pragma(`page_size = ${scenario.pageSize}`);
      plain.exec('VACUUM');
    }
    plain.pragma(`journal_mode = ${scenario.journal}`);
    plain.close();
    const { serverCopy } = this;
    if (scenario.syncs && !existsSync(serverCopy) && existsSync(workspace.serverFile(database)))
      this.#copyServer(serverCopy);
  }

  /** The server's file as the scenario has left it; it does not exist where nobody has synced yet. */
  private get serverCopy(): string {
    return `${this.#prepared.file}.server`;
  }

  #copyServer(target: string): void {
    const source = this.workspace.serverFile(this.#prepared.database);
    const server = openDatabase({ source, extension: false });
    server.exec(`VACUUM INTO '${target}'`);
    server.close();
  }

  /** Copies the files; the copy's server has the copy's name. */
  #copy(): Props {
    const copy = { file: this.workspace.path('case'), database: '' };
    copyFileSync(this.#prepared.file, copy.file);
    if (!this.scenario.syncs) return copy;
    copy.database = `${this.#prepared.database}-${++this.#copies}`;
    if (existsSync(this.serverCopy)) copyFileSync(this.serverCopy, this.workspace.serverFile(copy.database));
    const plain = openDatabase({ source: copy.file, extension: false });
    moveToAddress(plain, this.network.url, copy.database);
    plain.close();
    return copy;
  }

  #remove({ file, database }: Props): void {
    const files = [file, ...(database === '' ? [] : [this.workspace.serverFile(database)])];
    for (const suffix of ['', '-wal', '-shm', '-journal', '.script', '.counts'])
      for (const each of files) rmSync(each + suffix, { force: true });
  }

  #settings(): string {
    if (!this.scenario.syncs) return SETTINGS;
    return `${SETTINGS}; SELECT cloudsync_network_set_apikey('${this.workspace.server.key}')`;
  }

  async #run(
    props: Props,
    steps: readonly string[],
    how: { moment?: Moment | undefined; counts?: string } = {},
  ): Promise<VictimEnd> {
    const { moment, counts } = how;
    let victim: ChildProcess | undefined;
    let timer: NodeJS.Timeout | undefined;
    const end = await runVictim({
      programs: this.programs,
      file: props.file,
      steps: [this.#settings(), ...steps],
      ...(moment !== undefined && 'call' in moment ? { point: moment.call } : {}),
      ...(counts === undefined ? {} : { counts }),
      onStart: (child) => {
        victim = child;
        this.network.begin(child, moment !== undefined && 'network' in moment ? moment.network : undefined);
      },
      onStep: () => {
        if (moment === undefined || !('milliseconds' in moment)) return;
        timer ??= setTimeout(() => victim?.kill('SIGKILL'), moment.milliseconds);
      },
    });
    clearTimeout(timer);
    const failed = end.steps.find((step) => !step.ok);
    if (failed !== undefined) throw new Error(`step ${failed.number - 1} failed: ${failed.text}`);
    return end;
  }

  /** The tables of the application in a file, opened by another process than the victim. */
  #tables(file: string): string {
    const db = openDatabase({ source: file });
    try {
      requireWhole(db);
      return dumpTables(db);
    } finally {
      db.close();
    }
  }

  /** Runs everything without a kill, once whole for the points and once step by step for the tables. */
  async rehearse(): Promise<Rehearsal> {
    const whole = this.#copy();
    const counts = `${whole.file}.counts`;
    await this.#run(whole, this.scenario.steps, { counts });
    const { requests } = this.network;
    const calls = readCounts(counts);
    this.#finish(whole, undefined);
    this.#remove(whole);
    const slow = this.#copy();
    const tables = [this.#tables(slow.file)];
    for (const step of this.scenario.steps) {
      await this.#run(slow, [step]);
      tables.push(this.#tables(slow.file));
    }
    this.#finish(slow, undefined);
    tables.push(this.#tables(slow.file));
    this.#remove(slow);
    const { steps } = this.scenario;
    return { steps, tables, points: pointsOf(calls), calls: callsOf(calls), requests };
  }

  /**
   * Kills at a moment and checks everything. Returns false when the victim ended before it got there.
   * @throws Error that says what is wrong
   */
  async kill(reference: Reference, moment: Moment): Promise<boolean> {
    const props = this.#copy();
    const { steps } = reference;
    const end = await this.#run(props, steps, { moment });
    const next = this.#judge(reference, this.#tables(props.file), end.steps.length - 1);
    if (next < steps.length) await this.#run(props, steps.slice(next));
    this.#finish(props, reference.tables.at(-1));
    this.#remove(props);
    return end.isKilled;
  }

  /** Compares the tables with what they may be after `done` acknowledged steps. Returns the step to go on with. */
  #judge({ steps, tables }: Reference, found: string, acknowledged: number): number {
    // The very first answer is that of the settings.
    const done = Math.max(acknowledged, 0);
    const before = tables[done] as string;
    if (found === before) return done;
    if (done < steps.length && found === tables[done + 1]) return done + 1;
    // A sync is several transactions; whether it left a hole shows when it has been done again.
    if (!steps[done]?.includes('cloudsync_network'))
      requireSame(`the tables after ${done} steps`, before, found);
    return done;
  }

  /** Ends like every device: everything is exchanged, clocks fit rows, and the tables are as without a kill. */
  #finish(props: Props, expected: string | undefined): void {
    if (this.scenario.syncs) this.#exchange(props);
    const db = openDatabase({ source: props.file, foreignKeys: true });
    try {
      requireWhole(db);
      requireClocksFit(db);
      if (!this.scenario.syncs) requireToldWhole(db);
      if (expected !== undefined) requireSame('the tables at the end', expected, dumpTables(db));
    } finally {
      db.close();
    }
    if (this.scenario.syncs) requireEqualFiles(props.file, this.workspace.serverFile(props.database));
  }

  #exchange(props: Props): void {
    const device = new Device(props.file).run('PRAGMA foreign_keys = ON');
    moveToAddress(device.database, this.workspace.server.url, props.database);
    try {
      device.value('SELECT cloudsync_network_set_apikey(?)', this.workspace.server.key);
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const report = JSON.parse(device.value(SYNC) as string);
        if (report.sent.batches === 0 && report.received.rows === 0) return;
      }
      throw new Error('the device does not come to rest');
    } finally {
      device.close();
    }
  }
}
