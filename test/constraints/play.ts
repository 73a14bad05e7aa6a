/**
 * Plays histories. After every step the replicas concerned are compared with the model; at the end everything is
 * exchanged until nothing moves, and then all replicas must be equal.
 */

import { decodePayload } from '../packet/decode.js';
import { encodePacket } from '../packet/encode.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { Dice } from './edits.js';
import type { History } from './history.js';
import { enforcesForeignKeys, type Kind, tablesOf } from './kind.js';
import { ConstrainedReplica } from './replica.js';
import { StampRegister } from './state.js';
import type { Step } from './steps.js';

/** What was played since the process started. `held`: histories in which some row was held at some time. */
export const played = { histories: 0, edits: 0, refused: 0, deliveries: 0, resolved: 0, held: 0 };

type Resolution = Extract<Step, { step: 'resolve' }>;

class Player {
  readonly replicas: ConstrainedReplica[];
  readonly trace: string[] = [];
  private hasResolved = false;
  private readonly payloads: Array<{ label: string; bytes: Buffer }> = [];

  constructor(
    private readonly kind: Kind,
    private readonly history: History,
  ) {
    const register = new StampRegister();
    this.replicas = Array.from(
      { length: history.replicas },
      (_, index) => new ConstrainedReplica(kind, index, history.replicas, register),
    );
  }

  play(step: Step): void {
    switch (step.step) {
      case 'edit':
        this.edit(this.replica(step.at), step.statements);
        break;
      case 'resolve':
        this.resolve(this.replica(step.at), step);
        break;
      case 'read': {
        const replica = this.replica(step.at);
        this.trace.push(`${replica.name}: SELECT cloudsync_db_version() -- folds`);
        replica.inspect();
        break;
      }
      case 'pack':
        this.pack(this.replica(step.from), step.position);
        break;
      case 'send': {
        const [from, to] = [this.replica(step.from), this.replica(step.to)];
        this.deliver(this.pack(from, step.position), to, step.shuffle);
        break;
      }
      case 'deliver': {
        const payload = this.payloads[step.payload % this.payloads.length];
        if (payload) this.deliver(payload, this.replica(step.to), step.shuffle);
        break;
      }
      case 'share': {
        const from = this.replica(step.from);
        const payload = this.pack(from, 0);
        for (const to of this.replicas) if (to !== from) this.deliver(payload, to, undefined);
      }
    }
  }

  private replica(index: number): ConstrainedReplica {
    return this.replicas[index % this.replicas.length] as ConstrainedReplica;
  }

  private edit(replica: ConstrainedReplica, statements: readonly string[]): void {
    const line = this.trace.push(`${replica.name}: ${statements.join('; ')}`) - 1;
    const refusal = replica.edit(statements);
    if (refusal !== undefined) this.trace[line] += ` -- refused: ${refusal}`;
    played.edits++;
    if (refusal !== undefined) played.refused++;
  }

  private resolve(replica: ConstrainedReplica, { table, column, value }: Resolution): void {
    const outcome = replica.resolve(table, column, value);
    this.trace.push(`${replica.name}: resolve a row of ${table}: ${column} = ${value} -- ${outcome}`);
    if (outcome === 'nothing held') return;
    this.hasResolved = true;
    played.resolved++;
  }

  private pack(from: ConstrainedReplica, position: number): { label: string; bytes: Buffer } {
    const label = `P${this.payloads.length}`;
    this.trace.push(`${from.name}: ${label} = ${position === 0 ? 'everything' : `changes (${position})`}`);
    const payload = { label, bytes: from.pack(position) };
    this.payloads.push(payload);
    return payload;
  }

  private deliver(
    { label, bytes }: { label: string; bytes: Buffer },
    to: ConstrainedReplica,
    shuffle: number | undefined,
  ): void {
    if (shuffle === undefined) {
      this.trace.push(`${to.name}: apply ${label}`);
      to.receive(bytes);
      played.deliveries++;
      return;
    }
    for (const [place, packet] of new Dice(randomNumbers(shuffle)).shuffle(singleRows(bytes)).entries()) {
      this.trace.push(`${to.name}: apply a row of ${label} (${place})`);
      to.receive(packet);
      played.deliveries++;
    }
  }

  /** Exchanges until a whole round changes nothing. */
  finish(): void {
    const versions = () => this.replicas.map((replica) => replica.version()).join();
    const cursors = new Map<string, bigint>();
    for (let round = 0; round < 3 * this.replicas.length; round++) {
      this.trace.push(`-- everybody exchanges with everybody, round ${round}`);
      const before = versions();
      for (const from of this.replicas) {
        for (const to of this.replicas) if (from !== to) this.exchange(from, to, cursors);
      }
      if (versions() === before) {
        this.compare();
        return;
      }
    }
    throw new Error('the exchange does not come to rest: replicas keep changing each other');
  }

  private exchange(from: ConstrainedReplica, to: ConstrainedReplica, cursors: Map<string, bigint>): void {
    const pair = `${from.name}>${to.name}`;
    const since = this.history.ending === 'deltas' ? (cursors.get(pair) ?? 0n) : 0n;
    const payload = from.changesAfter(since);
    cursors.set(pair, from.version());
    if (payload.length === 0) return;
    to.receiveAgain(payload);
    played.deliveries++;
  }

  /** All replicas are equal, hold no violation, and one more exchange changes nothing. */
  private compare(): void {
    const states = this.replicas.map((replica) => replica.describe());
    for (const replica of this.replicas) {
      replica.checkIntegrity();
      const payload = replica.changesAfter(0n);
      for (const other of this.replicas) other.receiveAgain(payload);
    }
    for (const [index, replica] of this.replicas.entries()) {
      const now = replica.describe();
      expectEqual(`${replica.name} after one more exchange`, now, states[index] as typeof now);
    }
    if (this.actionsDecide()) this.replicas[0]?.checkActions();
    const [first] = states as [(typeof states)[number]];
    for (const [index, state] of states.entries()) {
      expectEqual(`metadata of R${index} and R0`, state.metadata, first.metadata);
      if (this.isLikeFirst(index)) expectEqual(`R${index} and R0`, state, first);
    }
  }

  /**
   * True when every deletion of a parent must have had its consequences: all replicas enforce references, a deleted row
   * can come back (`dws` cannot), and nobody gave a row a reference by hand.
   */
  private actionsDecide(): boolean {
    const { foreignKeys, algorithm } = this.kind;
    return foreignKeys === 'on' && algorithm === undefined && !this.hasResolved;
  }

  /** True when a replica has the same constraints as the first, so that its tables must be the same too. */
  private isLikeFirst(index: number): boolean {
    const { replicas } = this.history;
    const enforced = (replica: number) => enforcesForeignKeys(this.kind, replica, replicas);
    return tablesOf(this.kind, index) === tablesOf(this.kind, 0) && enforced(index) === enforced(0);
  }
}

/** The packets of a payload, one for each row. */
function singleRows(payload: Buffer): Buffer[] {
  return decodePayload(payload).flatMap(({ site, tables }) =>
    tables.flatMap((table) =>
      table.rows.map((row) =>
        encodePacket({ site, since: 0n, upto: 0n, tables: [{ ...table, rows: [row] }] }),
      ),
    ),
  );
}

function expectEqual(what: string, actual: unknown, expected: unknown): void {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value, null, 1));
  if (got !== wanted) throw new Error(`${what} differ\n${got}\n-- from --\n${wanted}`);
}

/**
 * Plays a history and checks every step of it.
 * @throws Error with the script of everything that happened, when anything is wrong
 */
export function playHistory(kind: Kind, history: History): void {
  const player = new Player(kind, history);
  try {
    for (const step of history.steps) player.play(step);
    player.finish();
    played.histories++;
    if (player.replicas.some(({ hasHeld }) => hasHeld)) played.held++;
  } catch (cause) {
    const tables = kind.tables.flatMap(({ create }) => create);
    const keys = player.replicas.map(({ name, enforced }) => `${name} ${enforced ? 'on' : 'off'}`).join(', ');
    const head = [`-- foreign_keys: ${keys}`, ...(kind.prepare ?? []), ...tables];
    const script = [...head, ...player.trace].join('\n');
    throw new Error(`${(cause as Error).message}\n--- what happened:\n${script}`, { cause });
  } finally {
    for (const replica of player.replicas) replica.close();
  }
}
