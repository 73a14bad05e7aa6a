/**
 * The main property: whatever several replicas write and however their packets travel, every replica holds
 * exactly what the reference model says after every step, and all are equal once everything is exchanged.
 *
 * Proves, by the numbers of the invariants: 1 and 2 (data and metadata agree with the model after every
 * packet), 4 (a packet that says nothing new moves no arrival number), 5 (a reader of deltas knows
 * everything), 7 (a committed write is in the next delta, no more and no less, also one made without the
 * extension), 9 (all equal at the end), 10 (what arrived is applied or outvoted as the model says, and
 * nothing is held).
 */
import fc from 'fast-check';
import { afterAll, describe, test } from 'vitest';
import { ALGORITHMS } from '../packet/packet.js';
import { BandRun } from '../support/band_run.js';
import { type History, histories, runHistory } from './history.js';
import { SHAPES } from './shapes.js';

const TIMEOUT_MILLISECONDS = 3_600_000;

/** Most steps of a history, and the share of the band's histories that are as long. Short ones shrink well. */
const LENGTHS = [
  { steps: 8, share: 0.6 },
  { steps: 60, share: 0.4 },
];

const run = new BandRun('model');
afterAll(() => run.finish());

/**
 * Plays a history, then lets Node free the copies of databases that it made: buffers are only freed between
 * turns.
 */
async function play(history: History): Promise<void> {
  run.count += 1;
  run.add('steps', history.steps.length);
  runHistory(history);
  await new Promise(setImmediate);
}

describe('invariants 1, 2, 4, 5, 7, 9, 10: replicas follow the model', () => {
  const cases = ALGORITHMS.flatMap((algorithm) => LENGTHS.map((length) => ({ algorithm, ...length })));
  test.each(cases)(
    '$algorithm: histories of up to $steps steps',
    { timeout: TIMEOUT_MILLISECONDS },
    async ({ algorithm, steps, share }) => {
      const numRuns = Math.ceil((run.planned * share) / ALGORITHMS.length);
      const property = fc.asyncProperty(histories(SHAPES, algorithm, steps), play);
      const details = await fc.check(property, { seed: run.seed, numRuns });
      if (details.failed) run.failures += 1;
      if (details.failed) throw new Error(await fc.defaultReportMessage(details));
    },
  );
});
