/**
 * watching.test.ts: who is woken by a change. A user who sees some rows only is told of those and of nothing else,
 * neither by a poke nor by a wait that ends; and a change that it cannot see does not even cost a look-up.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Events } from '../../src/server/http/events.ts';
import { Waits } from '../../src/server/http/waits.ts';
import { isRestricted, type Principal } from '../../src/server/principal.ts';
import { Handles } from '../../src/server/store/handles.ts';
import type { PushJob } from '../../src/server/store/job-queue.ts';
import { JobRunner } from '../../src/server/store/jobs.ts';
import type { OperationName, Operations } from '../../src/server/store/store.ts';
import type { Job } from '../../src/server/store/thread-messages.ts';
import { ManualClock } from '../server/manual-clock.ts';
import { policies, SCHEMA, VARIANTS, type Visibility } from './projects.ts';
import { Replica, SERVICE, Server, user } from './replica.ts';

const [VISIBLE, OTHERS] = VARIANTS as [Visibility, Visibility];
const ANN_TASK = "INSERT INTO tasks VALUES ('a', 'pa', 'ann', 'hers', 0)";
const BOB_TASK = "INSERT INTO tasks VALUES ('b', 'pb', 'bob', 'his', 0)";

let server: Server;
let handles: Handles;
let runner: JobRunner;
let clock: ManualClock;
let waits: Waits;
let events: Events;
/** Look-ups so far. */
let lookups = 0;

function run<Name extends OperationName>(
  name: Name,
  principal: Principal,
  input: Operations[Name]['input'],
): Promise<Operations[Name]['result']> {
  lookups += 1;
  const job = { id: 0, name, principal, database: 'test', input } as Exclude<Job, PushJob>;
  const [finished] = runner.work({ database: 'test', job });
  if (finished === undefined || 'error' in finished.outcome) throw finished?.outcome;
  return Promise.resolve(finished.outcome.result as Operations[Name]['result']);
}

/** What the worker does after each turn; then time for all that follows from it. */
async function announce(): Promise<void> {
  const change = runner.newChange('test');
  if (change !== undefined) {
    waits.announce('test', change);
    events.announce('test', change);
  }
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  clock.advance(100);
  await nextTurn();
}

async function commit(...statements: string[]): Promise<void> {
  server.database.sqlite.transaction(() => {
    for (const sql of statements) server.sql(sql);
  })();
  await announce();
}

/** A device that has read everything, listens, and waits. */
async function watch(principal: Principal) {
  const device = new Replica(server, principal);
  while (!device.pull());
  const { site, cursor } = device;
  const stream = events.listen({
    database: 'test',
    subject: principal.subject,
    site: site.toString('hex'),
    expires: undefined,
    isRestricted: isRestricted(principal),
    lookUp: () => run('version', principal, { site }),
  });
  stream.begin(await run('version', principal, { site }), undefined);
  let text = '';
  stream.output.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  let isWoken = false;
  const ended = waits.wait('test', {
    seconds: 1_000,
    isRestricted: isRestricted(principal),
    lookUp: () => run('peek', principal, { site, cursor }),
    signal: new AbortController().signal,
  });
  void ended.then(() => {
    isWoken = true;
  });
  await announce();
  return { pokes: () => text.split('event: poke').length - 1, isWoken: () => isWoken };
}

beforeEach(() => {
  server = new Server(SCHEMA);
  server.deploy(policies(VISIBLE));
  for (const sql of [ANN_TASK, BOB_TASK]) server.sql(sql);
  handles = new Handles(server.folder);
  runner = new JobRunner(handles);
  clock = new ManualClock();
  [waits, events] = [new Waits(clock), new Events(clock)];
});

afterEach(() => {
  handles.closeAll();
  server.close();
});

const CHANGES: [name: string, ...statements: string[]][] = [
  ['of a row that it sees', "UPDATE tasks SET title = 'new' WHERE id = 'a'"],
  ['that brings a row', "INSERT INTO tasks VALUES ('c', 'pc', 'ann', 'another', 0)"],
  ['that takes a row away', "UPDATE tasks SET owner = 'zoe' WHERE id = 'a'"],
  ['that deletes a row', "DELETE FROM tasks WHERE id = 'a'"],
  ['that grants', "INSERT INTO members VALUES ('m', 'pb', 'ann')"],
  ['of what a row belongs to', "INSERT INTO shares VALUES ('s', 'b', 'ann')"],
];

describe('one user', () => {
  test.each(CHANGES)('is woken by a change %s', async (_name, ...statements) => {
    const ann = await watch(user('ann'));
    expect([ann.pokes(), ann.isWoken()]).toEqual([0, false]);
    await commit(...statements);
    expect([ann.pokes(), ann.isWoken()]).toEqual([1, true]);
  });

  test('is woken when a grant is taken back', async () => {
    await commit("INSERT INTO members VALUES ('m', 'pb', 'ann')");
    const ann = await watch(user('ann'));
    await commit("DELETE FROM members WHERE id = 'm'");
    expect([ann.pokes(), ann.isWoken()]).toEqual([1, true]);
  });

  test('is woken by other policies', async () => {
    const ann = await watch(user('ann'));
    server.deploy(policies({ ...OTHERS, tasks: "project = 'pb'" }));
    await announce();
    expect([ann.pokes(), ann.isWoken()]).toEqual([1, true]);
  });

  test('is woken by the first policies', async () => {
    server.close();
    server = new Server(SCHEMA);
    for (const sql of [ANN_TASK, BOB_TASK]) server.sql(sql);
    handles = new Handles(server.folder);
    runner = new JobRunner(handles);
    const ann = await watch(user('ann'));
    await commit("UPDATE tasks SET title = 'new' WHERE id = 'b'");
    expect([ann.pokes(), ann.isWoken()], 'everybody sees everything').toEqual([1, true]);
    server.deploy(policies(VISIBLE));
    await announce();
    expect(ann.pokes()).toBe(2);
    await commit("UPDATE tasks SET title = 'newer' WHERE id = 'b'");
    expect(ann.pokes(), 'from now on she sees some rows only').toBe(2);
  });

  test('is not woken by what it does not see, which costs nothing', async () => {
    const [ann, service] = [await watch(user('ann')), await watch(SERVICE)];
    const before = lookups;
    await commit("UPDATE tasks SET title = 'new' WHERE id = 'b'");
    await commit(
      "UPDATE tasks SET title = 'newer' WHERE id = 'b'",
      "INSERT INTO comments VALUES ('c', 'b', 'x')",
    );
    expect([service.pokes(), service.isWoken()]).toEqual([2, true]);
    expect([ann.pokes(), ann.isWoken()]).toEqual([0, false]);
    await commit("INSERT INTO members VALUES ('m', 'pb', 'bob')");
    expect([ann.pokes(), ann.isWoken()], 'the membership of another').toEqual([0, false]);
    await commit("DELETE FROM tasks WHERE id = 'b'");
    expect([ann.pokes(), ann.isWoken()]).toEqual([0, false]);
    expect(lookups - before, 'for the membership and for new scopes only').toBeLessThanOrEqual(6);
    const after = lookups;
    for (let i = 0; i < 20; i += 1) await commit(`UPDATE comments SET body = 'x${i}'`);
    expect(lookups - after).toBe(0);
    await commit("UPDATE tasks SET title = 'hers too' WHERE id = 'a'");
    expect([ann.pokes(), ann.isWoken()]).toEqual([1, true]);
  });
});
