/**
 * thread.test.ts: the band sanitizer-thread: connections on several threads, to files of their own and to one that they
 * share, under ThreadSanitizer (threads/threads.c).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BandRun } from '../support/band_run.ts';
import { buildThreads, sanitizerProblem } from './build.ts';
import { runHarness, timeLimit } from './points.ts';

const THREADS = 4;

const run = new BandRun('sanitizer-thread');
const problem = sanitizerProblem('thread');
let program: string;

afterAll(() => run.finish());

beforeAll(() => {
  if (problem !== undefined) console.log(`sanitizer-thread is skipped: ${problem}`);
  else program = buildThreads();
}, 600_000);

test.skipIf(problem !== undefined)(
  'threads do not race',
  { timeout: timeLimit(run.planned * 10) },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloudsync-threads-'));
    try {
      const rounds = Math.ceil(run.planned / THREADS);
      const ended = await runHarness({ program, library: folder }, [String(THREADS), String(rounds)]);
      expect([ended.status, ended.last]).toEqual([0, '']);
      run.count = Math.min(Number(ended.lines[0]), run.planned);
      expect(run.count).toBe(run.planned);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
