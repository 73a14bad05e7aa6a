/**
 * server.test.ts: the band kill-server: the real server dies under several real clients, by kill -9 at calls on its
 * files, in the middle of requests and answers, and at random moments, or stops on SIGTERM; and is started again on the
 * same data. What it acknowledged is there, no batch counts twice, and everybody ends equal.
 *
 * The interleaving of the processes is not repeatable: CLOUDSYNC_SEED=<seed> plays the same deaths in the same order.
 */

import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomNumbers } from '../schemas/random-numbers.js';
import { BandRun } from '../support/band_run.js';
import { type RunningServer, startServer } from '../support/server.js';
import { Fleet } from './fleet.js';
import { NETWORK_PLACES, NetworkKill, type NetworkPoint } from './network_kill.js';
import { readCounts } from './points.js';
import { buildKillPrograms, type KillPrograms } from './programs.js';

const CLIENTS = 3;
const ROUNDS = 6;
/** After so many deaths everything is compared, and new clients begin with a new database. */
const DEATHS_OF_A_FLEET = 20;
/** Where in a life the named deaths are: no life has exactly as many calls as the one that was counted. */
const SHARES = [0.1, 0.6];

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'preload.mjs')).href;

/** How a life of the server ends. */
type Death = { call: string } | { network: NetworkPoint } | { milliseconds: number; signal: NodeJS.Signals };

let folder: string;
let data: string;
let programs: KillPrograms;
let run: BandRun;
/** Stands before every life of the server, so that the clients see one address. */
let network: NetworkKill;
let key = '';
let paths = 0;
const path = (name: string) => join(folder, `${++paths}-${name}`);
const serverFile = (fleet: Fleet) => join(data, 'databases', `${fleet.database}.db`);

beforeAll(async () => {
  run = new BandRun('kill-server');
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-kill-server-'));
  data = join(folder, 'server');
  programs = buildKillPrograms();
  network = new NetworkKill();
  await network.start();
}, 180_000);
afterAll(() => {
  network.stop();
  run.finish();
  rmSync(folder, { recursive: true });
});

async function start(environment: Record<string, string> = {}): Promise<RunningServer> {
  const server = await startServer({
    dataDirectory: data,
    ...(key === '' ? {} : { key }),
    arguments: ['--log-level', 'warn'],
    environment: { NODE_OPTIONS: `--import=${PRELOAD}`, POINTS_LIBRARY: programs.points, ...environment },
  });
  key = server.key;
  return server;
}

let fleets = 0;
const newFleet = () => new Fleet(programs, `fleet-${++fleets}`, CLIENTS, path);

interface Calls {
  /** Calls until the server listens, by kind and file. */
  atStart: Map<string, number>;
  /** Calls of a whole life in which a new database is made and used. */
  ofLife: Map<string, number>;
}

async function countCalls(work: (server: RunningServer) => Promise<void>): Promise<Map<string, number>> {
  const counts = path('counts');
  const server = await start({ POINTS_COUNT: counts });
  network.target = server.url;
  await work(server);
  expect(await server.stop()).toBe(0);
  return readCounts(counts);
}

async function rehearse(): Promise<Calls> {
  await settle(newFleet());
  const atStart = await countCalls(() => Promise.resolve());
  const ofLife = await countCalls(async () => {
    const { failedSyncs } = await newFleet().work(network.url, key, ROUNDS);
    expect(failedSyncs).toBe(0);
  });
  return { atStart, ofLife };
}

/** A look at what is left, at a copy: the next server must find the files as the death has left them. */
function requireKept(fleet: Fleet): void {
  const copy = path('copy.db');
  for (const suffix of ['', '-wal']) {
    if (existsSync(serverFile(fleet) + suffix)) copyFileSync(serverFile(fleet) + suffix, copy + suffix);
  }
  fleet.requireKept(copy);
  for (const suffix of ['', '-wal', '-shm']) rmSync(copy + suffix, { force: true });
}

function hasEnded({ process: child }: RunningServer): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The exit code after SIGTERM. A second signal would end the server at once. */
async function exitCode(server: RunningServer): Promise<number | null> {
  if (!server.process.killed) return server.stop();
  if (!hasEnded(server)) await once(server.process, 'exit');
  return server.process.exitCode;
}

/** Ends a life that the work has not ended. Returns whether it died where it should. */
async function end(server: RunningServer, death: Death): Promise<boolean> {
  if ('signal' in death && death.signal === 'SIGTERM') {
    const code = await exitCode(server);
    if (code !== 0) throw new Error(`exit code ${code} after SIGTERM: ${server.log()}`);
    return true;
  }
  // Its files are closed at the end, which is a time to die too.
  if ('call' in death && !hasEnded(server)) await server.stop();
  else await server.kill();
  return server.process.signalCode === 'SIGKILL';
}

/** Starts a server that is going to die. Undefined when it is dead before it listens. */
async function startMortal(death: Death): Promise<RunningServer | undefined> {
  if (!('call' in death)) return start();
  try {
    return await start({ POINTS_KILL: death.call });
  } catch (error) {
    if (!/ended with code null before it listened/.test((error as Error).message)) throw error;
    run.add('deaths before it listened');
    return undefined;
  }
}

/** One life of the server. Returns whether it died where it should. */
async function live(fleet: Fleet, death: Death): Promise<boolean> {
  const server = await startMortal(death);
  if (server !== undefined) {
    network.target = server.url;
    network.begin(server.process, 'network' in death ? death.network : undefined);
  }
  let timer: NodeJS.Timeout | undefined;
  if ('signal' in death) timer = setTimeout(() => server?.process.kill(death.signal), death.milliseconds);
  const { syncs, failedSyncs } = await fleet.work(network.url, key, ROUNDS);
  clearTimeout(timer);
  run.add('syncs acknowledged', syncs);
  run.add('syncs refused', failedSyncs);
  const isDead = server === undefined || (await end(server, death));
  requireKept(fleet);
  return isDead;
}

/** The number of a call after the start of the server, at a share of its life. */
function numberOf({ atStart, ofLife }: Calls, name: string, share: number): number {
  const start = atStart.get(name) ?? 0;
  return start + Math.ceil(((ofLife.get(name) ?? 0) - start) * share);
}

/** Kinds of calls that a life makes after its start. */
function kindsOf({ atStart, ofLife }: Calls): string[] {
  return [...ofLife.keys()].filter((name) => (ofLife.get(name) ?? 0) > (atStart.get(name) ?? 0));
}

/** Deaths at calls of every kind, early and late in a life, and at the places of the conversation. */
function namedDeaths(calls: Calls): Death[] {
  const deaths: Death[] = [];
  for (const name of kindsOf(calls)) {
    const place = name.startsWith('write-') ? 'half' : 'before';
    const numbers = new Set(SHARES.map((share) => numberOf(calls, name, share)));
    for (const number of numbers) deaths.push({ call: `${name}:${number}:${place}` });
  }
  for (const place of NETWORK_PLACES) deaths.push({ network: { request: 9, place } });
  return deaths;
}

function randomDeath(random: () => number, calls: Calls): Death {
  const kind = random();
  if (kind < 0.25) return { milliseconds: random() * 150, signal: 'SIGKILL' };
  if (kind < 0.4) return { milliseconds: random() * 100, signal: 'SIGTERM' };
  const place = NETWORK_PLACES[Math.floor(random() * NETWORK_PLACES.length)] ?? 'no answer';
  if (kind < 0.55) return { network: { request: 1 + Math.floor(random() * 30), place } };
  const names = kindsOf(calls);
  const name = names[Math.floor(random() * names.length)] as string;
  const where = ['before', 'half', 'after'][Math.floor(random() * 3)];
  return { call: `${name}:${numberOf(calls, name, random())}:${where}` };
}

async function settle(...fleets: Fleet[]): Promise<void> {
  const server = await start();
  // The devices of the comparison keep this thread busy, in which the proxy is: they go to the server itself.
  for (const fleet of fleets) fleet.settle(server, serverFile(fleet));
  expect(await server.stop()).toBe(0);
}

test('a server that dies again and again', { timeout: 24 * 3_600_000 }, async () => {
  const calls = await rehearse();
  const random = randomNumbers(run.seed);
  const named = namedDeaths(calls);
  const [missed, failures]: [string[], string[]] = [[], []];
  const unsettled: Fleet[] = [];
  for (let life = 0; life < run.planned; life++) {
    const isNamed = life < named.length;
    const death = named[life] ?? randomDeath(random, calls);
    // A named death is on a new database, as the calls were counted; the others follow each other on the same one.
    const fleet = isNamed || unsettled.length === 0 ? newFleet() : (unsettled.pop() as Fleet);
    unsettled.push(fleet);
    try {
      const isDead = await live(fleet, death);
      if (!isDead && isNamed) missed.push(JSON.stringify(death));
      run.add(isDead ? `deaths by ${Object.keys(death)[0]}` : 'killed when the work was done');
    } catch (error) {
      run.failures += 1;
      failures.push(`life ${life}, ${JSON.stringify(death)}: ${(error as Error).message}`);
    }
    run.count += 1;
    const isLast = life === run.planned - 1 || life === named.length - 1;
    if (isLast || (!isNamed && life % DEATHS_OF_A_FLEET === 0)) await settle(...unsettled.splice(0));
  }
  expect(failures.join('\n'), `CLOUDSYNC_SEED=${run.seed}`).toBe('');
  expect(missed, 'deaths that did not come').toEqual([]);
});
