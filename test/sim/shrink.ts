/**
 * shrink.ts: makes a failing history short: leaves out ever smaller parts as long as the same promise stays broken.
 */
import type { Broken } from './stage.js';
import type { CommonStep } from './steps.js';

/** What came of playing a history. */
export interface Outcome {
  /** What was broken, by whose name failures are compared; undefined when nothing was. */
  broken: Broken | undefined;
  digest: string;
  counts: Record<string, number>;
  trace: string[];
}

/** Steps, and how they are played. */
export interface Playable<Step> {
  steps: readonly Step[];
  play: (steps: readonly Step[], hasTrace: boolean) => Promise<Outcome>;
}

export interface Shrunk<Step> {
  steps: Step[];
  outcome: Outcome;
}

interface AnyStep {
  do: string;
  passes: number;
}

/**
 * @param broken the history's outcome, which names the promise that must stay broken
 * @param seconds after which the shortest history so far is returned
 */
export async function shrink<Step extends AnyStep>(
  { steps, play }: Playable<Step>,
  broken: Outcome,
  seconds = 60,
): Promise<Shrunk<Step>> {
  const deadline = performance.now() + seconds * 1000;
  const promise = broken.broken?.promise;
  let best: Shrunk<Step> = { steps: [...steps], outcome: broken };
  const isBetter = async (candidate: Step[]): Promise<boolean> => {
    const outcome = await play(candidate, false);
    if (outcome.broken?.promise !== promise) return false;
    best = { steps: candidate, outcome };
    return true;
  };
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.steps.length - size; at > -size; ) {
      if (performance.now() > deadline) return best;
      const start = Math.max(0, at);
      const candidate = [...best.steps.slice(0, start), ...best.steps.slice(at + size)];
      await isBetter(candidate);
      at -= size;
    }
  }
  for (let at = 0; at < best.steps.length && performance.now() <= deadline; at++) {
    const step = best.steps[at] as Step;
    const simpler = simplified(step);
    if (simpler !== undefined) await isBetter(best.steps.with(at, simpler));
  }
  return best;
}

/** The step without what happens beside it. */
function simplified<Step extends AnyStep>(step: Step): Step | undefined {
  if (step.do === 'write') {
    const { statements } = step as AnyStep as CommonStep & { do: 'write' };
    if (statements.length > 1) return { ...step, statements: statements.slice(-1) };
  }
  return step.passes > 0 ? { ...step, passes: 0 } : undefined;
}
