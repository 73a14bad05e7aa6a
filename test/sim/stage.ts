/**
 * stage.ts: plays the steps that histories of every kind have: local writes, sessions, what network, disks, processes
 * and clocks do to them. What a history is about (who may be copied, what must hold) is for those who extend it:
 * world.ts, test/oracle/world.ts.
 */
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { type Installation, SimulatedDevice, START } from './device.js';
import type { Files } from './files.js';
import { Network } from './network.js';
import { Random } from './random.js';
import { type Question, SERVER_DISK, SimulatedServer } from './server.js';
import { NO_REPLY, type Reply, type Stop, simulate } from './simulated.js';
import type { CommonStep, Fate, Interruption } from './steps.js';
import { type Content, contentOf, sameContent } from './truth.js';

const SYNC = 'SELECT cloudsync_network_sync(0, 1)';

/** A promise that a history breaks. */
export class Broken extends Error {
  /** @param promise names what is broken, the same for all histories that break it */
  constructor(
    readonly promise: string,
    detail: string,
  ) {
    super(`${promise}: ${detail}`);
    this.name = 'Broken';
  }
}

/** What a stage must know of the plan of its history. */
export interface Setting extends Omit<Installation, 'tables'> {
  seed: number;
  /** Largest page of a pull, as a server with other limits would have it; undefined = as the device asks. */
  pageBytes: number | undefined;
}

/** A table that writes are compared in. */
export interface StageTable {
  name: string;
  create: string;
  keys: readonly string[];
}

/** Is told of every request before it is sent, and of what the device gets for it (status 0: nothing). */
export interface Observer {
  asks(device: SimulatedDevice, question: Question): void;
  answered(device: SimulatedDevice, question: Question, reply: Reply): void;
}

export abstract class Stage {
  readonly devices: SimulatedDevice[] = [];
  readonly network: Network;
  readonly counts: Record<string, number> = {};
  readonly tables: readonly StageTable[];
  readonly server: SimulatedServer;
  /** Microseconds since 1970. */
  now = START;
  /** Lines of what happened; only kept when they are wanted. */
  readonly trace: string[] | undefined;
  protected observer: Observer | undefined;
  readonly #setting: Setting;
  readonly #hash = createHash('sha1');
  #serverBackup: Files | undefined;
  #partitionSteps = 0;
  #serverDownSteps = 0;

  constructor(setting: Setting, tables: readonly StageTable[], hasTrace: boolean) {
    this.#setting = setting;
    this.tables = tables;
    this.trace = hasTrace ? [] : undefined;
    const { seed, pageBytes } = setting;
    this.server = new SimulatedServer(new Random(seed, 'server'), () => this.now, pageBytes);
    simulate('disk_default', SERVER_DISK);
    simulate('seed', SERVER_DISK, seed);
    this.network = new Network(
      () => this.server,
      (fault) => this.count(fault),
    );
  }

  /** A local transaction was committed. */
  protected abstract committed(device: SimulatedDevice, before: Content, after: Content): void;
  /** Nobody knows whether a local transaction was committed. */
  protected abstract attempted(device: SimulatedDevice, after: Content): void;
  /** A device has lost the newest of its commits, or may have. */
  protected abstract lostCommits(device: SimulatedDevice): void;

  addDevice(files?: Files): SimulatedDevice {
    const installation = { ...this.#setting, tables: this.tables };
    const device = new SimulatedDevice(`d${this.devices.length}`, installation, () => this.now, files);
    this.devices.push(device);
    return device;
  }

  count(name: string, amount = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + amount;
  }

  /** Writes a line of the trace, which is also what two runs of a seed must have in common. */
  note(who: string, text: string): void {
    this.#hash.update(`${who} ${text}\n`);
    this.trace?.push(`${((this.now - START) / 1e6).toFixed(3).padStart(10)} ${who.padEnd(7)} ${text}`);
  }

  /** The digest of everything that has been noted. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Lets the time before a step pass, with what ends in it. */
  protected pass(microseconds: number): void {
    this.now += microseconds;
    this.server.runTimers();
    if (this.#partitionSteps > 0 && --this.#partitionSteps === 0) this.network.partition = undefined;
    if (this.#serverDownSteps > 0 && --this.#serverDownSteps === 0) this.server.start();
  }

  protected async playCommon(step: CommonStep): Promise<void> {
    switch (step.do) {
      case 'write':
        return this.#write(step);
      case 'sync': {
        const device = this.pick(step.device);
        if (device.stop === undefined) this.#begin(device, step.call);
        return;
      }
      case 'go':
        return this.#go(step);
      case 'late':
        return this.network.deliverLate(step.which);
      case 'end':
        return this.#end(this.pick(step.device), step.power);
      case 'serverEnd':
        return this.#endServer(step.power, step.steps);
      case 'partition':
        this.note('network', `partition ${step.way} ${step.devices.join(',')}`);
        this.network.partition = {
          devices: new Set(step.devices.map((each) => this.pick(each))),
          way: step.way,
        };
        this.#partitionSteps = step.steps;
        return;
      case 'clock':
        return this.#setClock(step);
      case 'serverBackup':
        this.#serverBackup = this.server.backup();
        return this.note('server', 'backup');
      case 'serverRestore':
        return this.#restoreServer();
    }
  }

  protected pick(index: number): SimulatedDevice {
    return this.devices[index % this.devices.length] as SimulatedDevice;
  }

  /* --- local writes --- */

  #write(step: Extract<CommonStep, { do: 'write' }>): void {
    const device = this.pick(step.device);
    device.setClock();
    const db = device.writer;
    const endsBefore = this.#ends(device.name);
    let before: Content | undefined;
    let after: Content | undefined;
    let outcome = 'committed';
    this.#arm(device.name, step.interruption);
    try {
      db.exec('BEGIN IMMEDIATE');
      before = contentOf(db, this.tables);
      for (const sql of step.statements) this.statement(db, sql);
      after = contentOf(db, this.tables);
      if (step.undo) outcome = 'undone';
      db.exec(step.undo ? 'ROLLBACK' : 'COMMIT');
    } catch (error) {
      outcome = this.#writeFailed(db, error);
    }
    simulate('fault_off', device.name);
    this.note(device.name, `write ${step.statements.join('; ')} -> ${outcome}`);
    this.count(outcome === 'committed' || outcome === 'undone' ? outcome : 'writes that failed');
    if (outcome === 'committed' && before !== undefined && after !== undefined) {
      this.committed(device, before, after);
    }
    const hasEnded = this.#ends(device.name) !== endsBefore;
    if (hasEnded) this.#restarted(device, step.interruption);
    if (outcome !== 'committed' && outcome !== 'undone' && before !== undefined) {
      this.#settleWrite(device, before, after, hasEnded && step.interruption?.kind === 'power');
    }
  }

  /** Runs a statement; what a constraint or a guard refuses leaves the transaction as it was. */
  protected statement(db: Database.Database, sql: string): void {
    try {
      db.exec(sql);
    } catch (error) {
      if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_CONSTRAINT'))
        throw error;
      this.count('statements refused');
    }
  }

  #writeFailed(db: Database.Database, error: unknown): string {
    if (!(error instanceof Database.SqliteError)) throw error;
    const isExpected = /^SQLITE_(IOERR|FULL|BUSY|CANTOPEN|LOCKED)/.test(error.code);
    if (!isExpected)
      throw new Broken('honest failure', `a local write failed with ${error.code}: ${error.message}`);
    try {
      if (db.inTransaction) db.exec('ROLLBACK');
    } catch (second) {
      if (!(second instanceof Database.SqliteError)) throw second;
    }
    return error.code;
  }

  /** A transaction whose outcome nobody was told happened as a whole or not at all. */
  #settleWrite(
    device: SimulatedDevice,
    before: Content,
    after: Content | undefined,
    lostPower: boolean,
  ): void {
    if (after !== undefined) this.attempted(device, after);
    if (lostPower && !this.#setting.isDurable) return;
    device.setClock();
    const content = contentOf(device.writer, this.tables);
    if (sameContent(content, before)) return;
    if (after === undefined || !sameContent(content, after)) {
      throw new Broken('atomicity', `${device.name} shows a part of a transaction that did not end`);
    }
    this.committed(device, before, after);
  }

  /* --- sessions --- */

  #begin(device: SimulatedDevice, call: string): void {
    this.count('sessions');
    this.note(device.name, call);
    this.#stopped(device, device.start(call));
  }

  #stopped(device: SimulatedDevice, stop: Stop): void {
    if (stop.kind === 'request') {
      const digest = createHash('sha1').update(stop.body).digest('hex').slice(0, 8);
      this.count('requests');
      this.note(device.name, `-> ${stop.url.slice(stop.url.lastIndexOf('/'))} ${stop.body.length} ${digest}`);
    } else if (stop.kind === 'sleep') this.note(device.name, `sleeps ${stop.microseconds}`);
    else this.sessionEnded(device, stop);
  }

  protected sessionEnded(device: SimulatedDevice, stop: Extract<Stop, { kind: 'end' }>): void {
    this.count(stop.error === '' ? 'sessions that succeeded' : 'sessions that failed');
    this.note(device.name, `session: ${stop.error || stop.result}`);
    if (/internal error|out of memory|malformed|corrupt/.test(stop.error))
      throw new Broken('no trap', stop.error);
  }

  async #go(step: Extract<CommonStep, { do: 'go' }>): Promise<void> {
    const waiting = this.devices.filter((each) => each.stop !== undefined);
    const device = waiting[step.device % Math.max(1, waiting.length)];
    if (device === undefined) return this.#begin(this.pick(step.device), SYNC);
    const endsBefore = this.#ends(device.name);
    const serverEndsBefore = this.#ends(SERVER_DISK);
    const question = this.#asks(device);
    this.#arm(SERVER_DISK, step.serverInterruption);
    this.#arm(device.name, step.interruption);
    let reply = await this.#replyTo(device, step.fate);
    simulate('fault_off', SERVER_DISK);
    this.#checkServer();
    if (this.#ends(SERVER_DISK) !== serverEndsBefore) {
      this.count(step.serverInterruption?.kind === 'power' ? 'serverPowerLoss' : 'serverCrash');
      this.#serverDown(step.serverInterruption?.seed ?? 0);
      reply = NO_REPLY;
    }
    if (reply !== undefined) {
      if (question !== undefined) this.observer?.answered(device, question, reply);
      this.note(device.name, `<- ${reply.status} ${reply.body.length}`);
      this.#stopped(device, device.resume(reply));
    }
    simulate('fault_off', device.name);
    if (this.#ends(device.name) !== endsBefore) this.#restarted(device, step.interruption);
  }

  /** The request that a device is about to send. */
  #asks(device: SimulatedDevice): Question | undefined {
    const { stop } = device;
    if (stop?.kind !== 'request' || this.network.isOpen(device)) return undefined;
    this.observer?.asks(device, stop);
    return stop;
  }

  /** The server may be busy, out of memory or short of disk; a defect of its own is another matter. */
  #checkServer(): void {
    for (const { code, error } of this.server.problems.splice(0)) {
      this.note('server', `${code}: ${error.message}`);
      if (code === 'internal') throw new Broken('no defect in the server', error.stack ?? error.message);
    }
  }

  async #replyTo(device: SimulatedDevice, fate: Fate | undefined) {
    const stop = device.stop;
    if (stop?.kind === 'sleep') {
      this.now += stop.microseconds;
      return NO_REPLY;
    }
    if (stop === undefined) return undefined;
    const open = this.network.isOpen(device);
    if (!open) return this.network.exchange(device, stop, fate);
    this.now = Math.max(this.now, this.server.nextTimer() ?? 0);
    this.server.runTimers();
    return this.network.waited(device);
  }

  /** Lets a session go on without faults until it ends. Returns how. */
  async finish(device: SimulatedDevice, call?: string): Promise<{ result: string; error: string }> {
    let stop: Stop | undefined = device.stop;
    if (stop === undefined && call !== undefined) {
      this.count('sessions');
      stop = device.start(call);
      this.#stopped(device, stop);
    }
    while (stop !== undefined && stop.kind !== 'end') {
      const question = this.#asks(device);
      const reply = await this.#replyTo(device, undefined);
      if (reply === undefined) continue;
      if (question !== undefined) this.observer?.answered(device, question, reply);
      stop = device.resume(reply);
      this.#stopped(device, stop);
    }
    return stop ?? { result: '', error: '' };
  }

  /* --- ends and interruptions --- */

  #ends(disk: string): number {
    return Number(simulate('ends', disk));
  }

  #arm(disk: string, interruption: Interruption | undefined): void {
    if (interruption === undefined) return;
    const { kind, nth, seed } = interruption;
    if (kind === 'crash') simulate('crash_at', disk, 'any', nth);
    else if (kind === 'power') simulate('power_loss_at', disk, 'any', nth, seed);
    else {
      simulate('fault', disk, kind, 1 + (nth % 8), 0);
      this.count('diskFault');
    }
  }

  #end(device: SimulatedDevice, power: number | undefined): void {
    if (power === undefined) simulate('crash', device.name);
    else simulate('power_loss', device.name, power);
    this.#restarted(device, { kind: power === undefined ? 'crash' : 'power', nth: 0, seed: 0 });
  }

  /** The disk of a device has ended: its program is started again. */
  #restarted(device: SimulatedDevice, interruption: Interruption | undefined): void {
    const lostPower = interruption?.kind === 'power';
    this.count(lostPower ? 'devicePowerLoss' : 'deviceCrash');
    this.note(device.name, lostPower ? 'power loss' : 'crash');
    this.network.forget(device);
    device.restart();
    if (lostPower && !this.#setting.isDurable) this.lostCommits(device);
    if (Number(simulate('ends', device.name)) % 8 === 0) this.checkIntegrity(device);
  }

  checkIntegrity(device: SimulatedDevice): void {
    const found = device.writer.pragma('integrity_check', { simple: true });
    if (found !== 'ok') throw new Broken('integrity', `${device.name}: ${found}`);
  }

  #endServer(power: number | undefined, steps: number): void {
    if (!this.server.isUp) return;
    this.count(power === undefined ? 'serverCrash' : 'serverPowerLoss');
    this.server.end(power);
    this.#serverDown(steps);
  }

  #serverDown(steps: number): void {
    this.note('server', 'down');
    this.server.stop();
    this.#serverDownSteps = steps % 10;
    if (this.#serverDownSteps === 0) this.server.start();
  }

  #setClock(step: Extract<CommonStep, { do: 'clock' }>): void {
    const device = this.pick(step.device);
    this.count('clockJump');
    device.drift = step.drift;
    // What a clock has gained by running fast stays within the day that receivers accept.
    device.offset = step.jump;
    this.note(device.name, `clock ${step.jump} x${step.drift}`);
  }

  #restoreServer(): void {
    if (this.#serverBackup === undefined) {
      this.#serverBackup = this.server.backup();
      return;
    }
    this.count('serverRestored');
    this.note('server', 'restored');
    this.server.restore(this.#serverBackup);
  }

  /** Everything works from now on: faults are over, clocks are right. */
  async heal(): Promise<void> {
    this.note('world', 'heals');
    this.network.partition = undefined;
    this.network.late.splice(0);
    if (!this.server.isUp) this.server.start();
    for (const device of this.devices) {
      device.offset = 0;
      device.drift = 1;
      this.healed(device);
      await this.finish(device);
    }
  }

  /** What a device gets when everything is healed, before it finishes its session. */
  protected abstract healed(device: SimulatedDevice): void;

  /** Frees what the history holds. */
  close(): void {
    for (const device of this.devices) {
      simulate('crash', device.name);
      device.close();
    }
    if (this.server.isUp) this.server.stop();
  }
}
