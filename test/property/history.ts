/**
 * Random histories of several replicas: local writes in and out of transactions, and packets that travel in
 * every way that packets can. A history is data, so that fast-check can shrink it; `runHistory` plays it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describeModel } from '../model/describe.js';
import { decodePayload, splitPayload } from '../packet/decode.js';
import { encodePacket } from '../packet/encode.js';
import type { Algorithm, Packet } from '../packet/packet.js';
import { dumpTable, single } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { ghostPacket } from './ghost.js';
import type { Shape } from './shapes.js';
import { expectLines, type FeedPosition, Subject } from './subject.js';
import { type Write, writes } from './writes.js';

interface Change {
  table: number;
  write: Write;
}

interface Savepoint {
  changes: Change[];
  keep: boolean;
}

/** Replicas are numbers that wrap around. */
export type Step =
  | { step: 'write'; replica: number; change: Change; foreign: boolean }
  | { step: 'transaction'; replica: number; parts: Array<Change | Savepoint>; commit: boolean }
  | { step: 'send'; from: number; to: number; how: 'full' | 'delta' | 'file' | 'shuffled' }
  | { step: 'replay'; payload: number; to: number }
  | { step: 'observe'; replica: number }
  | { step: 'ghost'; to: number; packet: Packet };

export interface History {
  shapes: readonly Shape[];
  algorithm: Algorithm;
  replicas: number;
  recursiveTriggers: boolean;
  inFiles: boolean;
  steps: Step[];
}

const change: fc.Arbitrary<Change> = fc.record({ table: fc.nat({ max: 1 }), write: writes });
const replica = fc.nat({ max: 4 });

function step(shapes: readonly Shape[], algorithm: Algorithm): fc.Arbitrary<Step> {
  const savepoint = fc.record({ changes: fc.array(change, { maxLength: 3 }), keep: fc.boolean() });
  const parts = fc.array(fc.oneof({ weight: 3, arbitrary: change }, { weight: 1, arbitrary: savepoint }), {
    minLength: 1,
    maxLength: 4,
  });
  const how = fc.constantFrom(
    'full' as const,
    'delta' as const,
    'delta' as const,
    'file' as const,
    'shuffled' as const,
  );
  const packet = fc.oneof(...shapes.map((shape) => ghostPacket(shape, algorithm)));
  return fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ step: fc.constant('write' as const), replica, change, foreign: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('transaction' as const),
        replica,
        parts,
        commit: fc.boolean(),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ step: fc.constant('send' as const), from: replica, to: replica, how }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant('replay' as const), payload: fc.nat(), to: replica }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('observe' as const), replica }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constant('ghost' as const), to: replica, packet }) },
  );
}

/** Histories over one or two of the tables. */
export function histories(
  shapes: readonly Shape[],
  algorithm: Algorithm,
  steps: number,
): fc.Arbitrary<History> {
  return fc.subarray([...shapes], { minLength: 1, maxLength: 2 }).chain((chosen) =>
    fc.record({
      shapes: fc.constant(chosen),
      algorithm: fc.constant(algorithm),
      replicas: fc.integer({ min: 2, max: 5 }),
      recursiveTriggers: fc.boolean(),
      inFiles: fc.boolean(),
      steps: fc.array(step(chosen, algorithm), { minLength: 1, maxLength: steps, size: 'max' }),
    }),
  );
}

/**
 * Plays a history and checks every step of it against the reference model, then exchanges everything and
 * checks that all replicas are equal.
 * @throws Error with the script of everything that happened, when anything differs
 */
export function runHistory(history: History): void {
  const trace: string[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'cloudsync-history-'));
  const subjects: Subject[] = [];
  try {
    for (let i = 0; i < history.replicas; i++) {
      const file = history.inFiles ? join(directory, `${i}.db`) : undefined;
      subjects.push(new Subject({ ...history, name: `R${i}`, file }, trace));
    }
    const player = new Player(history, subjects, directory, trace);
    for (const each of history.steps) player.play(each);
    finish(history, subjects, trace);
  } catch (cause) {
    const settings = `algorithm ${history.algorithm}, recursive_triggers ${history.recursiveTriggers}`;
    const tables = history.shapes.map(({ create }) => create);
    const script = [settings, ...tables, ...trace].join('\n');
    throw new Error(`${(cause as Error).message}\n--- what happened:\n${script}`, { cause });
  } finally {
    for (const subject of subjects) subject.close();
    rmSync(directory, { recursive: true });
  }
}

/** Invariants 3, 4 and 9: everything exchanged, everything equal, and once more changes nothing. */
function finish(history: History, subjects: readonly Subject[], trace: string[]): void {
  for (const subject of subjects) subject.observe();
  trace.push('everybody sends everything to everybody');
  for (let round = 0; round < 2; round++) {
    for (const from of subjects) {
      for (const to of subjects) {
        if (from !== to)
          to.receiveBytes(`everything of ${from.options.name}`, from.send({ seq: 0n, version: 0 }));
      }
    }
  }
  exchangeAll(subjects.map(({ db }) => db));
  for (const subject of subjects) subject.check();
  const [first, ...others] = subjects as [Subject, ...Subject[]];
  for (const other of others) {
    expectLines(`metadata of ${other.options.name}`, describeModel(other.model), describeModel(first.model));
    for (const { table } of history.shapes) {
      expectLines(
        `${table} of ${other.options.name}`,
        dumpTable(other.db, table),
        dumpTable(first.db, table),
      );
    }
  }
}

class Player {
  /** How far each replica (second) has read the feed of each other one (first). */
  private readonly cursors = new Map<string, FeedPosition>();
  private readonly sent: Array<{ label: string; bytes: Buffer }> = [];

  constructor(
    private readonly history: History,
    private readonly subjects: readonly Subject[],
    private readonly directory: string,
    private readonly trace: string[],
  ) {}

  private subject(index: number): Subject {
    return this.subjects[index % this.subjects.length] as Subject;
  }

  play(step: Step): void {
    switch (step.step) {
      case 'write':
        this.change(this.subject(step.replica), step.change, step.foreign);
        break;
      case 'transaction':
        this.transaction(this.subject(step.replica), step.parts, step.commit);
        break;
      case 'send':
        if (this.subject(step.from) !== this.subject(step.to)) this.send(step);
        break;
      case 'replay': {
        const payload = this.sent[step.payload % this.sent.length];
        if (payload) this.subject(step.to).receiveBytes(payload.label, payload.bytes);
        break;
      }
      case 'observe':
        this.subject(step.replica).observe();
        break;
      case 'ghost':
        this.subject(step.to).receiveBytes(
          'packet of a ghost',
          this.keep('ghost', encodePacket(step.packet)),
        );
        break;
    }
  }

  private keep(label: string, bytes: Buffer): Buffer {
    const numbered = `payload ${this.sent.length} (${label}): x'${bytes.toString('hex')}'`;
    this.sent.push({ label: `payload ${this.sent.length}`, bytes });
    this.trace.push(bytes.length < 2000 ? numbered : `${numbered.slice(0, 200)}...`);
    return bytes;
  }

  private change(subject: Subject, { table, write }: Change, foreign = false): void {
    subject.write(this.history.shapes[table % this.history.shapes.length] as Shape, write, foreign);
  }

  private transaction(subject: Subject, parts: ReadonlyArray<Change | Savepoint>, commit: boolean): void {
    const start = subject.mark();
    subject.control('BEGIN');
    for (const part of parts) {
      if ('write' in part) {
        this.change(subject, part);
        continue;
      }
      const mark = subject.mark();
      subject.control('SAVEPOINT part');
      for (const change of part.changes) this.change(subject, change);
      if (!part.keep) {
        subject.control('ROLLBACK TO part');
        subject.forgetSince(mark);
      }
      subject.control('RELEASE part');
    }
    subject.control(commit ? 'COMMIT' : 'ROLLBACK');
    if (!commit) subject.forgetSince(start);
  }

  private send({ from, to, how }: Step & { step: 'send' }): void {
    const [source, target] = [this.subject(from), this.subject(to)];
    const route = `${source.options.name} to ${target.options.name}`;
    const cursor = how === 'delta' ? this.cursors.get(route) : undefined;
    const position = cursor ?? { seq: 0n, version: 0 };
    const label = `${route}, since ${position.seq}`;
    const bytes = this.keep(label, source.send(position));
    if (how === 'file') {
      const file = join(this.directory, 'payload');
      single(source.db, 'SELECT cloudsync_payload_save(?, ?)', file, position.seq);
      const packets = decodePayload(readFileSync(file));
      target.receive(`${label}, as a file`, packets, (db) =>
        single(db, 'SELECT cloudsync_payload_load(?)', file),
      );
    } else if (how === 'shuffled') {
      for (const packet of splitPayload(bytes).reverse()) target.receiveBytes(label, packet);
    } else {
      target.receiveBytes(label, bytes);
    }
    this.cursors.set(route, source.observed);
  }
}
