/**
 * session.test.ts: the band fuzz-session: a device with the real extension syncs with a server that may say anything,
 * in one process (test/fuzz/curl stands in for libcurl). Sessions end, nothing traps, no local change is lost, the
 * cursor covers only what was merged, pauses are those that were asked for; and a sound server brings everything
 * right.
 */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../../support/band_run.js';
import { playInChildren } from '../child/play.js';
import { buildStandIn } from '../curl/answers.js';

const BAND = 'fuzz-session';
const run = new BandRun(BAND);

afterAll(() => run.finish());

test('no answers of a server do harm', { timeout: 120_000 + run.planned * 500 }, async () => {
  const file = join(import.meta.dirname, 'play.ts');
  await playInChildren(run, { file, band: BAND, environment: buildStandIn() });
  expect(run.count).toBe(run.planned);
  expect(run.detail['ended well'] ?? 0).toBeGreaterThan(run.planned / 20);
});
