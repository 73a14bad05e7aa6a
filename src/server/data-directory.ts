/**
 * data-directory.ts: the data directory: `server.db` (keys), `databases/<name>.db` (one file per synced
 * database) and `server.lock`. The lock is an SQLite lock: the operating system releases it when the process
 * ends, however it ends.
 */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { DATABASE_NAME } from './limits.js';

export interface DataDirectory {
  /** Path of the key database. */
  keys: string;
  /** Directory of the synced databases. */
  databases: string;
  /** Path of the lock file. */
  lock: string;
}

/** The paths inside a data directory. Creates what is missing, readable by this user only. */
export function openDataDirectory(path: string): DataDirectory {
  const databases = join(path, 'databases');
  mkdirSync(databases, { recursive: true, mode: 0o700 });
  return { keys: join(path, 'server.db'), databases, lock: join(path, 'server.lock') };
}

/** The names of the databases among the files of the folder of databases, in alphabetical order. */
export function databaseNames(files: readonly string[]): string[] {
  return files
    .filter((file) => file.endsWith('.db'))
    .map((file) => basename(file, '.db'))
    .filter((name) => DATABASE_NAME.test(name))
    .sort();
}

/**
 * Makes this process the only server of a data directory. A second one would serve correctly but would not
 * notice the pushes of the first, so that its waits would sleep through them.
 *
 * @returns a function that gives the lock back
 * @throws Error when another process holds the lock
 */
export function lockDataDirectory(directory: DataDirectory): () => void {
  const lock = new Database(directory.lock, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new Error(`another server uses this data directory (lock file ${directory.lock})`, { cause });
  }
  return () => lock.close();
}
