/**
 * report.ts: what a failing history leaves: its shortest form as a file that can become a regression test, and its
 * trace with a column for every node.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plan } from './plan.js';
import { type Outcome, type Playable, shrink } from './shrink.js';
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

/** A failing history: from which seed and plan, and the test file that plays it. */
export interface Failed<Step> extends Playable<Step> {
  plan: { seed: number; rates: Readonly<Record<string, number>> };
  file: string;
}

/** Shrinks a failing history and describes it. Writes the file. */
export async function reportFailure<AnyStep extends { do: string; passes: number }>(
  failed: Failed<AnyStep>,
  outcome: Outcome,
): Promise<string> {
  const { plan, steps, play, file } = failed;
  const { seed } = plan;
  const shrunk = await shrink(failed, outcome);
  const { trace, broken } = await play(shrunk.steps, true);
  const regression = { about: broken?.message ?? '', plan, steps: shrunk.steps };
  mkdirSync(OUTPUT, { recursive: true });
  const path = join(OUTPUT, `${seed}.json`);
  writeFileSync(path, `${JSON.stringify(regression, null, 1)}\n`);
  const rates = Object.entries(plan.rates).filter(([, rate]) => rate > 0);
  return [
    `seed ${seed} broke "${broken?.promise}": ${broken?.message}`,
    `again: CLOUDSYNC_COUNT=1 CLOUDSYNC_SEED=${seed} npx vitest run ${file}`,
    `${shrunk.steps.length} of ${steps.length} steps are left, in ${path}`,
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
