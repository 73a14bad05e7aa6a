/**
 * systems.mjs: what is measured: plain SQLite, SQLite with our extension, and on request a peer beside them. A system
 * is a name and an adapter; plain SQLite has none. README.md describes adapters.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { extensionFile } from '../scripts/build.mjs';
import * as cloudsync from './adapters/cloudsync.mjs';
import { UsageError } from './options.mjs';
import { CREATE_TABLE, TABLE } from './workload.mjs';

const REQUIRED = {
  name: 'string',
  load: 'function',
  init: 'function',
  encode: 'function',
  apply: 'function',
};

async function readAdapter(path) {
  const adapter = await import(pathToFileURL(resolve(path)).href);
  for (const [key, type] of Object.entries(REQUIRED)) {
    if (typeof adapter[key] !== type) {
      throw new UsageError(`the adapter ${path} does not export ${key} (a ${type}); see bench/README.md`);
    }
  }
  return adapter;
}

/** The systems of a run, plain SQLite first, ours second, then the peer of the environment, if any. */
export async function chooseSystems(environment) {
  const systems = [
    { name: 'plain', adapter: null, file: null },
    { name: cloudsync.name, adapter: cloudsync, file: extensionFile },
  ];
  const { CLOUDSYNC_BENCH_PEER: peer, CLOUDSYNC_BENCH_ADAPTER: adapterPath } = environment;
  if (Boolean(peer) !== Boolean(adapterPath)) {
    throw new UsageError('a peer needs both CLOUDSYNC_BENCH_PEER and CLOUDSYNC_BENCH_ADAPTER');
  }
  if (peer) {
    const adapter = await readAdapter(adapterPath);
    if (systems.some(({ name }) => name === adapter.name)) {
      throw new UsageError(`the adapter needs a name of its own, not "${adapter.name}"`);
    }
    systems.push({ name: adapter.name, adapter, file: resolve(peer) });
  }
  for (const { name, file } of systems) {
    if (file !== null && !existsSync(file))
      throw new UsageError(`the extension of ${name} is missing: ${file}`);
  }
  return systems;
}

/** Opens a database file as every system does: WAL, synchronous=NORMAL, the extension loaded. */
export function openDatabase(system, path) {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  system.adapter?.load(db, system.file);
  return db;
}

/** A new database with the tracked table, empty. */
export function createDatabase(system, path) {
  const db = openDatabase(system, path);
  db.exec(CREATE_TABLE);
  system.adapter?.init(db, TABLE);
  return db;
}
