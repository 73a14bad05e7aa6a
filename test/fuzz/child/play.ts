/**
 * play.ts: plays a band in child processes, a thousand cases in each, so that a crash or a hang is a failure with a
 * number and not the end of the test run. CLOUDSYNC_FIRST=<n> begins with case n of the seed. What the child plays is
 * a TypeScript file that calls `playCases` (cases.ts).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BandRun } from '../../support/band_run.js';
import { bandNamed } from '../../support/bands.js';
import { PROGRESS_DIGITS, type Report } from './protocol.js';

const CASES_PER_CHILD = 1000;
/** A child that is at the same case for so long hangs; on a busy machine a case takes longer than it should. */
const SILENCE_MAX_MS = 30_000;
const LOOK_EVERY_MS = 500;
const FAILURES_MAX = 20;

export interface ChildOptions {
  /** The program. */
  file: string;
  /** The band's name, for the line that repeats a failure. */
  band: string;
  environment?: Record<string, string>;
}

interface Ending {
  report: Report | undefined;
  /** Of the child that ended without a report: at which case, and how. */
  died?: { number: number; what: string };
}

/** Plays all cases that are planned. Throws with all failures in the end. */
export async function playInChildren(run: BandRun, options: ChildOptions): Promise<void> {
  const failures: string[] = [];
  const failed = (number: number, what: string) => {
    run.failures++;
    const one = `CLOUDSYNC_SEED=${run.seed} CLOUDSYNC_FIRST=${number} CLOUDSYNC_COUNT=1`;
    failures.push(
      `case ${number}: ${what}\n  once more: ${one} npx vitest run ${bandNamed(options.band).file}`,
    );
    console.error(failures.at(-1));
  };
  let next = Number(process.env['CLOUDSYNC_FIRST'] ?? 0);
  const end = next + run.planned;
  while (next < end && failures.length < FAILURES_MAX) {
    const count = Math.min(CASES_PER_CHILD, end - next);
    const { report, died } = await playOne(options, next, count, run.seed);
    for (const [name, value] of Object.entries(report?.detail ?? {})) run.add(name, value);
    for (const each of report?.failures ?? []) failed(each.number, each.what);
    if (died) failed(died.number, died.what);
    const played = died ? died.number + 1 - next : count;
    run.count += played;
    next += played;
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

async function playOne(options: ChildOptions, first: number, count: number, seed: number): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-fuzz-'));
  const progress = join(folder, 'progress');
  writeFileSync(progress, String(first).padEnd(PROGRESS_DIGITS));
  const numbers = [first, count, seed].map(String);
  const register = join(import.meta.dirname, 'register.mjs');
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--import', register, options.file, progress, ...numbers],
    { cwd: folder, env: { ...process.env, ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const at = () => Number(readFileSync(progress, 'utf8'));
  let hangs = false;
  let former = { number: first, since: Date.now() };
  const watch = setInterval(() => {
    const number = at();
    if (number !== former.number) former = { number, since: Date.now() };
    hangs = Date.now() - former.since > SILENCE_MAX_MS;
    if (hangs) child.kill('SIGKILL');
  }, LOOK_EVERY_MS);
  const [code, signal] = await once(child, 'close');
  clearInterval(watch);
  const number = at();
  rmSync(folder, { recursive: true });
  const line = output.trim().split('\n').at(-1) ?? '';
  if (code === 0 && line.startsWith('{"done":true')) return { report: JSON.parse(line) as Report };
  const how = hangs ? 'hangs' : `the process ended with ${signal ?? `code ${code}`}`;
  return { report: undefined, died: { number, what: `${how}\n${errors}` } };
}
