/**
 * Random histories of two replicas whose tables have every row algorithm, with columns and without, for the tests that
 * compare cloudsync_changes with packets.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  heldChanges,
  initTable,
  type OpenOptions,
  openDatabase,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

export const TABLES = {
  todos: 'cls',
  tickets: 'dws',
  docs: 'aws',
  marks: 'aws',
  events: 'gos',
  links: 'cls',
} as const;
export const NAMES = Object.keys(TABLES) as Array<keyof typeof TABLES>;
const KEY_ONLY = ['links', 'marks'];
const VALUES = ['NULL', '7', '-0.5', "'seven'", "CAST(x'ff00' AS TEXT)", "x'0007'"];

const opened: Connection[] = [];

export function open(options: OpenOptions = {}): Connection {
  const db = openDatabase(options);
  opened.push(db);
  return db;
}

export function replica(): Connection {
  const db = open();
  for (const name of NAMES) {
    if (KEY_ONLY.includes(name))
      db.exec(`CREATE TABLE ${name}(a TEXT NOT NULL, b INTEGER NOT NULL, PRIMARY KEY(b, a))`);
    else db.exec(`CREATE TABLE ${name}(id TEXT PRIMARY KEY NOT NULL, title, note)`);
    initTable(db, name, TABLES[name]);
  }
  return db;
}

/** A copy with the same site, for the same merge in two ways. */
export function copyOf(db: Connection): Connection {
  arrivalNumber(db);
  return open({ source: db.serialize() });
}

/** Closes everything that was opened here; call it after each test. */
export function closeAll(): void {
  for (const db of opened.splice(0)) db.close();
}

export interface Step {
  at: number;
  table: keyof typeof TABLES;
  key: number;
  write: 'insert' | 'title' | 'note' | 'delete' | 'exchange';
  value: string;
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    at: fc.nat(1),
    // More of the rows whose deletions carry something.
    table: fc.constantFrom(...NAMES, 'docs', 'docs'),
    key: fc.nat(2),
    write: fc.constantFrom('insert', 'insert', 'title', 'note', 'delete', 'exchange'),
    value: fc.constantFrom(...VALUES),
  }),
  { minLength: 1, maxLength: 50, size: 'max' },
);

function sqlOf({ table, key, write, value }: Step): string {
  if (KEY_ONLY.includes(table)) {
    if (write === 'delete') return `DELETE FROM ${table} WHERE a = 'k${key}'`;
    return `INSERT OR IGNORE INTO ${table} VALUES('k${key}', ${key})`;
  }
  if (write === 'insert') return `INSERT OR IGNORE INTO ${table} VALUES('k${key}', ${value}, ${value})`;
  if (write === 'delete') return `DELETE FROM ${table} WHERE id = 'k${key}'`;
  return `UPDATE ${table} SET ${write} = ${value} WHERE id = 'k${key}'`;
}

/** Two replicas with a history; what a grow-only or delete-wins table refuses is no write. */
export function run(history: readonly Step[]): [Connection, Connection] {
  const pair: [Connection, Connection] = [replica(), replica()];
  for (const step of history) {
    if (step.write === 'exchange') {
      exchangeAll(pair);
      continue;
    }
    try {
      pair[step.at === 0 ? 0 : 1].exec(sqlOf(step));
    } catch (error) {
      expect((error as Error).message).toMatch(/grow-only|deleted|cannot/i);
    }
  }
  return pair;
}

/** Equal tables, metadata and held rows. */
export function expectEqual(db: Connection, other: Connection): void {
  for (const name of NAMES) expect(dumpTable(db, name)).toEqual(dumpTable(other, name));
  expect(dumpMetadata(db)).toEqual(dumpMetadata(other));
  expect(heldChanges(db)).toEqual(heldChanges(other));
}
