/**
 * memory.test.ts: the band soak-memory: a server and eight clients, each a process that lives through the whole run,
 * sync through a proxy that breaks connections. What a device writes stays within the same rows, so nothing may grow:
 * not the memory of any process, not its open files, not the databases.
 */
import { statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { type Fault, startProxy } from '../end-to-end/proxy.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { moveToAddress } from '../kill/address.js';
import { requireEqualFiles } from '../kill/check.js';
import { buildKillPrograms, type KillPrograms } from '../kill/programs.js';
import { runVictim } from '../kill/victim.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { BandRun } from '../support/band_run.js';
import { canLook, growth, type Holdings, holdingsOf } from './processes.js';

const CLIENTS = 8;
const ROWS = 40;
const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, n INTEGER, text TEXT)';
const DATABASE = 'soak';
const FAULT_SHARE = 0.05;
const FAULTS: readonly Fault[] = ['lose answer', 'cut answer', 'cut request'];
const SAMPLE_MS = 100;
const ROUNDS_MAX = 12;
/** A failed sync of a broken connection; anything else is a failure of the test. */
const EXPECTED = /cannot be reached/;

/** What may be added between the second and the last quarter. Node's heap breathes; a client has none. */
const SERVER_KIB_MAX = 32 * 1024;
const CLIENT_KIB_MAX = 64;
const HANDLES_MAX = 12;
/** The server notes 8 random bytes for each commit, with its number, in a B-tree. */
const SERVER_BYTES_PER_SYNC = 64;
const FILE_BYTES_MAX = 256 * 1024;

const workspace = useWorkspace('--workers', '1');
let run: BandRun;
let programs: KillPrograms;
beforeAll(() => {
  run = new BandRun('soak-memory');
  programs = buildKillPrograms();
}, 180_000);
afterAll(() => run.finish());

/** One process that is watched. */
class Watched {
  readonly memory: number[] = [];
  readonly handles: number[] = [];

  constructor(
    readonly name: string,
    readonly pid: number,
    readonly file: string,
  ) {}

  look(): void {
    const held: Holdings | undefined = holdingsOf(this.pid);
    if (held === undefined) return;
    this.memory.push(held.kibibytes);
    this.handles.push(held.handles);
  }
}

function makeClients(url: string): string[] {
  return Array.from({ length: CLIENTS }, (_, i) => {
    const device = new Device(workspace.path(`client-${i}`)).run(NOTES).connect(workspace.server, DATABASE);
    device.value("SELECT cloudsync_init('notes')");
    if (i === 0) {
      for (let row = 0; row < ROWS; row++) device.run(`INSERT INTO notes VALUES('row-${row}', 0, '')`);
    }
    device.sync();
    moveToAddress(device.database, url, DATABASE);
    device.close();
    return device.file;
  });
}

/** The steps of one client: an edit of some rows and a sync, again and again. */
function stepsOf(tag: string, syncs: number, random: () => number): string[] {
  const settings = `PRAGMA synchronous = OFF; SELECT cloudsync_network_set_apikey('${workspace.server.key}')`;
  const steps = [settings];
  for (let sync = 0; sync < syncs; sync++) {
    const from = Math.floor(random() * ROWS);
    const text = `${tag}-${sync}`.padEnd(12);
    steps.push(
      `UPDATE notes SET n = ${sync}, text = '${text}' WHERE id BETWEEN 'row-${from}' AND 'row-${from}z'`,
      'SELECT cloudsync_network_sync(0, 0)',
    );
  }
  return steps;
}

async function runClients(files: readonly string[], watched: Watched[], random: () => number): Promise<void> {
  const syncs = Math.ceil(run.planned / CLIENTS);
  await Promise.all(
    files.map((file, i) =>
      runVictim({
        programs,
        file,
        steps: stepsOf(`c${i}`, syncs, random),
        keepsSteps: false,
        onStart: (child) => watched.push(new Watched(`client ${i}`, child.pid ?? 0, file)),
        onStep: ({ number, ok, text }) => {
          if (!ok && !EXPECTED.test(text)) throw new Error(`client ${i}, step ${number}: ${text}`);
          if (number === 0 || number % 2 === 1) return;
          run.add(ok ? 'syncs done' : 'syncs broken');
          run.count += 1;
        },
      }),
    ),
  );
}

/** Syncs without faults until everybody has everything. */
function settle(files: readonly string[]): void {
  const devices = files.map((file) => new Device(file));
  for (const { database } of devices) moveToAddress(database, workspace.server.url, DATABASE);
  for (const device of devices) device.value('SELECT cloudsync_network_set_apikey(?)', workspace.server.key);
  let moved = true;
  for (let round = 0; moved; round++) {
    if (round === ROUNDS_MAX) throw new Error('the clients do not come to rest');
    moved = devices
      .map((device) => device.sync())
      .some(({ sent, received }) => sent.batches > 0 || received.rows > 0);
  }
  for (const device of devices) device.close();
  for (const file of files) requireEqualFiles(file, workspace.serverFile(DATABASE));
}

const sizeOf = (file: string) => statSync(file).size;

/** Everything that has grown more than it may. */
function findGrowth(watched: readonly Watched[], sizes: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  for (const { name, memory, handles, file } of watched) {
    const isServer = name === 'server';
    const kibibytes = growth(memory);
    const bytes = sizeOf(file) - (sizes.get(file) ?? 0);
    const bytesMax = FILE_BYTES_MAX + (isServer ? SERVER_BYTES_PER_SYNC * run.count : 0);
    if (kibibytes > (isServer ? SERVER_KIB_MAX : CLIENT_KIB_MAX))
      found.push(`${name} grew by ${kibibytes} KiB`);
    if (growth(handles) > HANDLES_MAX) found.push(`${name} has ${growth(handles)} more open files`);
    if (bytes > bytesMax) found.push(`the file of ${name} grew by ${bytes} bytes`);
    const label = isServer ? 'server' : 'clients';
    run.detail[`KiB ${label} grew at most`] = Math.max(
      run.detail[`KiB ${label} grew at most`] ?? 0,
      kibibytes,
    );
    run.detail[`bytes files of ${label} grew`] = Math.max(
      run.detail[`bytes files of ${label} grew`] ?? 0,
      bytes,
    );
  }
  return found;
}

test.skipIf(!canLook)('nothing grows (skipped without /proc)', { timeout: 24 * 3_600_000 }, async () => {
  const random = randomNumbers(run.seed);
  const proxy = await startProxy(workspace.server.url, () => {
    // What it has seen would be kept for ever.
    proxy.seen.length = 0;
    return random() < FAULT_SHARE ? (FAULTS[Math.floor(random() * FAULTS.length)] as Fault) : 'none';
  });
  const files = makeClients(proxy.url);
  const server = new Watched('server', workspace.server.process.pid ?? 0, workspace.serverFile(DATABASE));
  const watched = [server];
  const sizes = new Map([...files, server.file].map((file) => [file, sizeOf(file)]));
  const sampling = setInterval(() => {
    for (const each of watched) each.look();
  }, SAMPLE_MS);
  try {
    await runClients(files, watched, random);
  } finally {
    clearInterval(sampling);
  }
  expect(Math.min(...watched.map(({ memory }) => memory.length)), 'looks at each process').toBeGreaterThan(
    20,
  );
  settle(files);
  const grown = findGrowth(watched, sizes);
  run.failures += grown.length;
  expect(grown).toEqual([]);
  expect(run.detail['syncs broken'], 'the proxy has broken something').toBeGreaterThan(0);
});
