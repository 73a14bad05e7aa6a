/**
 * history.ts: draws the steps of a history from its plan.
 */
import type { Fault, Plan } from './plan.js';
import { Random } from './random.js';
import type { Fate, History, Interruption, Step } from './steps.js';
import { Workload } from './workload.js';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

const FATES: readonly Fate['kind'][] = [
  'requestLost',
  'answerLost',
  'deliveredTwice',
  'deliveredLate',
  'oldAnswer',
  'truncated',
  'corruptedRequest',
  'corruptedAnswer',
  'errorStatus',
];

const CALLS = {
  'cloudsync_network_sync(0, 0)': 4,
  'cloudsync_network_sync(0, 3)': 4,
  'cloudsync_network_sync(6000, 2)': 1,
  'cloudsync_network_send_changes()': 1,
  'cloudsync_network_check_changes()': 1,
};

/** Kinds of test/simulated/disk_fault.c that a healthy program meets now and then. */
const DISK_FAULTS = ['read', 'write', 'sync', 'full', 'lock', 'shm-lock'] as const;

class Author {
  readonly #plan: Plan;
  readonly #network: Random;
  readonly #disk: Random;
  readonly #clock: Random;
  readonly #order: Random;
  readonly #workload: Workload;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#network = new Random(plan.seed, 'network');
    this.#disk = new Random(plan.seed, 'disk');
    this.#clock = new Random(plan.seed, 'clock');
    this.#order = new Random(plan.seed, 'order');
    this.#workload = new Workload(plan, new Random(plan.seed, 'workload'));
  }

  #happens(random: Random, fault: Fault): boolean {
    return random.chance(this.#plan.rates[fault]);
  }

  #passes(): number {
    const kind = this.#clock.below(10);
    if (kind < 2) return 0;
    return kind < 9 ? this.#clock.below(2 * SECOND) : this.#clock.below(3600 * SECOND);
  }

  step(): Step {
    const passes = this.#passes();
    const special = this.#special();
    if (special !== undefined) return { passes, ...special } as Step;
    const device = this.#order.below(60);
    if (this.#order.chance(this.#plan.writing)) {
      const statements = this.#workload.transaction();
      const interruption = this.#interruption();
      const undo = this.#order.chance(0.07);
      return { passes, do: 'write', device, statements, undo, ...(interruption && { interruption }) };
    }
    if (this.#order.chance(0.15))
      return { passes, do: 'sync', device, call: `SELECT ${this.#order.weighted(CALLS)}` };
    return { passes, ...this.#go(device) };
  }

  #go(device: number) {
    const kind = FATES.find((fate) => this.#happens(this.#network, fate));
    const interruption = this.#interruption();
    const serverInterruption = this.#serverInterruption();
    return {
      do: 'go' as const,
      device,
      ...(kind && { fate: { kind, seed: this.#network.bits() } }),
      ...(interruption && { interruption }),
      ...(serverInterruption && { serverInterruption }),
    };
  }

  /** Ends in the middle of an operation, at a call of the disk; those between operations are steps of their own. */
  #interruption(): Interruption | undefined {
    const random = this.#disk;
    const [nth, seed] = [random.between(1, 40), random.bits()];
    if (this.#happens(random, 'deviceCrash')) return { kind: 'crash', nth, seed };
    if (this.#happens(random, 'devicePowerLoss')) return { kind: 'power', nth, seed };
    if (this.#happens(random, 'diskFault')) return { kind: random.pick(DISK_FAULTS), nth, seed };
    return undefined;
  }

  #serverInterruption(): Interruption | undefined {
    const random = this.#disk;
    const [nth, seed] = [random.between(1, 40), random.bits()];
    if (this.#happens(random, 'serverCrash')) return { kind: 'crash', nth, seed };
    if (this.#happens(random, 'serverPowerLoss')) return { kind: 'power', nth, seed };
    if (this.#happens(random, 'diskFault')) return { kind: random.pick(DISK_FAULTS), nth, seed };
    return undefined;
  }

  #special() {
    const device = this.#disk.below(60);
    const steps = this.#network.between(2, 20);
    const seed = this.#disk.bits();
    if (this.#happens(this.#network, 'partition')) {
      const devices = Array.from({ length: this.#plan.devices }, (_, each) => each);
      const way = this.#network.pick(['there', 'back', 'both'] as const);
      return { do: 'partition', devices: devices.filter(() => this.#network.chance(0.5)), way, steps };
    }
    if (this.#network.chance(this.#plan.rates.deliveredLate))
      return { do: 'late', which: this.#network.below(60) };
    if (this.#happens(this.#disk, 'deviceCrash')) return { do: 'end', device };
    if (this.#happens(this.#disk, 'devicePowerLoss')) return { do: 'end', device, power: seed };
    if (this.#happens(this.#disk, 'serverCrash')) return { do: 'serverEnd', steps: this.#disk.below(10) };
    if (this.#happens(this.#disk, 'serverPowerLoss'))
      return { do: 'serverEnd', power: seed, steps: this.#disk.below(10) };
    return this.#clockStep(device) ?? this.#copyStep(device) ?? this.#schemaStep(device);
  }

  #clockStep(device: number) {
    const random = this.#clock;
    if (!this.#happens(random, 'clockJump')) return undefined;
    const jumps = [
      random.between(-600, 600) * SECOND,
      random.between(-365, 0) * DAY,
      random.between(0, 10 * 3600) * SECOND,
    ];
    const drift = this.#plan.rates.clockDrift > 0 ? random.pick([0, 0.5, 1, 2]) : 1;
    return { do: 'clock', device, jump: random.pick(jumps), drift };
  }

  #copyStep(device: number) {
    const random = this.#disk;
    if (this.#happens(random, 'deviceRestored')) {
      if (random.chance(0.5)) return { do: 'backup', device };
      return { do: 'restore', device, alive: false };
    }
    if (this.#happens(random, 'deviceCopied')) return { do: 'restore', device, alive: true };
    if (this.#happens(random, 'serverRestored'))
      return random.chance(0.5) ? { do: 'serverBackup' } : { do: 'serverRestore' };
    return undefined;
  }

  #schemaStep(device: number) {
    if (!this.#happens(this.#order, 'schemaChange')) return undefined;
    return { do: 'alter', device, column: this.#order.pick(['added1', 'added2']) };
  }
}

/** The history of a plan. */
export function drawHistory(plan: Plan): History {
  const author = new Author(plan);
  return { seed: plan.seed, steps: Array.from({ length: plan.steps }, () => author.step()) };
}
