/**
 * memory.test.ts: the band faults-memory: every allocation of SQLite and of the shim fails, and every growth of the
 * core's memory, once and for ever, in every scenario. README.md in this folder says what must hold then.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildFaults } from './build.ts';
import { bothModes, delivered, playPoints, timeLimit } from './points.ts';

const run = new BandRun('faults-memory');

afterAll(() => run.finish());

test('no memory: an error, nothing half done, nothing lost, nothing leaked', {
  timeout: timeLimit(run.planned),
}, async () => {
  const failures = await playPoints(run, delivered(buildFaults()), bothModes('memory', 'core'), ['wal']);
  expect(failures).toEqual([]);
  expect(run.count).toBe(run.planned);
  expect(run.detail['errors'] ?? 0).toBeGreaterThan(run.count * 0.8);
});
