/**
 * Devices for the tests of the log of conflicts: a table `t` with two columns that keeps what loses, and the entries
 * in a form that can be compared.
 */
import { afterEach } from 'vitest';
import { type Connection, initTable, openDatabase, single } from '../support/database.js';
import { deliver } from '../support/exchange.js';

export const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)';

export interface DeviceOptions {
  algorithm?: 'cls' | 'dws' | 'aws' | 'gos';
  /** false: the table does not keep conflicts. */
  keeps?: boolean;
  schema?: string;
  table?: string;
}

/** A device in memory with the table tracked. The caller closes it. */
export function newDevice(options: DeviceOptions = {}): Connection {
  const { algorithm = 'cls', keeps = true, schema = SCHEMA, table = 't' } = options;
  const db = openDatabase();
  db.exec(schema);
  initTable(db, table, algorithm);
  if (keeps) keep(db, table);
  return db;
}

export function keep(db: Connection, table = 't'): void {
  single(db, "SELECT cloudsync_set_table(?, 'conflicts', 'keep')", table);
}

export function site(db: Connection): string {
  return single(db, 'SELECT cloudsync_siteid()') as string;
}

export interface Entry {
  id: bigint;
  tbl: string;
  pk: Buffer;
  col_name: string;
  winner: unknown;
  winner_site: string;
  winner_clock: bigint;
  loser: unknown;
  loser_site: string;
  loser_clock: bigint;
  since: bigint;
  /** 1 where the winner is a deletion. */
  deleted: bigint;
}

/** The log, oldest first, with sites as hex. */
export function entries(db: Connection): Entry[] {
  const sql = `SELECT id, tbl, pk, col_name, winner, lower(hex(winner_site)) AS winner_site, winner_clock,
    loser, lower(hex(loser_site)) AS loser_site, loser_clock, since, deleted FROM cloudsync_conflicts ORDER BY id`;
  return db.prepare<[], Entry>(sql).all();
}

/** Each entry as "column: loser < winner", sorted. */
export function lost(db: Connection): string[] {
  return entries(db)
    .map(({ col_name, loser, winner, deleted }) => `${col_name}: ${loser} < ${deleted ? 'deleted' : winner}`)
    .sort();
}

/** Local writes are dated in milliseconds: what is written after this call is later than what was before. */
export function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() <= now + 1);
}

export interface Devices {
  /** What is closed after each test. */
  opened: Connection[];
  devices(count: number, options?: DeviceOptions): Connection[];
  /** Devices that have the row 'x' with a = 1 and b = 1 in common. */
  sharing(count: number, options?: DeviceOptions): Connection[];
}

/** Makes devices for the tests of one file and closes them after each. */
export function useDevices(): Devices {
  const opened: Connection[] = [];
  afterEach(() => {
    for (const db of opened.splice(0)) db.close();
  });

  function devices(count: number, options: DeviceOptions = {}): Connection[] {
    const list = Array.from({ length: count }, () => newDevice(options));
    opened.push(...list);
    return list;
  }

  function sharing(count: number, options: DeviceOptions = {}): Connection[] {
    const list = devices(count, options);
    const [first, ...others] = list as [Connection, ...Connection[]];
    first.exec("INSERT INTO t VALUES('x', 1, 1)");
    for (const other of others) deliver(first, other);
    nextMillisecond();
    return list;
  }

  return { opened, devices, sharing };
}
