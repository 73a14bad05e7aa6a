/**
 * policies.test.ts: the benchmark of policies runs from begin to end, with tiny numbers: real server, real devices,
 * real policies. So the full measurement, which nobody repeats often, works when it is wanted. What it measures here
 * says nothing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
const TINY = ['--rows', '300', '--devices', '16', '--databases', '3', '--requests', '48', '--changes', '3'];
const MINUTES = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'cloudsync-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the benchmark, with its temporary files in a folder where nothing else is. */
function bench(words: string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'policies', ...words], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, ...environment },
  });
  return { status, stdout, stderr, left: readdirSync(folder).filter((name) => !name.endsWith('.json')) };
}

interface Report {
  failed: string[];
  entries: { key: string; text: string; compared?: { value: number } }[];
}

describe('npm run bench -- policies', () => {
  test(
    'measures every figure',
    () => {
      const file = join(folder, 'figures.json');
      const { status, stderr, left } = bench([...TINY, '--seconds', '1', '--json', file]);
      expect(stderr).not.toContain('FAILED');
      expect(status).toBe(0);
      expect(left).toEqual([]);
      const { failed, entries }: Report = JSON.parse(readFileSync(file, 'utf8'));
      expect(failed).toEqual([]);
      expect(entries.map(({ key }) => key)).toEqual([
        ...[1, 16].flatMap((devices) => [0, 1, 2].map((kind) => `throughput${devices}on${kind}`)),
        ...['deploy', 'grantServer', 'revokeServer', 'grantDevice', 'revokeDevice'],
        ...['fanOut-without', 'fanOut-membership', 'latency-without', 'latency-membership'],
        ...['loadSteady', 'loadTogether', 'loadMemory'],
      ]);
      for (const { text, compared } of entries) {
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
        if (compared !== undefined) expect(compared.value).toBeGreaterThan(0);
      }
    },
    10 * MINUTES,
  );

  test('says which step failed, and why, and records nothing', () => {
    const before = readFileSync(new URL('../../bench/baselines.json', import.meta.url), 'utf8');
    const { status, stdout, stderr, left } = bench([...TINY, '--record'], { CLOUDSYNC_WORKERS: 'none' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/FAILED: grants: .*the server ended/);
    expect(stderr).toContain('--workers none');
    expect(stdout).toContain('FAILED: throughput, grants, fan-out, latency, load; nothing was recorded');
    expect(readFileSync(new URL('../../bench/baselines.json', import.meta.url), 'utf8')).toBe(before);
    expect(left).toEqual([]);
  });

  test.each([
    [['--only', 'nothing'], '--only is one of throughput, grants'],
    [['--only', 'grants', '--record'], '--record and --readme need all steps'],
    [['--devices', 'many'], '--devices needs a whole number'],
  ])('refuses %j', (words, message) => {
    const { status, stderr } = bench(words);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
