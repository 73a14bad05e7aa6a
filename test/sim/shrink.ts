/**
 * shrink.ts: makes a failing history short: leaves out ever smaller parts as long as the same promise stays broken.
 */
import type { Plan } from './plan.js';
import { type Outcome, playSteps } from './play.js';
import type { Step } from './steps.js';

export interface Shrunk {
  steps: Step[];
  outcome: Outcome;
}

/**
 * @param broken the history's outcome, which names the promise that must stay broken
 * @param seconds after which the shortest history so far is returned
 */
export async function shrink(
  plan: Plan,
  steps: readonly Step[],
  broken: Outcome,
  seconds = 60,
): Promise<Shrunk> {
  const deadline = performance.now() + seconds * 1000;
  const promise = broken.broken?.promise;
  let best: Shrunk = { steps: [...steps], outcome: broken };
  const isBetter = async (candidate: Step[]): Promise<boolean> => {
    const outcome = await playSteps(plan, candidate);
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
function simplified(step: Step): Step | undefined {
  if (step.do === 'write' && step.statements.length > 1)
    return { ...step, statements: step.statements.slice(-1) };
  return step.passes > 0 ? { ...step, passes: 0 } : undefined;
}
