/**
 * oracle.test.ts: the band `oracle`: random policies, tables, users and histories under faults; what every device shows
 * is what SQLite says that the policies show its user.
 */
import { afterAll, expect, test } from 'vitest';
import { notePlaying, reportFailure } from '../sim/report.js';
import { BandRun } from '../support/band_run.js';
import { drawHistory } from './history.js';
import { drawPlan } from './plan.js';
import { playSteps } from './play.js';
import type { OracleStep } from './steps.js';

const FILE = 'test/oracle/oracle.test.ts';
const MILLISECONDS_PER_CASE = 2000;
/** Failing histories that are shrunk; of the others only the seed is printed. */
const REPORTED_MAX = 2;
/** A planted flaw has been found with the first failure. */
const IS_CANARY = process.env['CLOUDSYNC_FLAW'] !== undefined;

const run = new BandRun('oracle');
afterAll(() => run.finish());

test(
  'every device shows what the policies show its user, and no edit vanishes silently',
  async () => {
    const failed: string[] = [];
    while (run.count < run.planned) {
      const seed = run.seed + run.count;
      notePlaying(seed);
      const plan = drawPlan(seed);
      const steps = drawHistory(plan);
      const outcome = await playSteps(plan, steps);
      run.count += 1;
      for (const [name, value] of Object.entries(outcome.counts)) run.add(name, value);
      if (outcome.broken === undefined) continue;
      run.failures += 1;
      failed.push(`${seed} (${outcome.broken.promise})`);
      if (IS_CANARY) break;
      const play = (some: readonly OracleStep[], hasTrace: boolean) => playSteps(plan, some, hasTrace);
      if (run.failures <= REPORTED_MAX)
        console.log(await reportFailure({ plan, steps, play, file: FILE }, outcome));
      else console.log(`seed ${seed}: ${outcome.broken.message}`);
    }
    expect(failed).toEqual([]);
    if (run.planned >= 100) expect(run.detail['rows compared']).toBeGreaterThan(run.planned * 20);
  },
  120_000 + run.planned * MILLISECONDS_PER_CASE,
);
