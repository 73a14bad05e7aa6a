/**
 * connections.mjs: what connections cost: memory of an idle one, and the time to load the extension. Memory is
 * measured in child processes (this file is also their program), one for each system, so that none sees another's heap.
 *
 *     node --expose-gc connections.mjs '{"system": "...", "path": "...", "count": 200, "use": "encode"}'
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chooseSystems, openDatabase } from './systems.mjs';
import { TABLE } from './workload.mjs';

const CONNECTIONS = 100;
const LOADS = 100;

const self = fileURLToPath(import.meta.url);

/** Bytes that one more open connection takes: the growth of the resident memory by `count` of them. */
function measureHere(system, path, count, use) {
  const open = () => {
    const db = openDatabase(system, path);
    // SQLite's own page cache is not what is measured here.
    db.pragma('cache_size = -64');
    db.prepare(`SELECT count(*) FROM ${TABLE} WHERE id=''`).get();
    if (system.adapter !== null && use === 'encode') system.adapter.encode(db);
    return db;
  };
  const connections = [open(), open()];
  globalThis.gc();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count; i++) connections.push(open());
  globalThis.gc();
  const after = process.memoryUsage().rss;
  for (const db of connections) db.close();
  return (after - before) / count;
}

function bytesPerConnection(system, path, use) {
  const request = JSON.stringify({ system: system.name, path, count: CONNECTIONS, use });
  const child = spawnSync(process.execPath, ['--expose-gc', self, request], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`measuring connections of ${system.name} failed`);
  return Number(child.stdout);
}

/**
 * Bytes of memory that a connection takes beyond one of plain SQLite.
 * @param plain plain SQLite as a system
 * @param system the system measured
 * @param path a database file that the system made
 * @param use 'nothing', or 'encode': every connection has encoded the whole database before it idles
 */
export function connectionMemory(plain, system, path, use) {
  return bytesPerConnection(system, path, use) - bytesPerConnection(plain, path, use);
}

/** Seconds to load the extension into one more connection: the fastest of many. */
export function loadTime(plain, system) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < LOADS; i++) {
    const db = openDatabase(plain, ':memory:');
    const start = process.hrtime.bigint();
    system.adapter.load(db, system.file);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e9);
    db.close();
  }
  return best;
}

if (process.argv[1] === self) {
  const request = JSON.parse(process.argv[2]);
  const systems = await chooseSystems(process.env);
  const system = systems.find(({ name }) => name === request.system);
  process.stdout.write(String(measureHere(system, request.path, request.count, request.use)));
}
