/**
 * reporter.test.ts: the last line of a test run and its verdict, tried on small runs of their own: passing, failing,
 * not loading, too few tests, and too few cases of a band.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeReport } from '../support/band_reports.js';
import type { Band } from '../support/bands.js';

const root = resolve(import.meta.dirname, '../..');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-reporter-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs one test file with the reporter; returns the exit status and the lines of the output. */
function runTests(
  source: string,
  minimum: number,
  isComplete: boolean,
  bands: readonly Band[] = [],
): { status: number | null; lines: string[] } {
  const reporter = join(root, 'test/reporter.ts');
  const config = {
    test: { globals: true, reporters: ['default', [reporter, { minimum, bands, reports: folder }]] },
  };
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)};`);
  writeFileSync(join(folder, 'sample.test.js'), source);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const result = spawnSync(process.execPath, [vitest, 'run', '--root', folder], {
    encoding: 'utf8',
    env: { ...process.env, CLOUDSYNC_COMPLETE_RUN: isComplete ? '1' : '' },
  });
  return { status: result.status, lines: result.stdout.trimEnd().split('\n') };
}

const passing = "test('a', () => {}); test('b', () => {}); test.skip('c', () => {});";

test('a passing run ends with its counts', () => {
  const { status, lines } = runTests(passing, 2, true);
  expect(lines.at(-1)).toBe('2 passed, 0 failed, 1 skipped');
  expect(status).toBe(0);
});

test('a failing run ends with its counts and fails', () => {
  const { status, lines } = runTests(`${passing} test('d', () => { throw new Error('no'); });`, 2, true);
  expect(lines.at(-1)).toBe('2 passed, 1 failed, 1 skipped');
  expect(status).toBe(1);
});

test('a file that cannot be loaded counts as a failure', () => {
  const { status, lines } = runTests("throw new Error('broken file');", 0, true);
  expect(lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
  expect(status).toBe(1);
});

test('a complete run with too few tests fails and says so; a partial run does not', () => {
  const complete = runTests(passing, 3, true);
  expect(complete.lines.slice(-2)).toEqual([
    'only 2 tests ran, at least 3 must (vitest.config.ts)',
    '2 passed, 0 failed, 1 skipped',
  ]);
  expect(complete.status).toBe(1);
  expect(runTests(passing, 3, false).status).toBe(0);
});

describe('bands', () => {
  const band = { name: 'sample', shows: '', unit: 'cases', file: 'sample.test.js', short: 10, long: 100 };
  const report = { band: 'sample', planned: 10, failures: 0, seconds: 1, seed: 1, detail: {} };
  const complaint = (count: number) =>
    `band sample: ${count} cases played, at least 10 must be (sample.test.js)`;

  test('a complete run without a report of its own fails', () => {
    writeReport({ ...report, count: 10, at: Date.now() - 3_600_000 }, folder);
    const { status, lines } = runTests(passing, 2, true, [band]);
    expect(lines.at(-2)).toBe(complaint(0));
    expect(status).toBe(1);
  });

  test('one with fewer cases than planned fails, one with enough passes', () => {
    const soon = Date.now() + 60_000;
    writeReport({ ...report, count: 9, at: soon }, folder);
    expect(runTests(passing, 2, true, [band]).lines.at(-2)).toBe(complaint(9));
    writeReport({ ...report, count: 10, at: soon }, folder);
    expect(runTests(passing, 2, true, [band]).status).toBe(0);
  });
});
