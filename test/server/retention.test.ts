/**
 * retention.test.ts: what a database forgets: marks of commits that no device's cursor can need, and the recorded
 * answers of devices that are silent for long. No device that asks in time notices anything of it; one that comes
 * back after that starts over and loses nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { load } from '../../src/node/index.js';
import type { Principal } from '../../src/server/principal.js';
import { SyncDatabase } from '../../src/server/store/database.js';
import { Handles } from '../../src/server/store/handles.js';
import { JobRunner } from '../../src/server/store/jobs.js';
import { peek, pull } from '../../src/server/store/pull.js';
import { pushGroup } from '../../src/server/store/push.js';
import { NO_QUOTA } from '../../src/server/store/quota.js';
import { register } from '../../src/server/store/register.js';
import { publishSchema } from '../../src/server/store/schema.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { firstSeed } from '../support/seed.js';
import { newSite } from './client.js';
import { NOTES } from './device.js';
import { ManualClock } from './manual-clock.js';

const DAYS = 10;
const DAY = 86_400_000;
const HOUR = 3_600_000;
const admin: Principal = { subject: 'test', role: 'admin', databases: '*' };

let directory: string;
let clock: ManualClock;
let server: SyncDatabase;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cloudsync-retention-'));
  clock = new ManualClock();
  server = openServer();
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

function openServer(): SyncDatabase {
  return new SyncDatabase('d', join(directory, 'd.db'), clock, { quota: NO_QUOTA, deviceDays: DAYS });
}

const marks = () =>
  Number(server.sqlite.prepare('SELECT count(*) FROM cloudsync_server_pushes').pluck().get());

/** A device that speaks with the store directly. */
class Device {
  readonly database = new Database(':memory:');
  readonly site = newSite();
  #batch = 0;
  #pushed = 0;
  #packet: { packet: Buffer; version: number } | undefined;
  cursor: Uint8Array = Buffer.alloc(0);

  constructor() {
    load(this.database);
    this.database.exec(NOTES);
    this.database.prepare("SELECT cloudsync_init('notes')").get();
    register(server, admin, { site: this.site, tables: [] });
    publishSchema(server, admin, {
      site: this.site,
      definitions: [{ name: 'notes', algorithm: 0, sql: NOTES }],
    });
  }

  write(id: string, title: string): void {
    const sql =
      'INSERT INTO notes(id, title) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET title = excluded.title';
    this.database.prepare(sql).run(id, title);
  }

  /** Pushes what is new. @param isAnswerLost whether the device does not get the answer, and sends again next time */
  push(isAnswerLost = false): void {
    this.#packet ??= {
      packet: this.database
        .prepare('SELECT cloudsync_payload_encode(?)')
        .pluck()
        .get(BigInt(this.#pushed)) as Buffer,
      version: this.database.prepare('SELECT cloudsync_db_version()').pluck().get() as number,
    };
    const { packet, version } = this.#packet;
    const input = { site: this.site, epoch: server.epoch, batch: this.#batch + 1, packet };
    const [outcome] = pushGroup(server, [{ principal: admin, input }]);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome');
    if (isAnswerLost) return;
    this.#batch += 1;
    this.#pushed = version;
    this.#packet = undefined;
  }

  /** Pulls one page. @param isAnswerLost whether the device does not get it */
  pull(isAnswerLost = false): boolean {
    const { site, cursor } = this;
    const request = { site, epoch: server.epoch, lastBatch: this.#batch, cursor, maxBytes: 4096 };
    const page = pull(server, admin, request);
    if (isAnswerLost) return false;
    const apply = this.database.prepare('SELECT cloudsync_payload_apply(?)');
    for (const packet of page.packets) apply.get(packet);
    this.cursor = page.cursor;
    return page.complete;
  }

  wait(): void {
    peek(server, admin, { site: this.site, cursor: this.cursor });
  }

  pullAll(): void {
    while (!this.pull());
  }

  rows(): unknown[] {
    return this.database.prepare('SELECT id, title FROM notes ORDER BY id').all();
  }
}

describe('marks of commits', () => {
  test('go when all devices have read on; the newest stays', () => {
    const [ada, bob] = [new Device(), new Device()];
    for (let i = 0; i < 50; i += 1) {
      ada.write('n', `${i}`);
      ada.push();
      if (i === 30) for (const device of [ada, bob]) device.pullAll();
    }
    expect(marks()).toBe(50);
    server.readers.prune();
    expect(marks(), 'those from the one that bob stands at').toBe(20);
    for (const device of [ada, bob]) device.pullAll();
    for (const device of [ada, bob]) device.pullAll();
    server.readers.prune();
    expect(marks()).toBe(1);
    for (const device of [ada, bob]) device.pullAll();
    expect(bob.rows()).toEqual(ada.rows());
  });

  test('a device in the middle of its first pull keeps its place', () => {
    const [ada, bob] = [new Device(), new Device()];
    for (let i = 0; i < 40; i += 1) {
      ada.write(`${i}`, 'x'.repeat(1000));
      ada.push();
    }
    for (let i = 0; i < 3; i += 1) ada.pullAll();
    expect(bob.pull(), 'there are more pages').toBe(false);
    server.readers.prune();
    bob.pullAll();
    expect(bob.rows()).toEqual(ada.rows());
  });

  test('a device that is silent for too long holds nothing up; it is told to start over', () => {
    const [ada, bob] = [new Device(), new Device()];
    for (let day = 0; day < 2 * DAYS; day += 1) {
      ada.write('n', `${day}`);
      ada.push();
      ada.pullAll();
      if (day === 0) bob.pullAll();
      clock.advance(DAY);
      server.readers.prune();
      if (day < DAYS - 1) expect(marks()).toBe(day + 1);
    }
    expect(marks()).toBeLessThan(3);
    expect(() => bob.pull()).toThrow(/start over/);
    bob.cursor = Buffer.alloc(0);
    bob.pullAll();
    expect(bob.rows()).toEqual(ada.rows());
  });

  test('are all kept for the devices of an older server until each has asked', () => {
    const [ada, bob] = [new Device(), new Device()];
    for (let i = 0; i < 10; i += 1) {
      ada.write('n', `${i}`);
      ada.push();
      bob.pullAll();
    }
    server.readers.save();
    server.sqlite.exec('DROP TABLE cloudsync_server_readers');
    server.close();
    server = openServer();
    server.readers.prune();
    ada.pullAll();
    server.readers.prune();
    expect(marks(), 'bob may stand anywhere').toBe(10);
    bob.pullAll();
    ada.pullAll();
    server.readers.prune();
    expect(marks()).toBe(1);
  });

  test.each(seeds())('no device that asks in time notices that they go (%i)', (seed) => {
    process.stdout.write(`retention: CLOUDSYNC_SEED=${seed}\n`);
    const next = randomNumbers(seed);
    const devices = Array.from({ length: 5 }, () => new Device());
    const pick = () => devices[Math.floor(next() * devices.length)] as Device;
    let lastAsked = new Map<Device, number>();
    /** What the file tells of that: the rest is lost with the process. */
    let lastWritten = new Map<Device, number>();
    let mostMarks = 0;
    for (let step = 0; step < 400; step += 1) {
      const device = pick();
      const kind = next();
      if (kind < 0.4) {
        for (let i = 0; i < 3; i += 1) device.write(`${Math.floor(next() * 60)}`, 'x'.repeat(next() * 900));
        device.push();
      } else if (kind < 0.8) {
        device.pull(next() < 0.2);
        lastAsked.set(device, clock.now());
      } else if (kind < 0.9) {
        clock.advance(Math.floor(next() * DAY));
        // Nobody is silent for too long.
        for (const each of devices) {
          if (clock.now() - (lastAsked.get(each) ?? 0) < (DAYS - 1) * DAY) continue;
          each.pull();
          lastAsked.set(each, clock.now());
        }
      } else if (kind < 0.97) {
        server.readers.prune();
        lastWritten = new Map(lastAsked);
      } else {
        if (next() < 0.5) {
          server.readers.save();
          lastWritten = new Map(lastAsked);
        }
        // What is noted after that is lost with the process: such a device counts from its former request on.
        if (next() < 0.5) for (const each of devices) each.pull();
        lastAsked = new Map(lastWritten);
        server.close();
        server = openServer();
      }
      mostMarks = Math.max(mostMarks, marks());
    }
    for (const device of devices) device.pullAll();
    for (const device of devices) device.pullAll();
    for (const device of devices) expect(device.rows()).toEqual(devices[0]?.rows());
    server.readers.prune();
    expect(marks()).toBe(1);
    expect(mostMarks).toBeGreaterThan(5);
  });
});

function seeds(): number[] {
  const given = process.env['CLOUDSYNC_SEED'];
  if (given !== undefined) return [Number(given)];
  const count = process.env['CLOUDSYNC_LONG'] === '1' ? 300 : 4;
  const first = firstSeed();
  return Array.from({ length: count }, (_, index) => first + index);
}

describe('recorded answers', () => {
  const answer = (device: Device) => server.findSite(device.site)?.answer ?? null;

  test('go with the silence of their device, and stay while it only reads', () => {
    const [reader, silent] = [new Device(), new Device()];
    for (const device of [reader, silent]) {
      for (const isAnswerLost of [false, true]) {
        device.write('n', 'x');
        device.push(isAnswerLost);
        if (!isAnswerLost) device.pullAll();
      }
    }
    for (let day = 0; day <= DAYS; day += 1) {
      reader.wait();
      clock.advance(DAY);
      server.readers.prune();
    }
    expect(answer(reader)).not.toBeNull();
    expect(answer(silent)).toBeNull();
    reader.push();
    expect(() => silent.push(), 'it does not know that it has been heard').toThrow(/take a new site id/);
  });

  test('its last batch stays known for ever', () => {
    const device = new Device();
    device.write('n', 'x');
    device.push();
    clock.advance(1000 * DAY);
    server.readers.prune();
    expect(answer(device)).toBeNull();
    device.write('n', 'y');
    device.push();
    expect(server.findSite(device.site)?.last_batch).toBe(2);
  });
});

test('the thread of a database prunes it once an hour while it is used, and writes what it knows with a push', () => {
  server.close();
  const handles = new Handles(directory, clock, { quota: NO_QUOTA, deviceDays: DAYS });
  const runner = new JobRunner(handles);
  server = handles.get('d', false);
  const ada = new Device();
  const noted = () => server.sqlite.prepare('SELECT position FROM cloudsync_server_readers').pluck().get();
  for (let i = 0; i < 5; i += 1) {
    ada.write('n', `${i}`);
    ada.push();
    ada.pullAll();
    runner.forget('d');
  }
  expect([marks(), noted()], 'what it was registered with').toEqual([5, 1]);
  clock.advance(2 * 60_000);
  ada.write('n', 'later');
  ada.push();
  expect(noted(), 'written with a push').toBeGreaterThan(1);
  ada.pullAll();
  ada.pullAll();
  clock.advance(HOUR);
  runner.forget('d');
  expect(marks()).toBe(1);
  runner.forget('not open');
});
