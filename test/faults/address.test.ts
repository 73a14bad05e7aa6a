/**
 * address.test.ts: the band sanitizer-address: the scenarios, without faults and at points of every kind of fault,
 * with the shim and the generated code under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer. Where
 * valgrind is installed, it watches two scenarios as well.
 */
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildFaults, buildSanitizedFaults, sanitizerProblem } from './build.ts';
import {
  bothModes,
  delivered,
  type Harness,
  type Kind,
  playPoints,
  runHarness,
  scenarios,
  timeLimit,
} from './points.ts';

const KINDS: Kind[] = [
  ...bothModes('memory', 'core', 'write', 'read', ['full', 'write'], 'sync', 'shm-lock', 'lock'),
  { name: 'interrupt', mode: 'once', counted: 'interrupt' },
  { name: 'interrupt-hard', mode: 'once', counted: 'interrupt' },
  { name: 'power', mode: 'once', counted: 'kill' },
];

const run = new BandRun('sanitizer-address');
const problem = sanitizerProblem('address,undefined');
let harness: Harness;

afterAll(() => run.finish());

beforeAll(() => {
  if (problem !== undefined) console.log(`sanitizer-address is skipped: ${problem}`);
  else harness = { program: buildSanitizedFaults(), library: '-' };
}, 600_000);

test.skipIf(problem !== undefined)(
  'every scenario without a fault, and points of all kinds',
  {
    timeout: timeLimit(run.planned * 4),
  },
  async () => {
    for (const scenario of scenarios) {
      const ended = await runHarness(harness, [scenario, 'wal', 'count']);
      expect([basename(scenario), ended.status, ended.last]).toEqual([basename(scenario), 0, '']);
      run.count++;
    }
    const failures = await playPoints(run, harness, KINDS, ['wal']);
    expect(failures).toEqual([]);
    expect(run.count).toBe(run.planned);
  },
);

const valgrind = spawnSync('valgrind', ['--version']).status === 0;

test.skipIf(!valgrind).each(['apply-mixed', 'leave'])(
  'valgrind finds nothing in %s',
  async (name) => {
    const scenario = scenarios.find((file) => basename(file, '.sql') === name) ?? '';
    const { program, library } = delivered(buildFaults());
    const checks = ['-q', '--error-exitcode=9', '--leak-check=full', '--errors-for-leak-kinds=definite'];
    const ended = await runHarness({ program: 'valgrind', library: checks[0] ?? '' }, [
      ...checks.slice(1),
      program,
      library,
      scenario,
      'wal',
      'memory/once/700/900/2/0',
    ]);
    expect([ended.status, ended.status === 0 ? '' : ended.last]).toEqual([0, '']);
    run.add('scenarios under valgrind');
  },
  600_000,
);
