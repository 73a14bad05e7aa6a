/**
 * plan.ts: what a seed draws for its history before anything happens: people, tables, devices, sizes, and how often
 * what goes wrong. Each kind of fault is absent from half of the histories, as in test/sim/plan.ts.
 */
import type { Algorithm } from '../packet/packet.js';
import { Random } from '../sim/random.js';
import type { Setting } from '../sim/stage.js';
import { drawPeople, type Person } from './people.js';
import { drawSchema } from './schema.js';

/** Kinds of faults and events, and the largest rate that is drawn for each, per step. */
const RATES = {
  requestLost: 0.2,
  answerLost: 0.2,
  deliveredTwice: 0.2,
  errorStatus: 0.1,
  deviceCrash: 0.05,
  devicePowerLoss: 0.05,
  serverCrash: 0.06,
  serverPowerLoss: 0.06,
  serverRestored: 0.04,
  service: 0.15,
  deploy: 0.06,
  token: 0.1,
  userChange: 0.04,
} as const;
export type Rate = keyof typeof RATES;

export interface OraclePlan extends Setting {
  people: Person[];
  /** The person, by number, who uses each device at first; the first device of all is the service's. */
  users: number[];
  steps: number;
  /** Share of steps that are local writes. */
  writing: number;
  /** Characters that make values large, so that pages and batches hold few rows; 0 = none. */
  padding: number;
  /** Whether policies are there before anything is written. */
  beginsRestricted: boolean;
  rates: Record<Rate, number>;
}

/** Smaller pages than this the server does not make. */
const PAGE_BYTES_MIN = 4096;

export function drawPlan(seed: number): OraclePlan {
  const random = new Random(seed, 'plan');
  const people = drawPeople(random);
  const users = people.map((_, index) => index);
  for (const index of [...users]) if (random.chance(0.3)) users.push(index);
  const rates = {} as Record<Rate, number>;
  for (const [rate, most] of Object.entries(RATES)) {
    rates[rate as Rate] = random.chance(0.5) ? 0 : random.fraction() * most;
  }
  const isPaged = random.chance(0.4);
  return {
    ...{ seed, people, users, rates },
    algorithms: tablesOf(seed).map((): Algorithm => (random.chance(0.8) ? 'cls' : 'dws')),
    isDurable: true,
    journal: random.chance(0.75) ? 'WAL' : 'DELETE',
    steps: random.between(30, 110),
    writing: 0.25 + random.fraction() * 0.3,
    batchBytes: random.chance(0.4) ? 1024 : undefined,
    pageBytes: isPaged ? PAGE_BYTES_MIN : undefined,
    padding: isPaged ? random.pick([100, 600, 1500]) : 0,
    beginsRestricted: random.chance(0.9),
    randomness: random.bits(),
  };
}

export function tablesOf(seed: number) {
  return drawSchema(new Random(seed, 'schema'));
}
