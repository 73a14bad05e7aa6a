/**
 * devices.ts: devices for the tests of schema changes: a table that two devices share, each of which
 * exchanges what is new with the other by cursors, as through a server.
 */
import { expect } from 'vitest';
import type { Algorithm } from '../packet/packet.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

export const NOTES =
  "CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER, c TEXT DEFAULT 'none')";

const opened: Connection[] = [];

/** Closes all devices; call it after each test. */
export function closeDevices(): void {
  for (const db of opened.splice(0)) db.close();
}

export function opens(source?: string | Buffer): Connection {
  const db = openDatabase(source === undefined ? {} : { source });
  opened.push(db);
  return db;
}

/** A device with the table notes, empty. */
export function device(schema: string = NOTES, algorithm: Algorithm = 'cls', source?: string): Connection {
  const db = opens(source);
  db.exec(schema);
  initTable(db, 'notes', algorithm);
  return db;
}

/** Two devices that share three rows. */
export function sharing(
  schema: string = NOTES,
  algorithm: Algorithm = 'cls',
): [Connection, Connection, Exchange] {
  const first = device(schema, algorithm);
  const second = device(schema, algorithm);
  first.exec("INSERT INTO notes(id, a, b) VALUES('x', 'ax', 1), ('y', 'ay', 2), ('z', 'az', 3)");
  const exchange = new Exchange(first, second);
  exchange.both();
  expect(dumpTable(second, 'notes')).toHaveLength(3);
  return [first, second, exchange];
}

/** What two devices have sent each other so far. */
export class Exchange {
  private cursors: [bigint, bigint] = [0n, 0n];

  constructor(
    private readonly first: Connection,
    private readonly second: Connection,
  ) {}

  /** Sends what is new, both ways. */
  both(): void {
    this.cursors = [
      Exchange.send(this.first, this.second, this.cursors[0]),
      Exchange.send(this.second, this.first, this.cursors[1]),
    ];
    this.cursors[0] = Exchange.send(this.first, this.second, this.cursors[0]);
  }

  private static send(from: Connection, to: Connection, since: bigint): bigint {
    applyPayload(to, encodePayload(from, since));
    return arrivalNumber(from);
  }
}

/** A change of the schema between cloudsync_begin_alter and _commit_alter, in one transaction. */
export function alter(db: Connection, change: string, table = 'notes', tableAfter = table): void {
  db.exec('BEGIN');
  single(db, 'SELECT cloudsync_begin_alter(?)', table);
  db.exec(change);
  single(db, 'SELECT cloudsync_commit_alter(?)', tableAfter);
  db.exec('COMMIT');
}

/** One row of a table as one line. */
export function rowOf(db: Connection, id: string, table = 'notes'): string | undefined {
  return dumpTable(db, table).find((line) => line.startsWith(`('${id}')`));
}

/** Everything reaches everybody, nothing is held, and the tables are equal. */
export function expectAgreement(
  exchange: Exchange,
  first: Connection,
  second: Connection,
  table = 'notes',
): string[] {
  exchange.both();
  const lines = dumpTable(first, table);
  expect(dumpTable(second, table)).toEqual(lines);
  for (const db of [first, second]) expect(heldChanges(db)).toEqual([]);
  return lines;
}

/** Names of what cloudsync has in the schema for a change that is not over. */
export function leftovers(db: Connection): unknown[] {
  const names = db.prepare(
    "SELECT name FROM sqlite_schema WHERE name GLOB '*_before' OR name GLOB '*_altering'",
  );
  const settings = db.prepare("SELECT key FROM cloudsync_settings WHERE key GLOB '*.altering'");
  return [...names.pluck().all(), ...settings.pluck().all()];
}
