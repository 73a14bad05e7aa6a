/**
 * database.test.ts: the band fuzz-database: our own tables in a database file are damaged in every single way (and
 * behind those in random groups of ways), then everything that the extension offers is called. Errors are fine; a
 * crash, a trap, a hang, growing memory, a transaction left open or damage to the file are not.
 */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../../support/band_run.js';
import { playInChildren } from '../child/play.js';
import { buildStandIn } from '../curl/answers.js';

const BAND = 'fuzz-database';
const run = new BandRun(BAND);

afterAll(() => run.finish());

test('no damage to our own tables crashes, traps or hangs', {
  timeout: 120_000 + run.planned * 1000,
}, async () => {
  const file = join(import.meta.dirname, 'play.ts');
  await playInChildren(run, { file, band: BAND, environment: buildStandIn() });
  expect(run.count).toBe(run.planned);
  const { damaged = 0, 'damages refused by SQLite': refused = 0 } = run.detail;
  expect(refused).toBeLessThan(Math.max(10, damaged / 4));
});
