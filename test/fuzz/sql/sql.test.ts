/**
 * sql.test.ts: the band fuzz-sql: random programs of forty statements around the extension. Nothing crashes or traps,
 * the database stays sound and the connection closes.
 */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../../support/band_run.js';
import { playInChildren } from '../child/play.js';
import { buildStandIn } from '../curl/answers.js';

const BAND = 'fuzz-sql';
const run = new BandRun(BAND);

afterAll(() => run.finish());

test('no SQL does harm', { timeout: 120_000 + run.planned * 500 }, async () => {
  const file = join(import.meta.dirname, 'play.ts');
  await playInChildren(run, { file, band: BAND, environment: buildStandIn() });
  expect(run.count).toBe(run.planned);
  const { 'statements that worked': worked = 0, 'statements refused': refused = 0 } = run.detail;
  expect(worked).toBeGreaterThan(run.planned * 8);
  expect(refused).toBeGreaterThan(run.planned);
});
