/**
 * regressions.test.ts: points that found defects once, played always and not by chance: whatever the code between them
 * becomes, these stretches of a merge are covered densely.
 */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { buildFaults } from './build.ts';
import { countPoints, delivered, runHarness } from './points.ts';

const SCENARIO = resolve(import.meta.dirname, 'scenarios/apply-updates.sql');
const LIMIT = 600_000;

/** Plays a job that must find nothing. */
async function play(job: string): Promise<void> {
  const ended = await runHarness(delivered(buildFaults()), [SCENARIO, 'wal', job]);
  expect([ended.status, ended.status === 0 ? '' : ended.last]).toEqual([0, '']);
  expect(JSON.parse(ended.lines[0] ?? '')).toMatchObject({ failures: [] });
}

/**
 * SQLite wants all statements prepared anew after the trigger switch or a PRAGMA was touched. Without memory that also
 * went for ROLLBACK: the transaction of a failed merge was left open on the application's connection.
 */
test.each(['once', 'forever'])(
  'a merge that runs out of memory %s leaves no transaction open',
  async (mode) => {
    await play(`memory/${mode}/1/17/240/0`);
  },
  LIMIT,
);

test(
  'nor does one that is interrupted, at its first steps or later',
  async () => {
    await play('interrupt/once/1/1/60/0');
    await play('interrupt-hard/once/1/1/60/0');
    await play('interrupt-hard/once/61/41/90/0');
  },
  LIMIT,
);

/**
 * SQLite rolls the whole transaction back when a statement that writes is interrupted. What the core wrote after that,
 * on its way to the end, was committed alone.
 */
test(
  'a merge that is interrupted near its end writes nothing outside of its transaction',
  async () => {
    const counts = await countPoints(delivered(buildFaults()), SCENARIO, 'wal');
    const points = counts['interrupt'] ?? 0;
    const first = Math.floor(points * 0.7);
    await play(`interrupt/once/${first}/7/${Math.floor((points - first) / 7)}/0`);
  },
  LIMIT,
);
