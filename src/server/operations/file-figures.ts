/**
 * file-figures.ts: what the files of a data directory say about themselves, for metrics: how large they are, and when
 * each database was last copied. The times of copies stand in DIR/server.db, where the command that makes them, another
 * process, writes them.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import type { DataDirectory } from '../data-directory.js';
import { LIMITS } from '../limits.js';

const BACKUPS = `CREATE TABLE IF NOT EXISTS backups(
  database TEXT PRIMARY KEY NOT NULL,
  made INTEGER NOT NULL
) STRICT, WITHOUT ROWID`;

export interface FileFigures {
  databases: number;
  databaseBytes: number;
  walBytes: number;
  /** Databases that were never copied. */
  withoutBackup: number;
  /** Milliseconds since the newest copy of a database was made, of the database where that is longest ago; or NaN. */
  oldestBackup: number;
}

/** @param now the time, in milliseconds since 1970 */
export async function readFileFigures(directory: DataDirectory, now: number): Promise<FileFigures> {
  const names = (await readdir(directory.databases)).filter((name) => name.endsWith('.db'));
  const files = names.map((name) => join(directory.databases, name));
  const sizes = await Promise.all(files.map(sizeOf));
  const logs = await Promise.all(files.map((file) => sizeOf(`${file}-wal`)));
  const times = backupTimes(directory);
  const known = names.flatMap((name) => times.get(basename(name, '.db')) ?? []);
  return {
    databases: names.length,
    databaseBytes: sum(sizes),
    walBytes: sum(logs),
    withoutBackup: names.length - known.length,
    oldestBackup: known.length === 0 ? Number.NaN : now - Math.min(...known),
  };
}

/** Notes that a copy of a database was made. */
export function recordBackup(directory: DataDirectory, name: string, now: number): void {
  const database = new Database(directory.keys, { timeout: LIMITS.databaseLockMilliseconds });
  try {
    database.exec(BACKUPS);
    database
      .prepare('INSERT INTO backups VALUES (?, ?) ON CONFLICT(database) DO UPDATE SET made = excluded.made')
      .run(name, now);
  } finally {
    database.close();
  }
}

/** When the newest copy of each database was made, in milliseconds since 1970. */
function backupTimes(directory: DataDirectory): Map<string, number> {
  if (!existsSync(directory.keys)) return new Map();
  const database = new Database(directory.keys, { readonly: true, timeout: LIMITS.databaseLockMilliseconds });
  try {
    const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'backups'").get();
    if (isThere === undefined) return new Map();
    const rows = database.prepare<[], [string, number]>('SELECT database, made FROM backups').raw().all();
    return new Map(rows as unknown as [string, number][]);
  } finally {
    database.close();
  }
}

/** Size of a file; 0 when it is not there, or not there any more. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
