/**
 * A replica under test: a real database with the extension, and beside it the reference model of what it must
 * hold. Every local write goes to both; every packet goes to both; `check` and `observe` compare.
 */
import { rmSync } from 'node:fs';
import {
  describeData,
  describeExpected,
  describeModel,
  describePackets,
  describeUncovered,
} from '../model/describe.js';
import type { LogEntry } from '../model/local.js';
import { ModelReplica } from '../model/replica.js';
import { decodePayload } from '../packet/decode.js';
import type { Algorithm, Packet } from '../packet/packet.js';
import { identity, NULL, type Value } from '../packet/value.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  fullState,
  heldChanges,
  initTable,
  openDatabase,
  readTable,
} from '../support/database.js';
import { refusalAllowed, refusalRequired } from './refusals.js';
import type { Shape } from './shapes.js';
import { predict, type Write, writeSql } from './writes.js';

export interface SubjectOptions {
  name: string;
  shapes: readonly Shape[];
  algorithm: Algorithm;
  recursiveTriggers: boolean;
  /** A file; without it the database is in memory and has no foreign connection. */
  file?: string | undefined;
}

/** A place in the replica's feed: its arrival number, and the model's version at that moment. */
export interface FeedPosition {
  seq: bigint;
  version: number;
}

export class Subject {
  readonly db: Connection;
  readonly model: ModelReplica;
  /** A reader that only ever gets what is new since its cursor; it must end up knowing everything. */
  private readonly reader: ModelReplica;
  private readonly foreign: Connection | undefined;
  private pending: LogEntry[] = [];
  private statement = 0;
  observed: FeedPosition = { seq: 0n, version: 0 };

  constructor(
    readonly options: SubjectOptions,
    private readonly trace: string[],
  ) {
    const { file, recursiveTriggers, shapes, algorithm } = options;
    this.db = openDatabase({ ...(file ? { source: file } : {}), recursiveTriggers });
    let site = '';
    for (const shape of shapes) {
      this.db.exec(shape.create);
      site = initTable(this.db, shape.table, algorithm, shape.force);
    }
    this.foreign = file ? openDatabase({ source: file, recursiveTriggers, extension: false }) : undefined;
    this.model = new ModelReplica(site);
    this.reader = new ModelReplica(site);
    for (const model of [this.model, this.reader]) {
      for (const { table, keyColumns, columns } of shapes) {
        const names = columns.map(({ name }) => name);
        model.addTable(table, algorithm, keyColumns, names);
      }
    }
  }

  close(): void {
    this.foreign?.close();
    this.db.close();
    if (this.options.file) rmSync(this.options.file);
  }

  /** Runs SQL that is no write to a tracked table (BEGIN, SAVEPOINT and so on). */
  control(sql: string): void {
    this.trace.push(`${this.options.name}: ${sql}`);
    this.db.exec(sql);
  }

  /** What ROLLBACK must bring the log back to. */
  mark(): number {
    return this.pending.length;
  }

  forgetSince(mark: number): void {
    this.pending.length = mark;
  }

  /** Runs one write and notes what it must have left in the log. */
  write(shape: Shape, write: Write, foreign = false): void {
    const sql = writeSql(shape, write);
    if (sql === undefined) return;
    const connection = (foreign ? this.foreign : undefined) ?? this.db;
    const before = readTable(this.db, shape.table);
    this.trace.push(`${this.options.name}${connection === this.db ? '' : ' (without extension)'}: ${sql}`);
    let failure: unknown;
    try {
      connection.exec(sql);
    } catch (error) {
      failure = error;
    }
    const after = readTable(this.db, shape.table);
    const outcome = predict(shape, write, before, after, this.options.recursiveTriggers);
    if (outcome === 'constraint') {
      if (!failure) throw new Error(`succeeded, but must fail on its primary key: ${sql}`);
      return;
    }
    const statement = this.statement++;
    const entries = outcome.map((entry) => ({ ...entry, statement }));
    const context = { algorithm: this.options.algorithm, model: this.model, pending: this.pending };
    if (failure === undefined) {
      if (refusalRequired(context, entries)) throw new Error(`must be refused: ${sql}`);
      this.pending.push(...entries);
    } else if (!String(failure).includes('cloudsync: ') || !refusalAllowed(context, write, entries)) {
      throw failure;
    } else {
      this.trace.push(`  -- refused: ${failure}`);
    }
  }

  /**
   * Reads what is new and compares it with what the model expects: these rows and columns, no more, no less,
   * and every stamp larger than all that this replica had seen before.
   */
  observe(): void {
    const { seq, version } = this.observed;
    const packets = this.settle(this.db);
    this.trace.push(`${this.options.name}: SELECT cloudsync_payload_encode(${seq})`);
    expectLines(
      `${this.options.name}: changes after ${seq}`,
      describePackets(packets),
      this.expected(version),
    );
    for (const packet of packets) this.reader.apply(packet);
    const now = arrivalNumber(this.db);
    if (now < seq) throw new Error(`${this.options.name}: the arrival number fell from ${seq} to ${now}`);
    this.observed = { seq: now, version: this.model.version };
    expectLines(
      `${this.options.name}: a reader of all deltas`,
      describeUncovered(this.reader),
      describeUncovered(this.model),
    );
  }

  private expected(version: number): string[] {
    return describeExpected(this.model.delta(version));
  }

  /** Folds in the model as the extension does, and takes the stamps over from the packets of `source`. */
  private settle(source: Connection): Packet[] {
    const data = new Map(
      this.options.shapes.map(({ table }) => [
        table,
        new Map(readTable(source, table).map((row) => [identity(row.key), row.columns])),
      ]),
    );
    const value = (entry: LogEntry, column: string): Value =>
      data.get(entry.table)?.get(identity(entry.key))?.get(column) ?? NULL;
    this.model.fold(this.pending, value);
    this.pending = [];
    const packets = decodePayload(encodePayload(source, this.observed.seq));
    checkChain(packets, this.observed.seq, arrivalNumber(source));
    this.model.learn(packets);
    return packets;
  }

  /**
   * Applies a payload. The local writes before it are folded by the same call; their stamps, which the model
   * needs, are read from a copy of the database, where the same log must fold to the same stamps.
   * @param apply how the payload gets in
   */
  receive(label: string, packets: readonly Packet[], apply: (db: Connection) => void): void {
    const copy = openDatabase({ source: this.db.serialize() });
    this.settle(copy);
    copy.close();
    this.trace.push(`${this.options.name}: apply ${label}`);
    const before = arrivalNumber(this.db);
    apply(this.db);
    const changed = packets.reduce((sum, packet) => sum + this.model.apply(packet), 0);
    this.check();
    const after = arrivalNumber(this.db);
    if (changed > 0 !== after > before) {
      throw new Error(
        `${this.options.name}: ${changed} rows changed, arrival numbers ${before} and ${after}`,
      );
    }
  }

  /** Applies bytes with cloudsync_payload_apply. */
  receiveBytes(label: string, payload: Buffer): void {
    this.receive(label, decodePayload(payload), (db) => applyPayload(db, payload));
  }

  /** A payload with everything after a position, checked against the model. */
  send(position: FeedPosition): Buffer {
    this.observe();
    const payload = encodePayload(this.db, position.seq);
    const lines = describePackets(decodePayload(payload));
    expectLines(`${this.options.name}: delta since ${position.seq}`, lines, this.expected(position.version));
    return payload;
  }

  /**
   * Data, metadata and model are one: invariants 1, 2 and 10. Call it only when no local write is pending.
   */
  check(): void {
    const { name, shapes } = this.options;
    expectLines(`${name}: metadata`, describePackets(fullState(this.db)), describeModel(this.model));
    for (const shape of shapes) {
      expectLines(`${name}: table ${shape.table}`, dumpTable(this.db, shape.table), this.expectedData(shape));
    }
    const held = heldChanges(this.db);
    if (held.length > 0)
      throw new Error(`${name}: nothing can fail here, yet is held: ${JSON.stringify(held)}`);
  }

  private expectedData(shape: Shape): string[] {
    return this.model
      .liveRows(shape.table)
      .map((row) => {
        const cells = shape.columns.map(
          ({ name, fallback }) => [name, row.columns.get(name)?.value ?? fallback] as const,
        );
        return describeData(row.key, cells);
      })
      .sort();
  }
}

/** The packets of one payload follow each other without a gap: (since, a], (a, b] ... (.., upto]. */
function checkChain(packets: readonly Packet[], since: bigint, upto: bigint): void {
  let at = since;
  for (const packet of packets) {
    if (packet.since !== at)
      throw new Error(`a packet starts after ${packet.since}, the one before ended at ${at}`);
    at = packet.upto;
  }
  if (packets.length > 0 && at !== upto)
    throw new Error(`the packets end at ${at}, the arrival number is ${upto}`);
}

/** Compares sorted lines and prints only those that differ. */
export function expectLines(what: string, actual: readonly string[], expected: readonly string[]): void {
  const missing = without(expected, actual);
  const surplus = without(actual, expected);
  if (missing.length + surplus.length === 0) return;
  const lines = [
    ...missing.map((line) => `  expected ${line}`),
    ...surplus.map((line) => `  got      ${line}`),
  ];
  throw new Error(`${what} differs\n${lines.join('\n')}`);
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
