/**
 * io.test.ts: the band faults-io: every call of the disk fails, with every error that it can have, once and for ever,
 * and the process is killed at every call. README.md in this folder says what must hold then.
 */
import { afterAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildFaults } from './build.ts';
import { bothModes, delivered, type Kind, playPoints, timeLimit } from './points.ts';

const KINDS: Kind[] = [
  ...bothModes('read', 'write', ['full', 'write'], 'sync', 'truncate', 'size', 'open', 'delete'),
  ...bothModes('directory-sync', 'access', 'lock', ['lock-error', 'lock'], 'shm', 'shm-lock'),
  ...bothModes(['shm-lock-error', 'shm-lock'], ['any', 'kill']),
  { name: 'kill', mode: 'once', counted: 'kill' },
];

const run = new BandRun('faults-io');

afterAll(() => run.finish());

test('a disk that fails: an error, nothing half done, nothing lost', {
  timeout: timeLimit(run.planned),
}, async () => {
  const failures = await playPoints(run, delivered(buildFaults()), KINDS, ['wal', 'delete']);
  expect(failures).toEqual([]);
  expect(run.count).toBe(run.planned);
  expect(run.detail['faults'] ?? 0).toBeGreaterThan(run.count * 0.5);
  expect(run.detail['errors'] ?? 0).toBeGreaterThan(run.count * 0.25);
});
