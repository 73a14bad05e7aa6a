/**
 * client.test.ts: the band kill-client: kill -9 of a client process that writes, folds, merges, alters and syncs: once
 * at every named point of every scenario, then at random moments of random work. What follows each kill: stage.ts.
 *
 *     CLOUDSYNC_POINT='<scenario>: <point>' npx vitest run test/kill/client.test.ts     plays the points that begin so
 *     CLOUDSYNC_SEED=<seed> CLOUDSYNC_COUNT=1 npx vitest run test/kill/client.test.ts   plays one random case
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useWorkspace } from '../end-to-end/workspace.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { BandRun } from '../support/band_run.js';
import { bandNamed } from '../support/bands.js';
import { NETWORK_PLACES, NetworkKill } from './network_kill.js';
import { buildKillPrograms } from './programs.js';
import { randomWork } from './random_steps.js';
import { scenarios } from './scenarios.js';
import { type Moment, type Rehearsal, Stage } from './stage.js';

const BAND = 'kill-client';
const FILE = bandNamed(BAND).file;
/** Random kills of a short run; the rest of its length are the named points. */
const RANDOM_KILLS = 500;
const FAILURES_SHOWN = 20;
/** Time for preparing all scenarios on a busy machine. */
const PREPARE_MS = 180_000;
/** A run with fewer kills plays no named points. */
const SAMPLE_MIN = 100;

const workspace = useWorkspace();
const only = process.env['CLOUDSYNC_POINT'];
let network: NetworkKill;
let run: BandRun;
const failures: string[] = [];
const rehearsed: { stage: Stage; rehearsal: Rehearsal }[] = [];

beforeAll(async () => {
  run = new BandRun(BAND);
  network = new NetworkKill(workspace.server.url);
  await network.start();
  const programs = buildKillPrograms();
  for (const scenario of scenarios()) {
    const stage = new Stage(scenario, workspace, network, programs);
    rehearsed.push({ stage, rehearsal: await stage.rehearse() });
  }
}, PREPARE_MS);
afterAll(() => {
  network.stop();
  run.finish();
});

/** Plays one kill and counts it. Returns false when the victim ended before. */
async function play(what: string, replay: string, kill: () => Promise<boolean>): Promise<boolean> {
  try {
    if (!(await kill())) return false;
  } catch (error) {
    run.failures += 1;
    failures.push(`${what}: ${(error as Error).message}\n  again: ${replay} npx vitest run ${FILE}`);
  }
  run.count += 1;
  return true;
}

/** Every named point of a scenario, by name. */
function namedPoints({ points, requests }: Rehearsal): [string, Moment][] {
  const found: [string, Moment][] = points.map((point) => [point, { call: point }]);
  for (let request = 1; request <= requests; request++) {
    for (const place of NETWORK_PLACES) {
      found.push([`request ${request}, ${place}`, { network: { request, place } }]);
    }
  }
  return found;
}

const planned = () =>
  rehearsed.flatMap(({ stage, rehearsal }) =>
    namedPoints(rehearsal).map(([name, moment]) => {
      return { name: `${stage.scenario.name}: ${name}`, stage, rehearsal, moment };
    }),
  );

/**
 * The named points that this run plays: all of them, or as many as half of its kills, evenly spread from a place that
 * the seed says. A run of a few kills plays random moments alone, so that a seed can be repeated by itself.
 */
function chosenPoints(points: ReturnType<typeof planned>): typeof points {
  if (only !== undefined || run.planned >= points.length) return points;
  if (run.planned < SAMPLE_MIN) return [];
  const stride = Math.ceil((2 * points.length) / run.planned);
  return points.filter((_, index) => index % stride === run.seed % stride);
}

test('named points of every scenario', { timeout: 3 * 3_600_000 }, async () => {
  const all = planned();
  run.add('named points there are', all.length);
  const points = chosenPoints(all);
  const missed: string[] = [];
  for (const { name, stage, rehearsal, moment } of points) {
    if (only !== undefined && !name.startsWith(only)) continue;
    if (await play(name, `CLOUDSYNC_POINT='${name}'`, () => stage.kill(rehearsal, moment)))
      run.add('named points');
    else missed.push(name);
  }
  expect(missed, 'points at which nobody died').toEqual([]);
  expect(failures.slice(0, FAILURES_SHOWN).join('\n')).toBe('');
});

/** A moment of a run with so many calls on files. */
function randomMoment(random: () => number, calls: number): Moment {
  if (random() < 0.15) return { milliseconds: random() * 25 };
  const place = ['before', 'half', 'after'][Math.floor(random() * 3)];
  return { call: `any-any:${1 + Math.floor(random() * calls)}:${place}` };
}

/** One random case: random work without a server, or a random moment of a scenario that syncs. */
function randomCase(seed: number): () => Promise<boolean> {
  const random = randomNumbers(seed);
  const syncing = rehearsed.filter(({ stage }) => stage.scenario.syncs);
  if (random() < 0.3) {
    const { stage, rehearsal } = syncing[Math.floor(random() * syncing.length)] as (typeof rehearsed)[0];
    const moment = randomMoment(random, rehearsal.calls);
    return () => stage.kill(rehearsal, moment);
  }
  const local = rehearsed.filter(({ stage }) => stage.scenario.name.startsWith('merges'));
  const { stage } = local[Math.floor(random() * local.length)] as (typeof rehearsed)[0];
  const work = randomWork(stage.prepared, random);
  const moment = randomMoment(random, work.steps.length * 10);
  return () => stage.kill(work, moment);
}

test('random moments', { timeout: 24 * 3_600_000 }, async (context) => {
  if (only !== undefined) return;
  let early = 0;
  for (let seed = run.seed; run.count < run.planned; seed++) {
    const replay = `CLOUDSYNC_SEED=${seed} CLOUDSYNC_COUNT=1`;
    if (await play(`seed ${seed}`, replay, randomCase(seed))) run.add('random moments');
    else early += 1;
    // A victim that always ends before it is killed would keep us here for ever.
    if (early > run.planned + RANDOM_KILLS) context.expect.fail('victims end before they are killed');
  }
  run.add('victims that ended first', early);
  expect(failures.slice(0, FAILURES_SHOWN).join('\n')).toBe('');
});
