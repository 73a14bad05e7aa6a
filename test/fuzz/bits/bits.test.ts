/**
 * bits.test.ts: the band fuzz-bits: bits of a database file are flipped, then everything that the extension offers is
 * called. Whatever SQLite says about such a file, the process survives, the core does not trap and nothing hangs.
 */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../../support/band_run.js';
import { playInChildren } from '../child/play.js';
import { buildStandIn } from '../curl/answers.js';

const BAND = 'fuzz-bits';
const run = new BandRun(BAND);

afterAll(() => run.finish());

test('no flipped bits crash, trap or hang', { timeout: 120_000 + run.planned * 1000 }, async () => {
  const file = join(import.meta.dirname, 'play.ts');
  await playInChildren(run, { file, band: BAND, environment: buildStandIn() });
  expect(run.count).toBe(run.planned);
});
