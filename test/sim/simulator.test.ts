/**
 * simulator.test.ts: the band `simulator`: random histories of devices and a server under every kind of fault. See
 * README.md in this folder.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.js';
import { drawHistory } from './history.js';
import { drawPlan } from './plan.js';
import { playSeed, playSteps } from './play.js';
import { notePlaying, reportFailure } from './report.js';
import type { Step } from './steps.js';

const FILE = 'test/sim/simulator.test.ts';
const MILLISECONDS_PER_CASE = 2000;
/** Failing histories that are shrunk; of the others only the seed is printed. */
const REPORTED_MAX = 2;
/** Half of the histories must commit at least so many transactions: faults that stop everything prove nothing. */
const MEDIAN_TRANSACTIONS = 8;

/** A planted flaw has been found with the first failure. */
const IS_CANARY = process.env['CLOUDSYNC_FLAW'] !== undefined;

const run = new BandRun('simulator');
afterAll(() => run.finish());

test(
  'devices agree, and nothing is lost, whatever happened before',
  async () => {
    const transactions: number[] = [];
    const failed: string[] = [];
    while (run.count < run.planned) {
      const seed = run.seed + run.count;
      notePlaying(seed);
      const outcome = await playSeed(seed);
      run.count += 1;
      transactions.push(outcome.transactions);
      run.add('transactions', outcome.transactions);
      for (const [name, value] of Object.entries(outcome.counts)) run.add(name, value);
      if (outcome.broken === undefined) continue;
      run.failures += 1;
      failed.push(`${seed} (${outcome.broken.promise})`);
      if (IS_CANARY) break;
      if (run.failures <= REPORTED_MAX) console.log(await reportFailure(historyOf(seed), outcome));
      else console.log(`seed ${seed}: ${outcome.broken.message}`);
    }
    expect(failed).toEqual([]);
    const median = transactions.sort((a, b) => a - b)[transactions.length >> 1] ?? 0;
    if (run.planned >= 100) expect(median).toBeGreaterThanOrEqual(MEDIAN_TRANSACTIONS);
  },
  120_000 + run.planned * MILLISECONDS_PER_CASE,
);

function historyOf(seed: number) {
  const plan = drawPlan(seed);
  const { steps } = drawHistory(plan);
  const play = (some: readonly Step[], hasTrace: boolean) => playSteps(plan, some, hasTrace);
  return { plan, steps, play, file: FILE };
}
