/**
 * play.ts: plays one history from begin to end: faults, healing, rest, checks.
 */
import { checkEverything, checkNewcomer, comeToRest } from './checks.js';
import { drawHistory } from './history.js';
import { drawPlan, type Plan } from './plan.js';
import type { Outcome } from './shrink.js';
import { Broken } from './stage.js';
import type { Step } from './steps.js';
import { World } from './world.js';

export interface Played extends Outcome {
  transactions: number;
}

/** Plays these steps under a plan. */
export async function playSteps(plan: Plan, steps: readonly Step[], trace = false): Promise<Played> {
  const world = new World(plan, { trace });
  let broken: Broken | undefined;
  try {
    for (const step of steps) await world.play(step);
    await world.heal();
    await comeToRest(world);
    await checkEverything(world);
    await checkNewcomer(world);
  } catch (error) {
    broken =
      error instanceof Broken ? error : new Broken('the simulator', (error as Error).stack ?? `${error}`);
  }
  const digest = world.digest();
  world.close();
  const { counts, truth } = world;
  return { broken, digest, counts, trace: world.trace ?? [], transactions: truth.transactions };
}

/** Plays the history of a seed. */
export function playSeed(seed: number, trace = false): Promise<Played> {
  const plan = drawPlan(seed);
  return playSteps(plan, drawHistory(plan).steps, trace);
}
