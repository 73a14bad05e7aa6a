/**
 * apply.test.ts: the band fuzz-apply: valid packets are changed in structure, in items and in bytes, and applied to
 * databases of several kinds. What is refused changes nothing; what is accepted is what the independent decoder accepts
 * too, leaves the database sound, and changes nothing when it comes again.
 */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../../support/band_run.js';
import { playInChildren } from '../child/play.js';
import { buildStandIn } from '../curl/answers.js';

const BAND = 'fuzz-apply';
const run = new BandRun(BAND);

afterAll(() => run.finish());

test('no packet does harm', { timeout: 120_000 + run.planned * 200 }, async () => {
  const file = join(import.meta.dirname, 'play.ts');
  await playInChildren(run, { file, band: BAND, environment: buildStandIn() });
  expect(run.count).toBe(run.planned);
  const { accepted = 0 } = run.detail;
  expect(accepted).toBeGreaterThan(run.planned / 10);
  expect(accepted).toBeLessThan(run.planned * 0.9);
});
