/**
 * Three devices edit, exchange and change their schema at random, each at its own pace through the same migrations.
 * Once all have the newest schema and have exchanged everything, rows and clocks are equal.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { alter, closeDevices, device, leftovers } from './devices.js';

interface Version {
  table: string;
  columns: string[];
  /** How a device comes here from the version before. */
  migrate?: (db: Connection) => void;
}

const REBUILD = `CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, d, title TEXT, b INTEGER);
  INSERT INTO n SELECT id, d, title, b FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes`;

const VERSIONS: Version[] = [
  { table: 'notes', columns: ['a', 'b', 'c'] },
  {
    table: 'notes',
    columns: ['title', 'b', 'c'],
    migrate: (db) => db.exec('ALTER TABLE notes RENAME COLUMN a TO title'),
  },
  {
    table: 'notes',
    columns: ['title', 'b', 'c', 'd'],
    migrate: (db) => db.exec('ALTER TABLE notes ADD COLUMN d'),
  },
  {
    table: 'notes',
    columns: ['title', 'b', 'd'],
    migrate: (db) => alter(db, 'ALTER TABLE notes DROP COLUMN c'),
  },
  { table: 'notes', columns: ['title', 'b', 'd'], migrate: (db) => alter(db, REBUILD) },
  {
    table: 'papers',
    columns: ['title', 'b', 'd'],
    migrate: (db) => db.exec('ALTER TABLE notes RENAME TO papers'),
  },
];

const DEVICES = 3;
const anyDevice = fc.nat({ max: DEVICES - 1 });
const key = fc.constantFrom('k1', 'k2', 'k3', 'k4');

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('update'), on: anyDevice, key, column: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('insert'), on: anyDevice, key, column: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete'), on: anyDevice, key, column: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('send'), on: anyDevice, key, column: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('migrate'), on: anyDevice, key, column: fc.nat(3) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Fleet {
  private readonly devices = Array.from({ length: DEVICES }, () => device());
  private readonly versions = this.devices.map(() => 0);
  private readonly cursors = new Map<string, bigint>();
  private value = 0;

  run({ what, on, key, column }: Step): void {
    const db = this.devices[on] as Connection;
    const { table, columns } = VERSIONS[this.versions[on] as number] as Version;
    this.value += 1;
    if (what === 'update') {
      const name = columns[column % columns.length];
      db.prepare(`UPDATE ${table} SET ${name} = ? WHERE id = ?`).run(this.value, key);
    } else if (what === 'insert') {
      db.prepare(`INSERT OR IGNORE INTO ${table}(id, b) VALUES(?, ?)`).run(key, this.value);
    } else if (what === 'delete') {
      db.prepare(`DELETE FROM ${table} WHERE id = ?`).run(key);
    } else if (what === 'send') {
      this.send(on, column);
    } else {
      this.migrate(on);
    }
  }

  /** What is new since the last time, from one device to another. */
  private send(from: number, to: number): void {
    if (from === to) return;
    const source = this.devices[from] as Connection;
    const since = this.cursors.get(`${from} ${to}`) ?? 0n;
    applyPayload(this.devices[to] as Connection, encodePayload(source, since));
    this.cursors.set(`${from} ${to}`, arrivalNumber(source));
  }

  private migrate(on: number): void {
    const next = VERSIONS[(this.versions[on] as number) + 1];
    if (next === undefined) return;
    this.versions[on] = (this.versions[on] as number) + 1;
    next.migrate?.(this.devices[on] as Connection);
  }

  /** Brings everybody to the newest schema; deltas then make all equal, a full exchange changes nothing. */
  finish(): void {
    for (let on = 0; on < DEVICES; on++) for (const _ of VERSIONS) this.migrate(on);
    for (let round = 0; round < DEVICES; round++) {
      for (let from = 0; from < DEVICES; from++) for (let to = 0; to < DEVICES; to++) this.send(from, to);
    }
    const states = this.devices.map((db) => [...dumpTable(db, 'papers'), ...dumpMetadata(db)]);
    for (const state of states) expect(state).toEqual(states[0]);
    for (const db of this.devices) expect(leftovers(db)).toEqual([]);
    exchangeAll(this.devices);
    expect(this.devices.map((db) => [...dumpTable(db, 'papers'), ...dumpMetadata(db)])).toEqual(states);
  }
}

test('devices that migrate at their own pace agree in the end', { timeout: 3_600_000 }, () => {
  const property = fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
    const fleet = new Fleet();
    for (const one of steps) fleet.run(one);
    fleet.finish();
    closeDevices();
  });
  fc.assert(property, propertyOptions('random schema changes', 12));
});
