/**
 * fairness.test.ts: a database whose devices ask for much at once does not keep those of others waiting: at the
 * entrance of a worker thread, in its queue, and where pulls wait for their turn.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/server/limits.js';
import type { Principal } from '../../src/server/principal.js';
import { Backlog } from '../../src/server/store/backlog.js';
import { FairPulls } from '../../src/server/store/fair-pulls.js';
import type { SyncStore } from '../../src/server/store/store.js';
import { WorkerStore } from '../../src/server/store/worker-store.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { firstSeed } from '../support/seed.js';
import { newSite } from './client.js';
import { ManualClock } from './manual-clock.js';

const admin: Principal = { subject: 'test', role: 'admin', databases: '*' };
const workerFile = new URL('../../dist/server/store/worker.js', import.meta.url);

describe('the room of a worker thread', () => {
  /** Adds jobs of a database until there is no room for one more. */
  function fill(backlog: Backlog, database: string, bytes = 0): number {
    let count = 0;
    for (; backlog.hasRoom(database, bytes); count += 1) backlog.add(database, bytes);
    return count;
  }

  test('one database gets a quarter of it, the next ones a quarter of what is left', () => {
    const backlog = new Backlog();
    expect(fill(backlog, 'a')).toBe(1000);
    expect(fill(backlog, 'b')).toBe(750);
    expect(fill(backlog, 'c')).toBe(563);
    for (let i = 0; i < 20; i += 1) fill(backlog, `flood ${i}`);
    expect(backlog.hasRoom('quiet', 0)).toBe(true);
  });

  test('bytes are shared likewise', () => {
    const backlog = new Backlog();
    const bytes = 1 << 20;
    expect(fill(backlog, 'a', bytes)).toBe(LIMITS.queuedBytesPerWorker / bytes / 4);
    expect(backlog.hasRoom('a', 0), 'what needs no bytes').toBe(true);
    expect(backlog.hasRoom('b', 20 * bytes)).toBe(true);
  });

  test('whatever busy databases do, there is room for one that comes', () => {
    const seed = firstSeed();
    process.stdout.write(`room: CLOUDSYNC_SEED=${seed}\n`);
    const next = randomNumbers(seed);
    const backlog = new Backlog();
    const jobs: [string, number][] = [];
    for (let step = 0; step < 50_000; step += 1) {
      const database = `busy-${Math.floor(next() * 16)}`;
      const bytes = Math.floor(next() * (1 << 18));
      if (next() < 0.9 && backlog.hasRoom(database, bytes)) {
        backlog.add(database, bytes);
        jobs.push([database, bytes]);
      } else if (jobs.length > 0) {
        const [job] = jobs.splice(Math.floor(next() * jobs.length), 1);
        backlog.remove(...(job as [string, number]));
      }
      if (!backlog.hasRoom('quiet', 1 << 20)) throw new Error(`no room at step ${step}`);
      expect(backlog.jobs).toBe(jobs.length);
    }
  });
});

test('a database with a thousand requests in the queue: one of another is answered among the first', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cloudsync-fair-'));
  const problems: Error[] = [];
  const onProblem = (error: Error) => problems.push(error);
  const store = await WorkerStore.open({ databases: directory, workers: 1, onProblem, workerFile });
  const site = newSite();
  const ask = (database: string) => store.run('register', admin, database, { site, tables: [] });
  for (const database of ['busy', 'quiet', 'third']) await ask(database);
  let answered = 0;
  const flood = Array.from({ length: 5000 }, () =>
    ask('busy').then(
      () => {
        answered += 1;
        return 'answered';
      },
      () => 'refused',
    ),
  );
  const before = answered;
  await Promise.all([ask('quiet'), ask('third')]);
  expect(answered - before, 'answers to the busy one meanwhile').toBeLessThan(200);
  const outcomes = await Promise.all(flood);
  expect(outcomes.filter((outcome) => outcome === 'answered')).toHaveLength(1000);
  expect(problems).toEqual([]);
  await store.close();
  rmSync(directory, { recursive: true });
});

describe('pulls', () => {
  const input = { site: newSite(), epoch: newSite(), lastBatch: 0, cursor: Buffer.alloc(0), maxBytes: 1 };

  /** A store whose pulls end when the test says so. */
  function slowStore() {
    const running: { database: string; end: (error?: Error) => void }[] = [];
    const store = {
      run: (_name: string, _principal: Principal, database: string) =>
        new Promise((resolve, reject) => {
          const end = (error?: Error) => {
            running.splice(
              running.findIndex((each) => each.end === end),
              1,
            );
            if (error === undefined) resolve(undefined);
            else reject(error);
          };
          running.push({ database, end });
        }),
    } as unknown as SyncStore;
    return { store, running, names: () => running.map(({ database }) => database) };
  }

  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('so many run and no more; databases take turns', async () => {
    const { store, running, names } = slowStore();
    const fair = new FairPulls(store, 2, new ManualClock());
    const order: string[] = [];
    const pull = (database: string) =>
      fair.run('pull', admin, database, input).then(() => order.push(database));
    const all = ['a', 'a', 'a', 'a', 'a', 'b', 'c', 'c'].map(pull);
    for (const expected of [
      ['a', 'a'],
      ['a', 'a'],
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
      ['a', 'c'],
      ['c', 'a'],
    ]) {
      await settle();
      expect(names()).toEqual(expected);
      running[0]?.end();
    }
    for (const { end } of [...running]) end();
    await Promise.all(all);
    expect(order).toHaveLength(8);
    // Both places are free again.
    void fair.run('pull', admin, 'a', input);
    void fair.run('pull', admin, 'a', input);
    await settle();
    expect(names()).toEqual(['a', 'a']);
  });

  test('a failed one gives its place back; what is no pull does not wait', async () => {
    const { store, running, names } = slowStore();
    const fair = new FairPulls(store, 1, new ManualClock());
    const failing = fair.run('pull', admin, 'a', input);
    const next = fair.run('pull', admin, 'b', input);
    void fair.run('peek', admin, 'c', { site: input.site, cursor: input.cursor });
    await settle();
    expect(names()).toEqual(['a', 'c']);
    running[0]?.end(new Error('it failed'));
    await expect(failing).rejects.toThrow('it failed');
    await settle();
    expect(names()).toEqual(['c', 'b']);
    running[1]?.end();
    await next;
  });

  test('who waits for too long is told to try again, and leaves no place behind', async () => {
    const { store, running, names } = slowStore();
    const clock = new ManualClock();
    const fair = new FairPulls(store, 1, clock);
    void fair.run('pull', admin, 'a', input);
    const late = fair.run('pull', admin, 'a', input);
    const refusal = expect(late).rejects.toMatchObject({ errorName: 'busy' });
    clock.advance(LIMITS.pullTurnMilliseconds);
    await refusal;
    expect(clock.pending).toBe(0);
    running[0]?.end();
    await settle();
    const after = fair.run('pull', admin, 'a', input);
    await settle();
    expect(names()).toEqual(['a']);
    running[0]?.end();
    await after;
  });

  test('not more than a thousand wait', async () => {
    const { store } = slowStore();
    const fair = new FairPulls(store, 1, new ManualClock());
    const all = Array.from({ length: LIMITS.waitingPulls + 2 }, () => fair.run('pull', admin, 'a', input));
    await expect(all.at(-1)).rejects.toMatchObject({ errorName: 'busy' });
  });
});
