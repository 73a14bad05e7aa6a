/**
 * fleet.ts: several devices with one application. People work on all of them while payloads are on their
 * way: some arrive late, some twice, some after newer ones. In the end everything is exchanged and
 * everything must be equal.
 */
import { expect } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import type { Application } from './application.js';
import { Operator, type Tally } from './operator.js';

interface Letter {
  to: number;
  payload: Buffer;
}

/** How one device gives what it has to others while people work. */
export type Carry = (fleet: Fleet) => void;

export class Fleet {
  readonly devices: readonly Connection[];
  readonly operators: readonly Operator[];
  private readonly letters: Letter[] = [];
  private readonly cursors = new Map<string, bigint>();

  /**
   * Every second device has recursive triggers on, as better-sqlite3 has them by default and SQLite has not.
   */
  constructor(
    readonly application: Application,
    readonly foreignKeys: boolean,
    readonly random: () => number,
    count = 4,
  ) {
    const numbers = Array.from({ length: count }, (_, number) => number);
    this.devices = numbers.map((number) => this.open(number % 2 === 1));
    this.operators = this.devices.map((db, number) => new Operator(db, number, random, application.journal));
  }

  private open(recursiveTriggers: boolean): Connection {
    const db = openDatabase({ recursiveTriggers, foreignKeys: this.foreignKeys });
    db.exec(this.application.schema);
    for (const [table, algorithm] of this.application.tables) initTable(db, table, algorithm);
    return db;
  }

  close(): void {
    for (const db of this.devices) db.close();
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** What there is at the beginning comes from the first device. */
  begin(exchange: (devices: readonly Connection[]) => void): void {
    const [first] = this.operators as readonly [Operator];
    first.attempt({ name: 'begin', weight: 0, perform: this.application.begin });
    exchange(this.devices);
  }

  /** People do `count` pieces of work; between them `carry` moves changes. */
  work(count: number, carry: Carry): void {
    for (let done = 0; done < count; ) {
      const operator = this.operators[this.below(this.operators.length)] as Operator;
      for (let i = 1 + this.below(8); i > 0; i--, done++) operator.work(this.application.works);
      carry(this);
    }
  }

  /** Packs what is new since the last letter from one device to another, or everything. */
  writeLetter(): void {
    const from = this.below(this.devices.length);
    const to = (from + 1 + this.below(this.devices.length - 1)) % this.devices.length;
    const db = this.devices[from] as Connection;
    const cursor = `${from} to ${to}`;
    const since = this.random() < 0.1 ? 0n : (this.cursors.get(cursor) ?? 0n);
    this.letters.push({ to, payload: encodePayload(db, since) });
    this.cursors.set(cursor, arrivalNumber(db));
  }

  /** Delivers any letter; one in five stays and is delivered again later. */
  deliverLetter(): void {
    if (this.letters.length === 0) return;
    const index = this.below(this.letters.length);
    const { to, payload } = this.letters[index] as Letter;
    applyPayload(this.devices[to] as Connection, payload);
    if (this.random() < 0.8) this.letters.splice(index, 1);
  }

  /** How often each piece of work was done and refused on all devices. */
  tallies(): Map<string, Tally> {
    const sum = (name: string, of: keyof Tally) =>
      this.operators.reduce((total, { tallies }) => total + (tallies.get(name)?.[of] ?? 0), 0);
    return new Map(
      this.application.works.map(({ name }) => [
        name,
        { done: sum(name, 'done'), refused: sum(name, 'refused') },
      ]),
    );
  }
}

/** A few letters are written and a few delivered, in any order. */
export function byLetters(fleet: Fleet): void {
  for (let i = fleet.below(3); i > 0; i--) fleet.writeLetter();
  for (let i = fleet.below(3); i > 0; i--) fleet.deliverLetter();
}

/** Any one device syncs with the server. */
export function bySync(fleet: Fleet): void {
  if (fleet.random() < 0.4)
    single(fleet.devices[fleet.below(fleet.devices.length)] as Connection, 'SELECT cloudsync_network_sync()');
}

/** The rows that are kept back, as their keys, without the reasons. */
export function heldRows(db: Connection): string[] {
  return db
    .prepare("SELECT tbl || ' ' || hex(pk) FROM cloudsync_held ORDER BY tbl, pk")
    .pluck()
    .all() as string[];
}

/** Each device by itself: the file is whole, references are, and what the application promises is true. */
export function expectSound({ application, devices, foreignKeys }: Fleet, complete: boolean): void {
  for (const db of devices) {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    if (foreignKeys) expect(db.pragma('foreign_key_check')).toEqual([]);
    application.check(db, complete);
  }
}

/** Everything of a device that must be the same on all, as lines. */
function contentOf(application: Application, db: Connection): string[] {
  const rows = [...application.tables.keys()].flatMap((table) =>
    dumpTable(db, table).map((row) => `${table} ${row}`),
  );
  const held = heldRows(db).map((row) => `held ${row}`);
  return [...rows, ...held, ...dumpMetadata(db).map((row) => `clock ${row}`)];
}

/** The lines that only one of two devices has. */
export function difference(left: readonly string[], right: readonly string[]): string[] {
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  const onlyLeft = left.filter((line) => !inRight.has(line)).map((line) => `- ${line}`);
  return [...onlyLeft, ...right.filter((line) => !inLeft.has(line)).map((line) => `+ ${line}`)];
}

/**
 * All devices: the same rows in every table, the same rows held, the same clocks, and the journal as long as
 * the work of all people has made it.
 */
export function expectEqualDevices({ application, devices, operators }: Fleet): void {
  const [first, ...others] = devices as [Connection, ...Connection[]];
  const expected = contentOf(application, first);
  others.forEach((other, i) => {
    const content = contentOf(application, other);
    expect(difference(expected, content), `device ${i + 1} (+) against device 0 (-)`).toEqual([]);
    expect(content.length).toBe(expected.length);
  });
  if (application.journal === undefined) return;
  const entries = operators.reduce((sum, operator) => sum + operator.entries, 0);
  expect(single(first, `SELECT count(*) FROM ${application.journal}`)).toBe(BigInt(entries));
}

/** An exchange of everything once more finds nothing to change on any device. */
export function expectRest({ devices }: Fleet): void {
  const numbers = () => devices.map(arrivalNumber);
  const before = numbers();
  exchangeAll(devices);
  expect(numbers()).toEqual(before);
}
