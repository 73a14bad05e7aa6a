/**
 * model.test.ts: random histories against what SQLite itself says: a device that has read everything has exactly the
 * rows that the SELECT policies show to its user, with their values. Memberships, shares, parents, deletions and moves,
 * several devices of several users, pages of one row and of many, lost answers of both kinds, changes between pages,
 * deploys in between.
 */
import { expect, test } from 'vitest';
import { LONG, propertyOptions } from '../support/random.ts';
import { policies, SCHEMA, VARIANTS, type Visibility } from './projects.ts';
import { Random } from './random-choice.ts';
import { Replica, Server, user } from './replica.ts';

const USERS = ['ann', 'bob'].map((name) => user(name));
const STEPS = 120;

class History {
  readonly server = new Server(SCHEMA);
  readonly devices: Replica[];
  readonly #random: Random;
  /** What the device's user saw when it had read everything, as the server's text for it. */
  readonly #seen = new Map<Replica, string>();
  #visible: Visibility;
  #count = 0;
  checks = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#visible = this.#random.of(VARIANTS);
    this.server.deploy(policies(this.#visible));
    this.devices = USERS.flatMap((principal) =>
      Array.from({ length: this.#random.below(2) + 1 }, () => new Replica(this.server, principal)),
    );
  }

  run(): void {
    for (let step = 0; step < STEPS; step += 1) this.#step();
    for (const device of this.devices) this.#finish(device);
  }

  close(): void {
    for (const device of this.devices) device.close();
    this.server.close();
  }

  #step(): void {
    const random = this.#random;
    const device = random.of(this.devices);
    const kind = random.below(20);
    if (kind < 6) this.#write((sql, ...values) => device.sql(sql, ...values));
    else if (kind < 10) this.#write((sql, ...values) => this.server.sql(sql, ...values));
    else if (kind < 12) device.push(random.below(4) === 0);
    else if (kind < 18) this.#page(device);
    else if (kind < 19 && random.below(2) === 0) this.#finish(device);
    else if (kind < 19) this.#toggle();
    else if (random.below(3) === 0) this.#deploy();
  }

  #page(device: Replica): void {
    // A device that has not heard the answer to its batch sends it again before it reads.
    device.push();
    const options = {
      entries: this.#random.of([1, 1, 2, 3, 100]),
      maxBytes: this.#random.of([1024, 1 << 20]),
    };
    const { told } = device;
    const isNew = this.#seen.get(device) !== device.version();
    this.#seen.delete(device);
    const isComplete = device.pull({ ...options, isLost: this.#random.below(5) === 0 });
    if (!isNew) expect(device.told - told, 'news that nobody was woken for').toBe(0);
    if (isComplete) this.#check(device);
  }

  /** Lets rows leave scopes and come back while some devices read and others do not. */
  #toggle(): void {
    const random = this.#random;
    const id = `${random.below(4)}`;
    const table = random.of(['members', 'shares', 'tasks']);
    const column = { members: 'person', shares: 'person', tasks: 'owner' }[table];
    for (let round = 0; round < 3; round += 1) {
      const person = round % 2 === 0 ? 'zoe' : random.of(['ann', 'bob']);
      this.server.sql(`UPDATE ${table} SET ${column} = ? WHERE id = ?`, person, id);
      const device = random.of(this.devices);
      if (random.below(3) === 0) device.push();
      else this.#page(device);
    }
  }

  #deploy(): void {
    this.#visible = this.#random.of(VARIANTS);
    this.server.deploy(policies(this.#visible));
  }

  /** One statement or several on any of the tables, by ids that collide often. */
  #write(sql: (text: string, ...values: unknown[]) => void): void {
    const random = this.#random;
    const id = () => `${random.below(4)}`;
    const person = () => random.of(['ann', 'bob', 'cyd', 'ann', 'bob']);
    this.#count += 1;
    const upsert = (table: string, columns: string[], values: unknown[]) => {
      const places = columns.map(() => '?').join(', ');
      const set = columns.slice(1).map((name) => `${name} = excluded.${name}`);
      const insertion = `INSERT INTO ${table}(${columns.join(', ')}) VALUES (${places})`;
      sql(`${insertion} ON CONFLICT(id) DO UPDATE SET ${set.join(', ')}`, ...values);
    };
    const table = random.of(['projects', 'members', 'tasks', 'shares', 'comments', 'tasks', 'comments']);
    if (random.below(4) === 0) {
      sql(`DELETE FROM ${table} WHERE id = ?`, id());
      return;
    }
    if (table === 'projects') upsert(table, ['id', 'owner', 'name'], [id(), person(), `n${this.#count}`]);
    if (table === 'members') upsert(table, ['id', 'project', 'person'], [id(), id(), person()]);
    if (table === 'shares') upsert(table, ['id', 'task', 'person'], [id(), id(), person()]);
    if (table === 'comments') upsert(table, ['id', 'task', 'body'], [id(), id(), `b${this.#count}`]);
    if (table !== 'tasks') return;
    const columns = ['id', 'project', 'owner', 'title', 'secret'];
    if (random.below(2) === 0) sql('UPDATE tasks SET title = ? WHERE id = ?', this.#title(), id());
    else upsert(table, columns, [id(), id(), person(), this.#title(), BigInt(random.below(2))]);
  }

  /** Some of them are so long that a page has room for few rows. */
  #title(): string {
    return `t${this.#count}`.padEnd(this.#random.of([2, 2, 400]), '-');
  }

  /** Reads to the end and compares. */
  #finish(device: Replica): void {
    device.push();
    device.push();
    while (!device.pull({ entries: this.#random.of([1, 3, 50]) }));
    this.#check(device);
  }

  #check(device: Replica): void {
    this.#seen.set(device, device.version());
    if (device.hasUnsent()) return;
    this.checks += 1;
    for (const [table, condition] of Object.entries(this.#visible)) {
      const expected = this.server.rows(device.principal, table, condition);
      expect(device.rows(table), `${device.principal.subject}: ${table}`).toEqual(expected);
    }
  }
}

/** Seeds whose first history has found something once. */
const FOUND = [
  // Of two scopes that were lost, one took a row back, and the other was there again before the next page.
  143_696_044,
];

/** Plays a history. Returns how often it has compared. */
function play(seed: number): number {
  const history = new History(seed);
  try {
    history.run();
  } catch (error) {
    throw new Error(`CLOUDSYNC_SEED=${seed} finds this in its first history`, { cause: error });
  } finally {
    history.close();
  }
  return history.checks;
}

test.each(FOUND)('the history of seed %i', (seed) => {
  expect(play(seed)).toBeGreaterThan(0);
});

test('a device that has read everything has the rows that its user sees', { timeout: 3_600_000 }, () => {
  const { seed, numRuns } = propertyOptions('scopes', 60);
  let checks = 0;
  for (let run = 0; run < numRuns; run += 1) checks += play(seed + run);
  console.log(`scopes: ${numRuns} histories, ${checks} comparisons${LONG ? ' (long)' : ''}`);
  expect(checks).toBeGreaterThan(numRuns * 5);
});
