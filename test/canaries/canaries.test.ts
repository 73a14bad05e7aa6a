/**
 * canaries.test.ts: every band notices the flaws that are planted for it. A band that passes with a planted flaw proves
 * nothing with its green runs.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { BANDS, bandNamed } from '../support/bands.js';
import { LONG } from '../support/random.js';
import { buildFlawed, flawedRoot } from './build.js';
import { FLAWS, type Flaw } from './flaws.js';

/** Milliseconds for building everything once more. */
const BUILD_TIMEOUT = 300_000;
/** Milliseconds for one band at its short length. */
const BAND_TIMEOUT = 300_000;
/** Cases that a band plays to show that the flawed build without a flaw is sound. */
const SOUND_CASES = 20;

/** A seed with which every flaw is found: with a random one a rare flaw would be missed now and then. */
const SEED = '7';

/** Bands without a flaw: their build with sanitizers would have to be made once more, which takes minutes. */
const WITHOUT_FLAWS = ['sanitizer-address', 'sanitizer-thread'];

/** Bands that find a flaw within seconds; a normal run plays the first flaw of each of them. */
const QUICK = [
  ...['model', 'simulator', 'determinism', 'fuzz-apply', 'fuzz-session', 'fuzz-sql'],
  ...['constraints-references', 'constraints-unique', 'constraints-rows', 'constraints-combined'],
];

const isQuick = ({ band }: Flaw, index: number) =>
  QUICK.includes(band) && FLAWS.findIndex((each) => each.band === band) === index;
const played = LONG ? FLAWS : FLAWS.filter(isQuick);

beforeAll(buildFlawed, BUILD_TIMEOUT);

function play(band: string, environment: Record<string, string>): { status: number | null; output: string } {
  const vitest = join(flawedRoot, 'node_modules/vitest/vitest.mjs');
  const { CLOUDSYNC_COMPLETE_RUN: _complete, ...inherited } = process.env;
  const result = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', flawedRoot, '--bail=1', bandNamed(band).file],
    {
      cwd: flawedRoot,
      env: { ...inherited, ...environment },
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  return { status: result.status, output: result.stdout + result.stderr };
}

test('without a flaw the flawed build passes', { timeout: BAND_TIMEOUT }, () => {
  const { status, output } = play('constraints-unique', { CLOUDSYNC_COUNT: String(SOUND_CASES) });
  expect(output).toMatch(/\d+ passed, 0 failed/);
  expect(status).toBe(0);
});

test('every band has a flaw to find', () => {
  const bands = BANDS.map(({ name }) => name).filter((name) => !WITHOUT_FLAWS.includes(name));
  expect(bands.filter((name) => !FLAWS.some(({ band }) => band === name))).toEqual([]);
});

describe('a band finds what is planted for it', () => {
  test.each(played)('$band: $name', { timeout: BAND_TIMEOUT }, ({ name, band }) => {
    const { status, output } = play(band, {
      CLOUDSYNC_FLAW: name,
      CLOUDSYNC_SEED: SEED,
      CLOUDSYNC_STOP: '1',
    });
    // Failed in a case, not by a module that cannot be loaded.
    expect(output).toMatch(/\d+ passed, [1-9]\d* failed/);
    expect(output).toMatch(/CLOUDSYNC_SEED=\d+/);
    expect(status).toBe(1);
  });
});
