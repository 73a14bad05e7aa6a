/**
 * plan.ts: what a seed draws for its history before anything happens: how many devices, which tables, how large, and
 * how often which fault. Each kind of fault is absent from half of the histories, so that single ones stay visible
 * and none hides another (swarm testing).
 */
import { ALGORITHMS, type Algorithm } from '../packet/packet.js';
import { Random } from './random.js';
import { SCHEMAS, type SchemaName } from './schema.js';

/** Kinds of faults and the largest rate that is drawn for each, per opportunity. */
export const FAULTS = {
  requestLost: 0.3,
  answerLost: 0.3,
  deliveredTwice: 0.3,
  deliveredLate: 0.2,
  oldAnswer: 0.1,
  truncated: 0.1,
  corruptedRequest: 0.1,
  corruptedAnswer: 0.1,
  errorStatus: 0.15,
  partition: 0.04,
  deviceCrash: 0.03,
  devicePowerLoss: 0.03,
  serverCrash: 0.03,
  serverPowerLoss: 0.03,
  diskFault: 0.04,
  clockJump: 0.03,
  clockDrift: 1,
  deviceRestored: 0.06,
  deviceCopied: 0.02,
  serverRestored: 0.06,
  schemaChange: 0.02,
} as const;
export type Fault = keyof typeof FAULTS;

/** Smaller pages than this the server does not make. */
const PAGE_BYTES_MIN = 4096;

export interface Plan {
  seed: number;
  devices: number;
  schema: SchemaName;
  algorithms: Algorithm[];
  /** Size of the space of keys: small, so that conflicts are common. */
  keys: number;
  steps: number;
  /** Share of steps that are local writes. */
  writing: number;
  /**
   * Commits survive a loss of power; else the newest ones may vanish, each as a whole. That is so in WAL mode only:
   * with a rollback journal and synchronous = NORMAL, SQLite itself warns of damaged files.
   */
  isDurable: boolean;
  journal: 'WAL' | 'DELETE';
  /** Raw bytes of a batch; undefined leaves the default. */
  batchBytes: number | undefined;
  /** Bytes of large values; 0 = none. Large ones make several batches and pages. */
  largeValues: number;
  /** Largest page of a pull, as a server with other limits would have it; undefined = as the device asks. */
  pageBytes: number | undefined;
  /** What devices draw, their site ids above all, follows from it; in older histories from their names alone. */
  randomness: number | undefined;
  rates: Record<Fault, number>;
}

export function drawPlan(seed: number): Plan {
  const random = new Random(seed, 'plan');
  const schema = random.pick(Object.keys(SCHEMAS) as SchemaName[]);
  const rates = {} as Record<Fault, number>;
  for (const [fault, most] of Object.entries(FAULTS)) {
    const rate = random.fraction() ** 2 * most;
    rates[fault as Fault] = random.chance(0.5) ? 0 : rate;
  }
  const plan: Plan = {
    seed,
    devices: random.between(1, 4) + (random.chance(0.2) ? 2 : 0),
    schema,
    algorithms: SCHEMAS[schema].tables.map(() => (random.chance(0.5) ? 'cls' : random.pick(ALGORITHMS))),
    keys: random.pick([1, 2, 4, 8, 8, 16, 50]),
    steps: random.between(20, 140),
    writing: 0.2 + random.fraction() * 0.5,
    isDurable: random.chance(0.75),
    journal: random.chance(0.75) ? 'WAL' : 'DELETE',
    batchBytes: random.chance(0.4) ? 1024 : undefined,
    largeValues: random.chance(0.25) ? random.pick([300, 900, 3000]) : 0,
    pageBytes: random.chance(0.4) ? PAGE_BYTES_MIN : undefined,
    randomness: random.bits(),
    rates,
  };
  return { ...plan, isDurable: plan.isDurable || plan.journal === 'DELETE' };
}
