/**
 * determinism.test.ts: the band `determinism`: a seed played twice has the same trace to the last byte. What is not
 * repeatable cannot be shrunk, and a difference is a source of randomness or time that the simulation does not hold.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.js';
import { playSeed } from './play.js';

const MILLISECONDS_PER_CASE = 4000;

const run = new BandRun('determinism');
afterAll(() => run.finish());

test(
  'a seed played twice is the same history',
  async () => {
    const different: number[] = [];
    while (run.count < run.planned) {
      const seed = run.seed + run.count;
      const [first, second] = [await playSeed(seed), await playSeed(seed)];
      run.count += 1;
      if (first.digest === second.digest && first.broken?.message === second.broken?.message) continue;
      run.failures += 1;
      different.push(seed);
      console.log(await firstDifference(seed));
    }
    expect(different).toEqual([]);
  },
  120_000 + run.planned * MILLISECONDS_PER_CASE,
);

async function firstDifference(seed: number): Promise<string> {
  const [first, second] = [await playSeed(seed, true), await playSeed(seed, true)];
  const at = first.trace.findIndex((line, index) => line !== second.trace[index]);
  return `seed ${seed}, line ${at}:\n${first.trace[at]}\n${second.trace[at]}`;
}
