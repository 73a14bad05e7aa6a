/**
 * world.ts: a stage with users: each device has a token, the server has policies, and what every device shows is
 * compared with what the policies show its user.
 */
import { createHash } from 'node:crypto';
import { deployPolicies } from '../../src/server/policies/active-policies.js';
import { compilePolicies } from '../../src/server/policies/compile.js';
import { decodePayload } from '../packet/decode.js';
import type { SimulatedDevice } from '../sim/device.js';
import { type Question, SERVER_DISK } from '../sim/server.js';
import { type Reply, type Stop, simulate } from '../sim/simulated.js';
import { Broken, type Observer, Stage } from '../sim/stage.js';
import { type Content, contentOf, sameContent } from '../sim/truth.js';
import { readPush, toldBy } from './answers.js';
import { Edits, generationsOf, type Newest, stampsOf } from './edits.js';
import { claimsOf, type Person, principalOf, SERVICE, tokenOf } from './people.js';
import { type OraclePlan, tablesOf } from './plan.js';
import { Policies } from './policies.js';
import type { OracleTable } from './schema.js';
import type { OracleStep } from './steps.js';
import { difference, Watch } from './watch.js';

const SYNC = 'SELECT cloudsync_network_sync()';

/** What is known of a device beside its files. */
interface Known {
  token: string;
  person: Person | undefined;
  edits: Edits;
  /** What its user saw when its last pull was complete; undefined when more happened since. */
  shown: Content | undefined;
}

type Asked = Parameters<Watch['answered']>[1];

export class PolicyWorld extends Stage implements Observer {
  declare readonly tables: readonly OracleTable[];
  readonly plan: OraclePlan;
  readonly watch: Watch;
  readonly #known = new Map<SimulatedDevice, Known>();
  #policies: Policies | undefined;
  /** What was in force in the newest backup of the server. */
  #backup: { policies: Policies | undefined } | undefined;
  #expected: Asked;
  readonly #ended = new Set<SimulatedDevice>();

  constructor(plan: OraclePlan, options: { trace?: boolean } = {}) {
    super(plan, tablesOf(plan.seed), options.trace === true);
    this.plan = plan;
    const tokens = () => [...this.#known.values()].map(({ token }) => token);
    this.watch = new Watch(this.tables, plan.people, () => this.server, tokens);
    this.server.principalOf = (credential) => principalOf(plan.people, credential);
    this.observer = this;
  }

  /** The service brings the tables to the server; then the users' devices join. */
  async begin(): Promise<void> {
    this.#join(undefined);
    const { error } = await this.finish(this.pick(0), SYNC);
    if (error !== '') throw new Broken('the beginning', error);
    for (const user of this.plan.users) this.#join(this.plan.people[user]);
    if (this.plan.beginsRestricted) this.#deploy(this.plan.seed, undefined);
  }

  #join(person: Person | undefined): void {
    const token = person === undefined ? SERVICE : tokenOf(person, 0);
    const device = this.addDevice();
    device.setToken(token);
    this.#known.set(device, { token, person, edits: new Edits(), shown: undefined });
  }

  knownOf(device: SimulatedDevice): Known {
    const known = this.#known.get(device);
    if (known === undefined) throw new Error(`${device.name} has not joined`);
    return known;
  }

  async play(step: OracleStep): Promise<void> {
    this.pass(step.passes);
    await this.#do(step);
    this.compareEnded();
  }

  async #do(step: OracleStep): Promise<void> {
    switch (step.do) {
      case 'service':
        return this.#service(step.statements);
      case 'deploy':
        return this.#deploy(step.seed, step.table);
      case 'token':
        return this.#changeToken(this.pick(step.device), step.version);
      case 'user':
        return this.#changeUser(this.pick(step.device), step.person);
      case 'serverBackup':
        this.#backup = { policies: this.#policies };
        return this.playCommon(step);
      case 'serverRestore':
        return this.#restoreServer();
      default:
        return this.playCommon(step);
    }
  }

  /* --- what operators and people do --- */

  #service(statements: readonly string[]): void {
    if (!this.server.isUp) return;
    this.watch.settle();
    const { database } = this.server;
    simulate('clock_set', SERVER_DISK, Math.floor(this.now));
    this.note('server', statements.join('; '));
    database.exec('BEGIN IMMEDIATE');
    for (const sql of statements) this.statement(database, sql);
    database.exec('COMMIT');
    this.watch.adopt();
  }

  #deploy(seed: number, only: number | undefined): void {
    if (!this.server.isUp) return;
    const table = only === undefined ? undefined : this.tables[only];
    const policies = Policies.draw(this.tables, seed, table, this.#policies);
    const text = policies.text();
    const { database } = this.server;
    const { errors } = compilePolicies(database, text);
    const [error] = errors;
    if (error !== undefined) {
      if (!/more than 64 alternatives/.test(error.message))
        throw new Broken('policies compile', `${error.message}\n${text}`);
      this.count('policies that were refused');
      return;
    }
    this.note('server', `deploys ${text.replaceAll('\n', ' ')}`);
    this.count('deploys');
    const hash = createHash('sha256').update(text).digest('hex');
    simulate('clock_set', SERVER_DISK, Math.floor(this.now));
    deployPolicies(database, text, hash, Math.floor(this.now / 1000));
    this.#policies = policies;
    this.watch.deployed(policies);
  }

  #changeToken(device: SimulatedDevice, version: number): void {
    const known = this.knownOf(device);
    if (device.stop !== undefined || known.person === undefined) return;
    this.#useToken(device, known, tokenOf(known.person, version));
    device.setToken(known.token);
  }

  #changeUser(device: SimulatedDevice, number: number): void {
    const known = this.knownOf(device);
    const person = this.plan.people[number];
    if (device.stop !== undefined || known.person === undefined || person === undefined) return;
    known.person = person;
    known.edits = new Edits();
    this.#useToken(device, known, tokenOf(person, 0));
    device.changeUser(known.token);
  }

  #useToken(device: SimulatedDevice, known: Known, token: string): void {
    const claims = JSON.stringify(claimsOf(this.plan.people, token));
    this.count('tokens');
    this.note(device.name, `gets the token ${token}: ${claims}`);
    known.token = token;
    known.shown = undefined;
    this.watch.show();
  }

  async #restoreServer(): Promise<void> {
    const passes = 0;
    if (this.#backup === undefined) return this.#do({ passes, do: 'serverBackup' });
    await this.playCommon({ passes, do: 'serverRestore' });
    this.#policies = this.#backup.policies;
    this.watch.restored(this.#policies);
  }

  /* --- what the stage tells --- */

  protected committed(device: SimulatedDevice, before: Content, after: Content): void {
    const generations = generationsOf(device.writer, this.tables);
    this.knownOf(device).edits.committed(before, after, device.time, generations);
  }

  protected attempted(): void {
    this.count('writes in doubt');
  }

  protected lostCommits(device: SimulatedDevice): void {
    throw new Error(`${device.name} is durable`);
  }

  protected healed(device: SimulatedDevice): void {
    this.note(device.name, `has the token ${this.knownOf(device).token}`);
  }

  asks(device: SimulatedDevice, question: Question): void {
    if (question.url.endsWith('/push')) {
      const known = this.knownOf(device);
      known.shown = undefined;
      known.edits.sent(decodePayload(readPush(question.body).packet));
    }
    this.#expected = this.watch.asks(question);
  }

  answered(device: SimulatedDevice, question: Question, reply: Reply): void {
    const known = this.knownOf(device);
    const told = toldBy(question, reply);
    if (told !== undefined) this.note(device.name, `is told: ${told}`);
    const seen = this.watch.answered(question, this.#expected, reply);
    if (seen?.kind === 'pulled') known.shown = seen.content;
    if (seen?.kind !== 'pushed') return;
    this.count('rows denied', seen.denied.size);
    known.edits.denied(seen.batch, seen.denied);
  }

  protected override sessionEnded(device: SimulatedDevice, stop: Extract<Stop, { kind: 'end' }>): void {
    super.sessionEnded(device, stop);
    if (stop.error !== '') this.knownOf(device).shown = undefined;
    else this.#ended.add(device);
  }

  /** Compares devices whose sessions have ended, once no fault can disturb it. */
  compareEnded(): void {
    for (const device of this.#ended) {
      const known = this.knownOf(device);
      const { shown } = known;
      known.shown = undefined;
      if (shown === undefined || device.stop !== undefined || hasUnsent(device)) continue;
      this.count('devices compared');
      this.count('rows compared', shown.size);
      requireShown(device, known, shown, this.tables);
    }
    this.#ended.clear();
  }

  /** When all is over: everybody sees what he may see, and no edit has vanished. */
  checkEverything(): void {
    this.compareEnded();
    this.watch.adopt();
    const { database } = this.server;
    const [generations, stamps] = [generationsOf(database, this.tables), stampsOf(database)];
    const newest = (place: string): Newest | undefined => {
      const generation = generations.get(place);
      return generation === undefined ? undefined : { generation, stamp: stamps.get(place) ?? 0 };
    };
    for (const device of this.devices) {
      const known = this.knownOf(device);
      if (hasUnsent(device)) throw new Broken('empty queue', `${device.name} still has unsent changes`);
      const claims = claimsOf(this.plan.people, known.token);
      requireShown(device, known, this.watch.mirror.visible(claims), this.tables);
      const missing = known.edits.missing(device.main, newest);
      if (missing.length > 0) throw new Broken('no silent loss', `${device.name}: ${missing.join('; ')}`);
      this.checkIntegrity(device);
    }
  }

  override close(): void {
    super.close();
    this.watch.mirror.close();
  }
}

function hasUnsent(device: SimulatedDevice): boolean {
  return device.main.prepare('SELECT cloudsync_network_has_unsent_changes()').pluck().get() !== 0n;
}

function requireShown(
  device: SimulatedDevice,
  { token }: Known,
  shown: Content,
  tables: readonly OracleTable[],
): void {
  const content = contentOf(device.main, tables);
  if (sameContent(content, shown)) return;
  throw new Broken(
    'what the policies show',
    `${device.name} (${token}): ${difference(shown, content, 'shown', 'there')}`,
  );
}
