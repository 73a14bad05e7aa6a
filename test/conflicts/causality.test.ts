/**
 * Random histories of devices that keep conflicts, compared after every delivery with a simulation that knows exactly
 * who had seen what: the logs hold what lost against a concurrent write, no more, no less. One of the devices does not
 * keep conflicts and only hands on what it gets, as a server does.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePayload } from '../packet/decode.js';
import type { Stamp } from '../packet/packet.js';
import { applyPayload, arrivalNumber, type Connection, encodePayload } from '../support/database.js';
import { propertyOptions } from '../support/random.js';
import { SimulatedDevice, World } from './causality.js';
import { entries, newDevice } from './devices.js';

const WRITERS = 4;
const RELAY = WRITERS;

type Step =
  | { step: 'write'; device: number; key: string; columns: readonly string[] }
  | { step: 'delete'; device: number; key: string }
  | { step: 'send'; from: number; to: number; all: boolean }
  | { step: 'again'; payload: number; to: number };

const writer = fc.nat({ max: WRITERS - 1 });
const anyDevice = fc.nat({ max: RELAY });
const key = fc.constantFrom('x', 'x', 'y');

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        step: fc.constant('write' as const),
        device: writer,
        key,
        columns: fc.constantFrom(['a'], ['a'], ['b'], ['a', 'b']),
      }),
    },
    { weight: 2, arbitrary: fc.record({ step: fc.constant('delete' as const), device: writer, key }) },
    {
      weight: 10,
      arbitrary: fc.record({
        step: fc.constant('send' as const),
        from: anyDevice,
        to: anyDevice,
        all: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant('again' as const), payload: fc.nat(), to: anyDevice }),
    },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
);

class History {
  private readonly world = new World();
  readonly databases: Connection[] = [];
  private readonly simulated: SimulatedDevice[] = [];
  private readonly payloads: Buffer[] = [];
  private readonly sent = new Map<string, bigint>();

  constructor() {
    for (let i = 0; i <= RELAY; i++) {
      this.databases.push(newDevice({ keeps: i !== RELAY }));
      this.simulated.push(new SimulatedDevice(this.world, i));
    }
  }

  play(step: Step): void {
    if (step.step === 'write') this.write(step.device, step.key, step.columns);
    else if (step.step === 'delete') this.remove(step.device, step.key);
    else if (step.step === 'send') this.send(step.from, step.to, step.all);
    else if (this.payloads.length > 0) {
      this.receive(this.payloads[step.payload % this.payloads.length] as Buffer, step.to);
    }
  }

  private at(device: number): { db: Connection; simulated: SimulatedDevice } {
    return {
      db: this.databases[device] as Connection,
      simulated: this.simulated[device] as SimulatedDevice,
    };
  }

  private write(device: number, id: string, columns: readonly string[]): void {
    const { db, simulated } = this.at(device);
    if (simulated.isAlive(id)) {
      const values = columns.map((column) => simulated.write(id, column));
      const sets = columns.map((column) => `${column} = ?`).join();
      db.prepare(`UPDATE t SET ${sets} WHERE id = ?`).run(...values, id);
    } else {
      simulated.insert(id);
      const values = ['a', 'b'].map((column) => simulated.write(id, column));
      db.prepare('INSERT INTO t VALUES(?, ?, ?)').run(id, ...values);
    }
  }

  /** What comes and goes between two folds leaves no trace; the simulation does not know folds. */
  private remove(device: number, id: string): void {
    const { db, simulated } = this.at(device);
    if (!simulated.isAlive(id)) return;
    arrivalNumber(db);
    db.prepare('DELETE FROM t WHERE id = ?').run(id);
    simulated.remove(id, deletionOf(db, id));
  }

  private send(from: number, to: number, all: boolean): void {
    if (from === to) return;
    const { db } = this.at(from);
    const link = `${from} ${to}`;
    const payload = encodePayload(db, all ? 0n : (this.sent.get(link) ?? 0n));
    this.sent.set(link, arrivalNumber(db));
    this.payloads.push(payload);
    this.receive(payload, to);
  }

  private receive(payload: Buffer, to: number): void {
    const { db, simulated } = this.at(to);
    this.world.learn(decodePayload(encodePayload(db)));
    applyPayload(db, payload);
    simulated.receive(decodePayload(payload));
    if (to === RELAY) return;
    const wanted = [...simulated.log].map(
      ([loser, winner]) => `${loser.value} < ${winner.deletes ? 'deleted' : winner.value}`,
    );
    const kept = entries(db).map(
      ({ loser, winner, deleted }) => `${loser} < ${deleted ? 'deleted' : winner}`,
    );
    expect(kept.sort()).toEqual(wanted.sort());
  }

  get keptOfDeleted(): number {
    const logs = this.simulated.map(({ log }) => [...log.values()].filter(({ deletes }) => deletes).length);
    return logs.reduce((a, b) => a + b);
  }

  get kept(): number {
    return this.simulated.reduce((sum, { log }) => sum + log.size, 0);
  }
}

/** The stamp of the deletion of a row. */
function deletionOf(db: Connection, id: string): Stamp {
  const rows = decodePayload(encodePayload(db)).flatMap(({ tables }) => tables.flatMap(({ rows }) => rows));
  const row = rows.find(({ key: [part] }) => part?.type === 'text' && part.bytes.toString() === id);
  if (!row) throw new Error(`no deletion of ${id}`);
  return row.stamp;
}

test('what is kept is exactly what lost against a concurrent write', () => {
  let kept = 0;
  let keptOfDeleted = 0;
  const property = fc.property(steps, (history) => {
    const run = new History();
    try {
      for (const step of history) run.play(step);
      kept += run.kept;
      keptOfDeleted += run.keptOfDeleted;
    } finally {
      for (const db of run.databases) db.close();
    }
  });
  const options = propertyOptions('conflicts', 150);
  fc.assert(property, options);
  expect(kept).toBeGreaterThan(options.numRuns);
  expect(keptOfDeleted).toBeGreaterThan(options.numRuns / 5);
});
