/**
 * report.ts: what a failing history leaves: its shortest form as a file that can become a regression test, and its
 * trace with a column for every node.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { drawHistory } from './history.js';
import { drawPlan, type Plan } from './plan.js';
import { type Outcome, playSteps } from './play.js';
import { shrink } from './shrink.js';
import type { Step } from './steps.js';

const OUTPUT = resolve(import.meta.dirname, '../../build/sim');
const COLUMN = 44;
const LINES_SHOWN = 120;

/** A history that once broke a promise; test/sim/regressions keeps some. */
export interface Regression {
  /** What was broken, and what the cause was. */
  about: string;
  plan: Plan;
  steps: Step[];
}

/** Leaves a note of the seed that is played, for the case that the process does not survive it. */
export function notePlaying(seed: number): void {
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(join(OUTPUT, 'playing'), `${seed}\n`);
}

/** Shrinks the history of a seed and describes it. Writes the file. */
export async function reportFailure(seed: number, outcome: Outcome, file: string): Promise<string> {
  const plan = drawPlan(seed);
  const shrunk = await shrink(plan, drawHistory(plan).steps, outcome);
  const { trace, broken } = await playSteps(plan, shrunk.steps, true);
  const regression: Regression = { about: broken?.message ?? '', plan, steps: shrunk.steps };
  mkdirSync(OUTPUT, { recursive: true });
  const path = join(OUTPUT, `${seed}.json`);
  writeFileSync(path, `${JSON.stringify(regression, null, 1)}\n`);
  const rates = Object.entries(plan.rates).filter(([, rate]) => rate > 0);
  return [
    `seed ${seed} broke "${broken?.promise}": ${broken?.message}`,
    `again: CLOUDSYNC_COUNT=1 CLOUDSYNC_SEED=${seed} npx vitest run ${file}`,
    `${shrunk.steps.length} of ${plan.steps} steps are left, in ${path}`,
    'once the cause is fixed, keep that file in test/sim/regressions',
    `plan: ${JSON.stringify({ ...plan, rates: Object.fromEntries(rates) })}`,
    ...inColumns(trace).slice(-LINES_SHOWN),
  ].join('\n');
}

/** The trace with a column for every node, in the order in which they appear. */
function inColumns(trace: readonly string[]): string[] {
  const nodes: string[] = [];
  return trace.map((line) => {
    const [time = '', who = '', ...words] = line.trim().split(/ +/);
    if (!nodes.includes(who)) nodes.push(who);
    return `${time.padStart(10)} ${' '.repeat(COLUMN * nodes.indexOf(who))}${who}: ${words.join(' ')}`;
  });
}
