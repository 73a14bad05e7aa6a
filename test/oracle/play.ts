/**
 * play.ts: plays one history of users and policies from begin to end: faults, healing, rest, checks.
 */
import { comeToRest } from '../sim/checks.js';
import type { Outcome } from '../sim/shrink.js';
import { Broken } from '../sim/stage.js';
import type { OraclePlan } from './plan.js';
import type { OracleStep } from './steps.js';
import { PolicyWorld } from './world.js';

export async function playSteps(
  plan: OraclePlan,
  steps: readonly OracleStep[],
  hasTrace = false,
): Promise<Outcome> {
  const world = new PolicyWorld(plan, { trace: hasTrace });
  let broken: Broken | undefined;
  try {
    await world.begin();
    for (const step of steps) await world.play(step);
    await world.heal();
    await comeToRest(world);
    world.checkEverything();
  } catch (error) {
    broken =
      error instanceof Broken ? error : new Broken('the simulator', (error as Error).stack ?? `${error}`);
  }
  world.close();
  const { counts, trace = [] } = world;
  return { broken, digest: world.digest(), counts, trace };
}
