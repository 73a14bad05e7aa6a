/**
 * decoder.test.ts: the band fuzz-decoder: whatever bytes come as a packet, a value, a change or an answer, the core
 * refuses or accepts them; it never traps, takes no long time and no endless memory, and what it accepts is still the
 * same after it was written and read again. First the corpus and all former crashers, then mutations of them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { FLAWS } from '../../canaries/flaws.js';
import { BandRun } from '../../support/band_run.js';
import { buildFuzzer, sanitizersWork } from './build.js';

const CORPUS = join(import.meta.dirname, '../corpus');
const CRASHERS = join(import.meta.dirname, '../crashers');
const FINDS = resolve(import.meta.dirname, '../../../build/test/fuzz/finds');
/** Of this many inputs one is used to look for code that was not reached before. */
const EXPLORED_PART = 20;
/** From this length on the exploring program runs under ASan and UBSan, whose build takes a minute. */
const SANITIZED_FROM = 50_000_000;
const BUILD_MS = 600_000;

const run = new BandRun('fuzz-decoder');
afterAll(() => run.finish());

interface Report {
  count: number;
  failures: number;
  files: number;
  finds: number;
  edges: number;
  /** Per reader: accepted, and all. */
  accepted: Record<string, [number, number]>;
}

/**
 * Plays the corpus, `more` files, and mutations of all of them; what the program writes to stderr names each failure
 * and where its input is kept.
 */
async function play(program: string, more: string, count: number, seed: number): Promise<Report> {
  // The translated core of a build with planted flaws asks which of them is chosen.
  const flaw = FLAWS.findIndex(({ name }) => name === process.env['CLOUDSYNC_FLAW']) + 1;
  const child = spawn(program, [CORPUS, more, FINDS, String(count), String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, CLOUDSYNC_FLAW_NUMBER: String(flaw) },
  });
  let last = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = line;
  });
  const [code, signal] = await once(child, 'close');
  if (!last.startsWith('{')) throw new Error(`${program} ended with ${signal ?? `code ${code}`}`);
  return JSON.parse(last) as Report;
}

function account(report: Report): void {
  run.count += report.count;
  run.failures += report.failures;
  const replay = `CLOUDSYNC_SEED=${run.seed} CLOUDSYNC_COUNT=${run.planned} npx vitest run test/fuzz/decoder`;
  expect(report.failures, `the inputs are kept in ${FINDS}; once more: ${replay}`).toBe(0);
}

test('no bytes trap the core', { timeout: BUILD_MS + run.planned / 20 }, async () => {
  const sanitized = run.planned >= SANITIZED_FROM && sanitizersWork();
  const { explore, decoder } = buildFuzzer(sanitized);
  rmSync(FINDS, { recursive: true, force: true });
  mkdirSync(FINDS, { recursive: true });
  const explored = Math.ceil(run.planned / EXPLORED_PART);
  const first = await play(explore, CRASHERS, explored, run.seed);
  account(first);
  expect(first.files).toBe(readdirSync(CORPUS).length + readdirSync(CRASHERS).length);
  run.add('seeds', first.files);
  run.add('edges', first.edges);
  run.add('inputs that reached new code', first.finds);
  if (sanitized) run.add('inputs under ASan and UBSan', first.count);
  const second = await play(decoder, FINDS, run.planned - explored, run.seed + 1);
  account(second);
  for (const [name, [accepted, all]] of Object.entries(second.accepted)) {
    run.add(`${name} accepted`, accepted);
    // A reader that gets nothing, or to which nothing is right, is not tested.
    if (run.planned >= 1_000_000) expect(all * accepted, name).toBeGreaterThan(0);
  }
  expect(run.count).toBe(run.planned);
});
