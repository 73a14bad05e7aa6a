/**
 * interrupt.test.ts: the band faults-interrupt: the application interrupts at every step of SQLite's machine, by its
 * progress handler (the statement at hand ends) and by sqlite3_interrupt (all statements end). README.md in this folder
 * says what must hold then.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildFaults } from './build.ts';
import { delivered, type Kind, playPoints, timeLimit } from './points.ts';

const KINDS: Kind[] = ['interrupt', 'interrupt-hard'].map((name) => ({
  name,
  mode: 'once',
  counted: 'interrupt',
}));

const run = new BandRun('faults-interrupt');

afterAll(() => run.finish());

test('interrupted: an error, nothing half done, nothing lost', {
  timeout: timeLimit(run.planned),
}, async () => {
  const failures = await playPoints(run, delivered(buildFaults()), KINDS, ['wal']);
  expect(failures).toEqual([]);
  expect(run.count).toBe(run.planned);
  expect(run.detail['errors'] ?? 0).toBeGreaterThan(run.count * 0.8);
});
