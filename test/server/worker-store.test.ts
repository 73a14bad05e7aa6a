/**
 * worker-store.test.ts: the store without HTTP: a worker thread that dies is replaced, its requests are
 * answered "busy", and nothing that was acknowledged is lost; a full disk fails a push as a whole; jobs come
 * out of the queue in fair order.
 */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { load } from '../../src/node/index.js';
import { SyncError } from '../../src/server/errors.js';
import { LIMITS } from '../../src/server/limits.js';
import type { Principal } from '../../src/server/principal.js';
import { SyncDatabase } from '../../src/server/store/database.js';
import { JobQueue } from '../../src/server/store/job-queue.js';
import { pushGroup } from '../../src/server/store/push.js';
import { register } from '../../src/server/store/register.js';
import { publishSchema } from '../../src/server/store/schema.js';
import { toPassingTrouble } from '../../src/server/store/sqlite-errors.js';
import type { Job } from '../../src/server/store/thread-messages.js';
import { WorkerStore } from '../../src/server/store/worker-store.js';
import { newSite } from './client.js';
import { NOTES } from './device.js';

const workerFile = new URL('../../dist/server/store/worker.js', import.meta.url);
const admin: Principal = { subject: 'test', role: 'admin', databases: '*' };

/** For stores in which nothing may go wrong outside of a request. */
function failTest(error: Error): void {
  throw error;
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cloudsync-store-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('worker threads', () => {
  test('one that dies is replaced; its requests are busy, the others do not notice', async () => {
    const problems: Error[] = [];
    const onProblem = (error: Error) => problems.push(error);
    const store = await WorkerStore.open({ databases: directory, workers: 2, onProblem, workerFile });
    const site = newSite();
    const before = await store.run('register', admin, 'one', { site, tables: [] });
    const [first, second] = store.threads;
    const identities = [first?.threadId, second?.threadId];
    const requests = Array.from({ length: 20 }, (_, index) =>
      store.run('register', admin, `database-${index}`, { site, tables: [] }),
    );
    const terminated = first?.terminate();
    const outcomes = await Promise.allSettled(requests);
    await terminated;
    const refused = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map((outcome) => outcome.reason);
    expect(refused.length, 'jobs of the dead thread').toBeGreaterThan(0);
    expect(refused.length, 'jobs of the other thread').toBeLessThan(20);
    for (const error of refused) expect(error).toMatchObject({ errorName: 'busy' });
    expect(problems.map((error) => error.message)).toEqual(['a worker thread ended: exit code 1']);
    await vi.waitUntil(() => first?.threadId !== undefined, { timeout: 10_000 });
    expect(first?.threadId).not.toBe(identities[0]);
    expect(second?.threadId).toBe(identities[1]);
    await store.ready();
    const after = await store.run('register', admin, 'one', { site, tables: [] });
    expect(Buffer.from(after.epoch).equals(Buffer.from(before.epoch))).toBe(true);
    await store.close();
  });

  test('more requests than may wait are refused, and all others are answered', async () => {
    const store = await WorkerStore.open({
      databases: directory,
      workers: 1,
      onProblem: failTest,
      workerFile,
    });
    const site = newSite();
    await store.run('register', admin, 'one', { site, tables: [] });
    const requests = Array.from({ length: 1500 }, () =>
      store.run('register', admin, 'one', { site, tables: [] }),
    );
    const outcomes = await Promise.allSettled(requests);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(500);
    for (const outcome of refused) expect(outcome.reason).toMatchObject({ errorName: 'busy' });
    await store.close();
  });

  test('a thread that cannot start says why', async () => {
    const missing = new URL('./no-worker.js', workerFile);
    const open = WorkerStore.open({
      databases: directory,
      workers: 2,
      onProblem: () => undefined,
      workerFile: missing,
    });
    await expect(open).rejects.toThrow(/a worker thread ended: .*no-worker/);
  });
});

describe('database files', () => {
  test('are opened durable, without foreign keys, and keep their identity', () => {
    const file = join(directory, 'settings.db');
    const database = new SyncDatabase('settings', file);
    const pragma = (name: string) => database.sqlite.pragma(name, { simple: true });
    expect(pragma('journal_mode')).toBe('wal');
    expect(pragma('synchronous'), 'FULL').toBe(2);
    expect(pragma('foreign_keys')).toBe(0);
    expect(pragma('trusted_schema')).toBe(0);
    database.close();
    const again = new SyncDatabase('settings', file);
    expect(again.epoch.equals(database.epoch)).toBe(true);
    expect(again.cursorSecret.equals(database.cursorSecret)).toBe(true);
    again.close();
  });

  test.skipIf(!existsSync('/proc/self/fd'))('no more than the limit are open, all of them work', async () => {
    const store = await WorkerStore.open({
      databases: directory,
      workers: 1,
      onProblem: failTest,
      workerFile,
    });
    const site = newSite();
    const names = Array.from({ length: LIMITS.openDatabasesPerWorker + 20 }, (_, index) => `many-${index}`);
    const epochs = new Map<string, string>();
    for (const name of [...names, ...names]) {
      const { epoch } = await store.run('register', admin, name, { site, tables: [] });
      const hex = Buffer.from(epoch).toString('hex');
      expect(epochs.get(name) ?? hex).toBe(hex);
      epochs.set(name, hex);
    }
    const links = readdirSync('/proc/self/fd').map((descriptor) => {
      // The descriptor with which the directory was read is gone by now.
      const link = join('/proc/self/fd', descriptor);
      return existsSync(link) ? readlinkSync(link) : '';
    });
    const open = links.filter((link) => link.startsWith(directory) && link.endsWith('.db'));
    expect(open).toHaveLength(LIMITS.openDatabasesPerWorker);
    await store.close();
  });
});

describe('a full disk', () => {
  test('the push fails as busy with nothing changed, and succeeds when there is space', () => {
    const database = new SyncDatabase('full', join(directory, 'full.db'));
    const sites = [newSite(), newSite()];
    for (const site of sites) register(database, admin, { site, tables: [] });
    const definitions = [{ name: 'notes', algorithm: 0, sql: NOTES }];
    publishSchema(database, admin, { site: sites[0] as Buffer, definitions });
    const requests = sites.map((site) => ({
      principal: admin,
      input: { site, epoch: database.epoch, batch: 1, packet: largePacket() },
    }));
    const pages = database.sqlite.pragma('page_count', { simple: true }) as number;
    database.sqlite.pragma(`max_page_count = ${pages + 2}`);
    for (const outcome of pushGroup(database, requests)) {
      expect(toPassingTrouble('error' in outcome && outcome.error, 'full')).toMatchObject({
        errorName: 'busy',
      });
    }
    expect(database.sqlite.inTransaction).toBe(false);
    expect(database.sqlite.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(0);
    expect(database.findSite(sites[0] as Buffer)?.last_batch).toBe(0);
    database.sqlite.pragma(`max_page_count = ${pages + 10_000}`);
    for (const outcome of pushGroup(database, requests)) expect(outcome).toHaveProperty('result');
    expect(database.sqlite.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(1000);
    database.close();
  });

  /** 500 rows of a device of their own. */
  function largePacket(): Buffer {
    const device = new Database(':memory:');
    load(device);
    device.exec(NOTES);
    device.prepare('SELECT cloudsync_init(?)').get('notes');
    device.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)
      INSERT INTO notes SELECT hex(randomblob(16)), hex(randomblob(100)), NULL FROM n`);
    const packet = device.prepare('SELECT cloudsync_payload_encode(0)').pluck().get() as Buffer;
    device.close();
    return packet;
  }

  test('errors that do not pass stay what they are', () => {
    const defect = new Error('defect');
    expect(toPassingTrouble(defect, 'x')).toBe(defect);
    const wrongSql = new Database.SqliteError('no such table: t', 'SQLITE_ERROR');
    expect(toPassingTrouble(wrongSql, 'x')).toBe(wrongSql);
    expect(toPassingTrouble(new Database.SqliteError('disk', 'SQLITE_IOERR_WRITE'), 'x')).toBeInstanceOf(
      SyncError,
    );
  });
});

describe('the queue', () => {
  const job = (name: Job['name'], database: string, id: number, bytes = 1) =>
    ({ name, database, id, principal: admin, input: { packet: Buffer.alloc(bytes) } }) as unknown as Job;

  /** The ids in the order of turns; pushes that share a turn stand together. */
  function turns(jobs: Job[]): (number | number[])[] {
    const queue = new JobQueue();
    for (const one of jobs) queue.add(one);
    const order: (number | number[])[] = [];
    for (let turn = queue.take(); turn !== undefined; turn = queue.take()) {
      order.push('job' in turn ? turn.job.id : turn.pushes.map((push) => push.id));
    }
    expect(queue.isEmpty).toBe(true);
    return order;
  }

  test('databases take turns', () => {
    const jobs = [job('pull', 'a', 1), job('pull', 'a', 2), job('pull', 'a', 3), job('pull', 'b', 4)];
    expect(turns(jobs)).toEqual([1, 4, 2, 3]);
  });

  test('waiting pushes of one database come out together', () => {
    const jobs = [job('push', 'a', 1), job('pull', 'a', 2), job('push', 'b', 3), job('push', 'a', 4)];
    expect(turns(jobs)).toEqual([[1, 4], [3], 2]);
  });

  test('a group is bounded in number and in bytes; one large push goes alone', () => {
    const many = Array.from({ length: 130 }, (_, id) => job('push', 'a', id));
    expect(turns(many).map((turn) => (turn as number[]).length)).toEqual([64, 64, 2]);
    const large = Array.from({ length: 3 }, (_, id) => job('push', 'a', id, 20 << 20));
    expect(turns(large)).toEqual([[0], [1], [2]]);
  });
});
