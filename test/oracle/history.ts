/**
 * history.ts: draws the steps of a history from its plan.
 */
import { Random } from '../sim/random.js';
import type { Fate, Interruption } from '../sim/steps.js';
import { type OraclePlan, type Rate, tablesOf } from './plan.js';
import type { OracleStep } from './steps.js';
import { Workload } from './workload.js';

const SECOND = 1_000_000;
const FATES = ['requestLost', 'answerLost', 'deliveredTwice', 'errorStatus'] as const;
const CALLS = {
  'cloudsync_network_sync(0, 2)': 5,
  'cloudsync_network_sync(3000, 2)': 1,
  'cloudsync_network_send_changes()': 1,
  'cloudsync_network_check_changes()': 1,
};
/** Rows that the service writes before anything else. */
const FIRST_TRANSACTIONS = 4;

class Author {
  readonly #plan: OraclePlan;
  readonly #order: Random;
  readonly #faults: Random;
  readonly #workload: Workload;
  readonly #tables: number;
  /** Who uses each device, as far as the steps go; number 0 is the service's. */
  readonly #users: (number | undefined)[];

  constructor(plan: OraclePlan) {
    const tables = tablesOf(plan.seed);
    this.#plan = plan;
    this.#tables = tables.length;
    this.#users = [undefined, ...plan.users];
    this.#order = new Random(plan.seed, 'order');
    this.#faults = new Random(plan.seed, 'faults');
    this.#workload = new Workload(tables, plan.people, plan.padding, new Random(plan.seed, 'workload'));
  }

  #happens(rate: Rate): boolean {
    return this.#faults.chance(this.#plan.rates[rate]);
  }

  step(index: number): OracleStep {
    const passes = this.#order.below(2 * SECOND);
    if (index < FIRST_TRANSACTIONS) return { passes, ...this.#write(0) };
    const special = this.#event() ?? this.#end();
    if (special !== undefined) return { passes, ...special } as OracleStep;
    const device = this.#order.below(this.#users.length);
    if (this.#order.chance(this.#plan.writing)) return { passes, ...this.#write(device) };
    if (this.#order.chance(0.3))
      return { passes, do: 'sync', device, call: `SELECT ${this.#order.weighted(CALLS)}` };
    return { passes, ...this.#go(device) };
  }

  #write(device: number) {
    const user = this.#users[device];
    const person = user === undefined ? undefined : this.#plan.people[user];
    const statements = this.#workload.transaction(person);
    return { do: 'write' as const, device, statements, undo: this.#order.chance(0.04) };
  }

  #go(device: number) {
    const kind: Fate['kind'] | undefined = FATES.find((fate) => this.#happens(fate));
    const interruption = this.#interruption('deviceCrash', 'devicePowerLoss');
    const serverInterruption = this.#interruption('serverCrash', 'serverPowerLoss');
    return {
      do: 'go' as const,
      device,
      ...(kind && { fate: { kind, seed: this.#faults.bits() } }),
      ...(interruption && { interruption }),
      ...(serverInterruption && { serverInterruption }),
    };
  }

  #interruption(crash: Rate, powerLoss: Rate): Interruption | undefined {
    const [nth, seed] = [this.#faults.between(1, 40), this.#faults.bits()];
    if (this.#happens(crash)) return { kind: 'crash', nth, seed };
    return this.#happens(powerLoss) ? { kind: 'power', nth, seed } : undefined;
  }

  /** What people and operators do. */
  #event() {
    const random = this.#faults;
    const device = random.below(this.#users.length);
    if (this.#happens('service')) return { do: 'service', statements: this.#workload.transaction(undefined) };
    if (this.#happens('deploy')) {
      const table = random.chance(0.6) ? random.below(this.#tables) : undefined;
      return { do: 'deploy', seed: random.bits(), table };
    }
    if (this.#happens('token')) return { do: 'token', device, version: random.below(3) };
    if (!this.#happens('userChange') || device === 0) return undefined;
    const person = random.below(this.#plan.people.length);
    this.#users[device] = person;
    return { do: 'user', device, person };
  }

  /** Processes that end between operations. */
  #end() {
    const random = this.#faults;
    const [device, seed, steps] = [random.below(this.#users.length), random.bits(), random.below(6)];
    if (this.#happens('deviceCrash')) return { do: 'end', device };
    if (this.#happens('devicePowerLoss')) return { do: 'end', device, power: seed };
    if (this.#happens('serverCrash')) return { do: 'serverEnd', steps };
    if (this.#happens('serverPowerLoss')) return { do: 'serverEnd', power: seed, steps };
    if (!this.#happens('serverRestored')) return undefined;
    return random.chance(0.5) ? { do: 'serverBackup' } : { do: 'serverRestore' };
  }
}

export function drawHistory(plan: OraclePlan): OracleStep[] {
  const author = new Author(plan);
  return Array.from({ length: plan.steps }, (_, index) => author.step(index));
}
