/**
 * backup.ts: copies of a database file: made while the server works, and put back in the place of one.
 *
 * A restored database gets a new epoch. By it every device notices, at its next sync, that the server has gone back in
 * time, and sends again what the copy does not have.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { DataDirectory } from '../data-directory.js';
import { lockDataDirectory } from '../data-directory.js';
import type { Surroundings } from '../surroundings.js';

/** As many pages as there are, in one step: a copy in several would begin again whenever the server writes. */
const ALL_PAGES = 2 ** 31 - 1;
const EPOCH_BYTES = 16;

/** A backup or restore that cannot be done, with the reason and the remedy. */
export class BackupError extends Error {}

/** The file of a database; it need not exist. */
export function databaseFile(directory: DataDirectory, name: string): string {
  return join(directory.databases, `${name}.db`);
}

/**
 * Copies a database into a new file, as it is at one moment, and checks the copy. A server may work on it meanwhile.
 *
 * @param target path of the copy; must not exist
 * @returns its size in bytes
 * @throws BackupError when there is no such database, the target exists, or the copy is damaged
 */
export async function backUp(directory: DataDirectory, name: string, target: string): Promise<number> {
  const file = databaseFile(directory, name);
  if (!existsSync(file)) throw new BackupError(`there is no database ${name} in ${directory.databases}`);
  if (existsSync(target)) throw new BackupError(`${target} exists already; name another file`);
  const part = `${target}.part`;
  await copy(file, part);
  const problem = damageOf(part);
  if (problem !== undefined) {
    rmSync(part);
    throw new BackupError(`database ${name} is damaged: ${problem}`);
  }
  putInPlace(part, target);
  return statSync(target).size;
}

/**
 * Puts a copy in the place of a database. The server must not run. A database of that name that is there already is
 * moved aside, into `replaced/`, and not deleted.
 *
 * @param source a file that `backUp` has made
 * @returns where the former database is now; undefined when there was none
 * @throws BackupError when a server runs, or the source is no whole copy of a server's database
 */
export async function restore(
  directory: DataDirectory,
  name: string,
  source: string,
  surroundings: Surroundings,
): Promise<string | undefined> {
  if (!existsSync(source)) throw new BackupError(`there is no file ${source}`);
  const problem = damageOf(source) ?? foreignness(source);
  if (problem !== undefined) throw new BackupError(`${source} cannot be restored: ${problem}`);
  const unlock = lock(directory);
  try {
    const file = databaseFile(directory, name);
    const part = `${file}.part`;
    await copy(source, part);
    renewEpoch(part, surroundings.randomBytes(EPOCH_BYTES));
    const former = moveAside(file, surroundings.now());
    putInPlace(part, file);
    return former;
  } finally {
    unlock();
  }
}

function lock(directory: DataDirectory): () => void {
  try {
    return lockDataDirectory(directory);
  } catch (cause) {
    throw new BackupError('a server uses this data directory; stop it first', { cause });
  }
}

async function copy(from: string, to: string): Promise<void> {
  rmSync(to, { force: true });
  const source = new Database(from, { readonly: true });
  try {
    await source.backup(to, { progress: () => ALL_PAGES });
  } finally {
    source.close();
  }
}

/** What is wrong with a file as an SQLite database; undefined when nothing is. */
export function damageOf(file: string): string | undefined {
  try {
    const database = new Database(file, { readonly: true });
    try {
      const [first] = database.prepare<[], string>('PRAGMA quick_check(1)').pluck().all();
      return first === 'ok' ? undefined : (first ?? 'it cannot be checked');
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof Database.SqliteError) return error.message;
    throw error;
  }
}

/** Why a file is not a server's database; undefined when it is one. */
function foreignness(file: string): string | undefined {
  const database = new Database(file, { readonly: true });
  try {
    const sql =
      "SELECT count(*) FROM sqlite_schema WHERE name IN ('cloudsync_server_state', 'cloudsync_server_sites')";
    return database.prepare<[], number>(sql).pluck().get() === 2 ? undefined : 'it is not a copy of a server';
  } finally {
    database.close();
  }
}

function renewEpoch(file: string, epoch: Buffer): void {
  const database = new Database(file);
  try {
    database.pragma('synchronous = FULL');
    // Without a log of its own, so that the file alone is the database.
    database.pragma('journal_mode = DELETE');
    database.prepare("UPDATE cloudsync_server_state SET value = ? WHERE name = 'epoch'").run(epoch);
  } finally {
    database.close();
  }
}

function moveAside(file: string, now: number): string | undefined {
  if (!existsSync(file)) return undefined;
  // Brings what stands in its log into the file, and the log is gone.
  const database = new Database(file);
  database.pragma('journal_mode = DELETE');
  database.close();
  const folder = join(dirname(file), '..', 'replaced');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const target = join(folder, `${basename(file, '.db')}-${time}.db`);
  renameSync(file, target);
  return target;
}

/** Forces the file to disk and gives it its name; the name, too, is forced to disk. */
function putInPlace(part: string, target: string): void {
  sync(part);
  renameSync(part, target);
  sync(dirname(target));
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
