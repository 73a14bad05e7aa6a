/**
 * seed.ts: where random tests begin. CLOUDSYNC_SEED=<n> says where; without it a complete test run begins with the
 * same seed every time, so that a commit passes or fails for itself, and every other run with a new one, so that
 * somebody looks further. Whoever asks prints the seed.
 */

/** The seed of a complete test run (scripts/ensure.mjs). */
const COMPLETE_SEED = 20_261_123;

/**
 * The seed to begin with.
 * @throws Error CLOUDSYNC_SEED is no whole number
 */
export function firstSeed(): number {
  const isComplete = process.env['CLOUDSYNC_COMPLETE_RUN'] === '1';
  return wholeNumber('CLOUDSYNC_SEED') ?? (isComplete ? COMPLETE_SEED : Date.now() % 2 ** 31);
}

/**
 * A whole number from the environment.
 * @returns undefined when the variable is not set
 * @throws Error it is set to something else
 */
export function wholeNumber(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new Error(`${variable} must be a whole number, not ${text}`);
  }
  return value;
}
