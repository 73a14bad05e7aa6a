/**
 * power.test.ts: the band power-loss: the power goes at every call of the disk, and what was not synced is kept, lost,
 * torn or garbage. With a durable journal nothing is lost that was committed; with WAL and synchronous=NORMAL whole
 * transactions may be, the newest ones, with everything that they brought.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildFaults } from './build.ts';
import { delivered, type Kind, playPoints, timeLimit } from './points.ts';

const KINDS: Kind[] = [
  { name: 'power', mode: 'once', counted: 'kill' },
  { name: 'power-sync', mode: 'once', counted: 'power-sync' },
];

const run = new BandRun('power-loss');

afterAll(() => run.finish());

test('without power: nothing torn, nothing lost that was durable', {
  timeout: timeLimit(run.planned),
}, async () => {
  const harness = delivered(buildFaults());
  const failures = await playPoints(
    run,
    harness,
    KINDS,
    ['wal', 'normal', 'delete'],
    1 + (run.seed % 100_000),
  );
  expect(failures).toEqual([]);
  expect(run.count).toBe(run.planned);
  expect(run.detail['errors'] ?? 0).toBeGreaterThan(run.count * 0.8);
  // Otherwise nothing was lost because nothing could be.
  if (run.count >= 500) expect(run.detail['transactions lost'] ?? 0).toBeGreaterThan(0);
});
