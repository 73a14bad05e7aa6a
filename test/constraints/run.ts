/**
 * Plays a band of histories: many of each kind of constraint, each history with a seed of its own
 * (test/support/band_run.ts says how to choose their number and the first seed).
 */
import { afterAll, describe, test } from 'vitest';
import { BandRun } from '../support/band_run.js';
import { type History, makeHistory } from './history.js';
import type { Kind } from './kind.js';
import { played, playHistory } from './play.js';

/** What one test plays: histories of one kind, or of several in turn. */
export interface Case {
  name: string;
  kinds: readonly Kind[];
  /** Its share of the band's histories, in relation to the other cases. */
  weight: number;
}

/** Milliseconds that one history may take; on average it takes a twentieth of that. */
const HISTORY_MILLISECONDS_MAX = 1000;

/** A case for each kind. */
export function oneByOne(kinds: readonly Kind[]): Case[] {
  return kinds.map((kind) => ({ name: kind.name, kinds: [kind], weight: 1 }));
}

/**
 * Declares one test for each case.
 * @param name of the band in test/support/bands.ts
 */
export function playBand(name: string, cases: readonly Case[]): void {
  const run = new BandRun(name);
  const weights = cases.reduce((sum, { weight }) => sum + weight, 0);
  afterAll(() => {
    Object.assign(run.detail, played);
    run.finish();
  });
  describe('order independence', () => {
    test.each(cases)('$name', { timeout: 60_000 + run.planned * HISTORY_MILLISECONDS_MAX }, (each) =>
      playCase(run, each, Math.ceil((run.planned * each.weight) / weights)),
    );
  });
}

/** @throws Error with the smallest failing history that was found, and its seed */
function playCase(run: BandRun, { name, kinds }: Case, count: number): void {
  for (let seed = run.seed; seed < run.seed + count; seed++) {
    const kind = kinds[seed % kinds.length] as Kind;
    const history = makeHistory(kind, seed);
    const failure = failureOf(kind, history);
    run.count += 1;
    if (failure === undefined) continue;
    run.failures += 1;
    const smallest = shrink(kind, history);
    const { message } = failureOf(kind, smallest) ?? failure;
    throw new Error(`${name}: CLOUDSYNC_SEED=${seed}\n${message}`);
  }
}

function failureOf(kind: Kind, history: History): Error | undefined {
  try {
    playHistory(kind, history);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Leaves out steps, and statements of steps, while the history goes on failing. */
function shrink(kind: Kind, history: History): History {
  let smallest = history;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smallerHistories(smallest)) {
      if (failureOf(kind, candidate) === undefined) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

function* smallerHistories(history: History): Generator<History> {
  const { steps } = history;
  for (let i = steps.length - 1; i >= 0; i--) yield { ...history, steps: steps.toSpliced(i, 1) };
  for (const [i, step] of steps.entries()) {
    if (step.step !== 'edit' || step.statements.length < 2) continue;
    for (const statement of step.statements)
      yield { ...history, steps: steps.with(i, { ...step, statements: [statement] }) };
  }
}
