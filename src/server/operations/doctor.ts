/**
 * doctor.ts: looks a data directory over, also while a server works on it: can every file be read, is it whole, and
 * what does an operator want to know about it. It changes nothing.
 */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { load } from '../../node/index.js';
import type { DataDirectory } from '../data-directory.js';
import { DATABASE_NAME } from '../limits.js';
import { damageOf } from './backup.js';

export interface Finding {
  /** problem: something does not work or soon will not; fact: worth knowing. */
  kind: 'problem' | 'fact';
  text: string;
}

const MIB = 1024 * 1024;
/** Less free space than this is reported: a checkpoint or a backup may fail. */
const FREE_BYTES_MIN = 256 * MIB;
/** A log of this size says that checkpoints do not get done, because somebody reads without an end. */
const LOG_BYTES_MAX = 64 * MIB;
const DAY_MILLISECONDS = 86_400_000;
/** A device that has not synced for so long is counted as silent. */
const SILENT_DAYS = 30;

/** @param now the time, in milliseconds since 1970 */
export function examine(directory: DataDirectory, now: number): Finding[] {
  return [...examineExtension(), ...examineFolder(directory), ...examineDatabases(directory, now)];
}

function problem(text: string): Finding {
  return { kind: 'problem', text };
}

function fact(text: string): Finding {
  return { kind: 'fact', text };
}

function examineExtension(): Finding[] {
  const database = new Database(':memory:');
  try {
    load(database);
    const row = database
      .prepare<[], { ours: string; sqlite: string }>(
        'SELECT cloudsync_version() AS ours, sqlite_version() AS sqlite',
      )
      .get();
    return [fact(`cloudsync ${row?.ours} on SQLite ${row?.sqlite}, Node ${process.versions.node}`)];
  } catch (error) {
    return [problem(`the extension cannot be loaded: ${messageOf(error)}; run npm run build`)];
  } finally {
    database.close();
  }
}

function examineFolder(directory: DataDirectory): Finding[] {
  const findings: Finding[] = [];
  try {
    accessSync(directory.databases, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    findings.push(problem(`${directory.databases} cannot be read and written by this user`));
  }
  const { bavail, bsize } = statfsSync(directory.databases);
  const free = bavail * bsize;
  if (free < FREE_BYTES_MIN) findings.push(problem(`only ${megabytes(free)} are free on the disk`));
  if (!existsSync(directory.keys)) {
    findings.push(problem(`there are no keys (${directory.keys}); cloudsync key add makes one`));
  } else {
    const damage = damageOf(directory.keys);
    if (damage !== undefined)
      findings.push(problem(`the keys are damaged: ${damage}; restore ${directory.keys}`));
  }
  return findings;
}

function examineDatabases(directory: DataDirectory, now: number): Finding[] {
  const files = readdirSync(directory.databases).filter((name) => name.endsWith('.db'));
  const findings = files.sort().flatMap((file) => examineDatabase(join(directory.databases, file), now));
  return files.length === 0 ? [fact('there are no databases yet')] : findings;
}

function examineDatabase(file: string, now: number): Finding[] {
  const name = basename(file, '.db');
  if (!DATABASE_NAME.test(name)) return [problem(`${file} has a name that no device can ask for`)];
  const damage = damageOf(file);
  if (damage !== undefined) {
    return [problem(`database ${name} is damaged: ${damage}; restore a backup (cloudsync restore)`)];
  }
  const findings = [fact(`database ${name}: ${describe(file, now)}`)];
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (log > LOG_BYTES_MAX) {
    findings.push(
      problem(`database ${name}: its log has ${megabytes(log)}; a program reads it without an end`),
    );
  }
  return findings;
}

/** Sizes and counts of a whole database in one line. */
function describe(file: string, now: number): string {
  const database = new Database(file, { readonly: true });
  try {
    const has = (table: string) =>
      database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').pluck().get(table) !== undefined;
    const count = (sql: string, ...parameters: unknown[]) =>
      Number(
        database
          .prepare(sql)
          .pluck()
          .get(...parameters),
      );
    const parts = [megabytes(statSync(file).size)];
    if (has('cloudsync_tables')) {
      parts.push(`${count('SELECT count(*) FROM cloudsync_tables')} tables`);
      parts.push(`${count('SELECT count(*) FROM cloudsync_held')} held rows`);
    }
    if (has('cloudsync_server_sites')) {
      const before = now - SILENT_DAYS * DAY_MILLISECONDS;
      parts.push(`${count('SELECT count(*) FROM cloudsync_server_sites')} devices`);
      const silent = count('SELECT count(*) FROM cloudsync_server_sites WHERE last_seen < ?', before);
      if (silent > 0) parts.push(`${silent} of them silent for ${SILENT_DAYS} days`);
    }
    return parts.join(', ');
  } finally {
    database.close();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
