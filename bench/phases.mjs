/**
 * phases.mjs: one round of work of one system, phase by phase, so that the phases of several systems can alternate.
 * A phase returns the seconds it took, or undefined when the system does not have it. What a phase needs and must not
 * be measured with it is done before its clock starts. PHASES is their order; each builds on those before it.
 */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CONSTRAINED, createTasks, INSERT_TASK, taskRows } from './constraints.mjs';
import { createDatabase, openDatabase } from './systems.mjs';
import { DELETE, INSERT, TABLE, UPDATE_FIVE, UPDATE_ONE } from './workload.mjs';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** What is measured, in this order: methods of Round, then inserts into tables with constraints. */
export const PHASES = [
  'insert',
  'fold',
  'encode',
  'apply',
  'reapply',
  'updateOne',
  'encodeChanges',
  'applyChanges',
  'updateFive',
  'delete',
  'insertWithCommits',
  ...Object.keys(CONSTRAINED),
];

/** Rows of the phase that commits each row; commits are slower, so fewer of them are measured as exactly. */
export function commitCount(rows) {
  return Math.ceil(rows / 5);
}

/** The clocks that can measure: what they show, in seconds. */
export const CLOCKS = {
  /** Processor time of this process: what the work costs, whatever else the machine is doing. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
  /** Time that passes, waiting for the disk and for other programs included. */
  wall: () => performance.now() / 1e3,
};

/** One system in one round: its databases and what it has encoded. */
export class Round {
  /**
   * @param system from systems.mjs
   * @param folder an empty folder for its databases
   * @param workload from workload.mjs
   * @param clock one of CLOCKS
   */
  constructor(system, folder, workload, clock) {
    this.system = system;
    this.clock = clock;
    this.adapter = system.adapter;
    this.folder = folder;
    this.workload = workload;
    this.payload = null;
    this.source = createDatabase(system, join(folder, 'source.db'));
    this.target = this.adapter === null ? null : createDatabase(system, join(folder, 'target.db'));
  }

  /** Runs `work` and returns what it took; the garbage of what was before is not collected in its time. */
  seconds(work) {
    collectGarbage();
    const start = this.clock();
    work();
    return this.clock() - start;
  }

  /** Runs one of PHASES. */
  run(phase) {
    return phase in CONSTRAINED ? this.insertConstrained(phase) : this[phase]();
  }

  /** Runs a statement for every row in one transaction; everything before has reached the database file. */
  transaction(sql, parameters, db = this.source) {
    db.pragma('wal_checkpoint(TRUNCATE)');
    const statement = db.prepare(sql);
    return this.seconds(() => {
      db.exec('BEGIN IMMEDIATE');
      for (const row of parameters) statement.run(row);
      db.exec('COMMIT');
    });
  }

  insertConstrained(phase) {
    const db = openDatabase(this.system, join(this.folder, `${phase}.db`));
    createTasks(db, this.adapter, phase);
    const time = this.transaction(INSERT_TASK, taskRows(this.workload.inserts), db);
    db.close();
    return time;
  }

  insert() {
    return this.transaction(INSERT, this.workload.inserts);
  }

  insertWithCommits() {
    const db = createDatabase(this.system, join(this.folder, 'commits.db'));
    const statement = db.prepare(INSERT);
    const rows = this.workload.inserts.slice(0, commitCount(this.workload.inserts.length));
    const time = this.seconds(() => {
      for (const row of rows) statement.run(row);
    });
    db.close();
    return time;
  }

  /** Only the part of encoding that the adapter calls fold, where it has one. */
  fold() {
    if (!this.adapter?.fold) return undefined;
    this.source.pragma('wal_checkpoint(TRUNCATE)');
    return this.seconds(() => this.adapter.fold(this.source));
  }

  encode() {
    if (this.adapter === null) return undefined;
    return this.seconds(() => {
      this.payload = this.adapter.encode(this.source);
    });
  }

  apply() {
    if (this.adapter === null) return undefined;
    this.target.pragma('wal_checkpoint(TRUNCATE)');
    const time = this.seconds(() => this.adapter.apply(this.target, this.payload));
    this.checkEqual();
    return time;
  }

  reapply() {
    return this.adapter === null
      ? undefined
      : this.seconds(() => this.adapter.apply(this.target, this.payload));
  }

  updateOne() {
    this.since = this.adapter?.version?.(this.source);
    return this.transaction(UPDATE_ONE, this.workload.updatesOfOne);
  }

  /** Fold and encode of what `updateOne` changed. */
  encodeChanges() {
    if (this.since === undefined) return undefined;
    this.source.pragma('wal_checkpoint(TRUNCATE)');
    return this.seconds(() => {
      this.changes = this.adapter.encode(this.source, this.since);
    });
  }

  /** Merge of what `updateOne` changed. */
  applyChanges() {
    if (this.since === undefined) return undefined;
    this.target.pragma('wal_checkpoint(TRUNCATE)');
    const time = this.seconds(() => this.adapter.apply(this.target, this.changes));
    this.checkEqual();
    return time;
  }

  updateFive() {
    return this.transaction(UPDATE_FIVE, this.workload.updatesOfFive);
  }

  delete() {
    this.adapter?.fold?.(this.source);
    return this.transaction(DELETE, this.workload.deletes);
  }

  /** A benchmark of a merge that did not merge would be worthless. */
  checkEqual() {
    const everything = `SELECT * FROM ${TABLE} ORDER BY id`;
    const source = this.source.prepare(everything).raw().iterate();
    const target = this.target.prepare(everything).raw().all();
    let index = 0;
    let equal = true;
    for (const row of source) equal = JSON.stringify(row) === JSON.stringify(target[index++]) && equal;
    if (!equal || index !== target.length) {
      throw new Error(`${this.system.name}: after the merge the databases differ`);
    }
  }

  /** Bytes per row of the database as it is now, without free pages. */
  bytesPerRow() {
    const path = join(this.folder, 'compact.db');
    this.source.prepare('VACUUM INTO ?').run(path);
    const { size } = statSync(path);
    rmSync(path);
    return size / this.workload.inserts.length;
  }

  close() {
    this.source.close();
    this.target?.close();
  }
}
