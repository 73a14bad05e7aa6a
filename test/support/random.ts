/**
 * Seeds for random tests. Every property prints its seed when it starts, so that a failure in CI can be run
 * again: CLOUDSYNC_SEED=<seed> npx vitest run <file>. CLOUDSYNC_LONG=1 makes every property run twenty times
 * as often.
 */
import { firstSeed } from './seed.js';

/** Set for the long runs, which look further than the runs of every commit. */
export const LONG = process.env.CLOUDSYNC_LONG === '1';

const LONG_FACTOR = 20;

/** Options for fast-check: the seed of this run and how often the property is tried. */
export interface PropertyOptions {
  seed: number;
  numRuns: number;
}

/**
 * The seed for a property (seed.ts). Prints it.
 * @param name what the seed is for, as the test names it
 * @param runs how many cases a normal run tries
 */
export function propertyOptions(name: string, runs: number): PropertyOptions {
  const seed = firstSeed();
  console.log(`${name}: CLOUDSYNC_SEED=${seed}`);
  return { seed, numRuns: LONG ? runs * LONG_FACTOR : runs };
}
