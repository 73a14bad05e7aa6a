/**
 * victim.ts: runs the client process of the kill tests and says how it ended and what it had acknowledged.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { extensionFile } from '../native/programs.js';
import type { KillPrograms } from './programs.js';

export interface VictimOptions {
  programs: KillPrograms;
  file: string;
  /** One step per line, see victim.c. */
  steps: readonly string[];
  /** Where it dies, as POINTS_KILL in points.c names it. */
  point?: string;
  /** Where the counts of its calls are written when it ends by itself. */
  counts?: string;
  /** Called with its process as soon as it runs. */
  onStart?: (child: ChildProcess) => void;
  /** Where the script is written, when several work on one file. */
  script?: string;
  /** False when a run is too long to keep what it reports. */
  keepsSteps?: boolean;
  /** Called with every step that is reported. */
  onStep?: (step: Step) => void;
}

/** What the victim reported about a step. */
export interface Step {
  number: number;
  /** True when it succeeded. */
  ok: boolean;
  /** The value that it returned, or the message of the error. */
  text: string;
}

export interface VictimEnd {
  steps: Step[];
  isKilled: boolean;
}

/** Runs a victim to its end. Throws when it ends in any other way than by success or SIGKILL. */
export async function runVictim(options: VictimOptions): Promise<VictimEnd> {
  const { programs, file, point, counts, script = `${file}.script`, keepsSteps = true } = options;
  writeFileSync(script, options.steps.map((step) => `${step}\n`).join(''));
  const withPoints = point !== undefined || counts !== undefined;
  const child = spawn(programs.victim, [file, extensionFile, withPoints ? programs.points : '-', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...(point === undefined ? {} : { POINTS_KILL: point }),
      ...(counts === undefined ? {} : { POINTS_COUNT: counts }),
    },
  });
  const killWithTests = () => child.kill('SIGKILL');
  process.once('exit', killWithTests);
  const closed = once(child, 'close');
  options.onStart?.(child);
  const steps: Step[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const step of lines.map(readStep)) {
      if (keepsSteps) steps.push(step);
      options.onStep?.(step);
    }
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null];
  process.removeListener('exit', killWithTests);
  if (code !== 0 && signal !== 'SIGKILL') {
    throw new Error(`the victim ended with ${signal ?? `code ${code}`}: ${errors}`);
  }
  return { steps, isKilled: signal === 'SIGKILL' };
}

function readStep(line: string): Step {
  const [, number, outcome, text] = /^(\d+) (ok|error) (.*)$/.exec(line) ?? [];
  if (number === undefined) throw new Error(`the victim reports "${line}"`);
  return { number: Number(number), ok: outcome === 'ok', text: text ?? '' };
}
