/**
 * Runs many histories of a kind. A normal run is short; CLOUDSYNC_HISTORIES=<n> plays n with every
 * test.
 * CLOUDSYNC_SEED=<seed> begins with the history of that seed.
 */
import { LONG, propertyOptions } from '../support/random.js';
import { type History, makeHistory } from './history.js';
import type { Kind } from './kind.js';
import { played, playHistory } from './play.js';

/** The longest that a test of one kind may take, in milliseconds. */
export const KIND_TIMEOUT = process.env.CLOUDSYNC_HISTORIES || LONG ? 7_200_000 : 60_000;

/** Prints what was played; for afterAll. */
export function report(): void {
  const { histories, held, edits, refused, deliveries, resolved } = played;
  const happened = `${edits} edits (${refused} refused), ${deliveries} deliveries, ${resolved} settled by hand`;
  console.log(`constraints: ${histories} histories, ${held} with held rows; ${happened}`);
}

/** As runKind, with the kinds in turn: what a seed plays depends on the seed alone. */
export function runKinds(name: string, kinds: readonly Kind[], short: number): void {
  playMany(name, (seed) => kinds[seed % kinds.length] as Kind, short);
}

export function runKind(kind: Kind, short: number): void {
  playMany(kind.name, () => kind, short);
}

/**
 * Plays histories, each with a seed of its own, one above the other.
 * @param short how many a normal run plays
 * @throws Error with the smallest failing history that was found, and its seed
 */
function playMany(name: string, kindOf: (seed: number) => Kind, short: number): void {
  const { seed, numRuns } = propertyOptions(name, short);
  const count = Number(process.env.CLOUDSYNC_HISTORIES ?? numRuns);
  if (!Number.isInteger(count) || count < 1)
    throw new Error('CLOUDSYNC_HISTORIES must be a whole number above 0');
  for (let i = 0; i < count; i++) {
    const kind = kindOf(seed + i);
    const history = makeHistory(kind, seed + i);
    const failure = failureOf(kind, history);
    if (failure === undefined) continue;
    const smallest = shrink(kind, history);
    const { message } = failureOf(kind, smallest) ?? failure;
    throw new Error(`${kind.name}: CLOUDSYNC_SEED=${seed + i}\n${message}`);
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
