/**
 * exchange.test.ts: push and pull with real packets: exactly once, gaps, forks, pages, cursors, and a server
 * that was restored from a backup.
 */
import { cpSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../support/server.js';
import { accepted, Client, encode, MEDIA_TYPE, newSite, refused } from './client.js';
import { Device, NOTES } from './device.js';

let server: RunningServer;
let databases = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Registered devices on a new database. */
async function newDevices(count: number): Promise<Device[]> {
  databases += 1;
  const client = new Client(server.url, server.key, `exchange-${databases}`);
  const devices = Array.from({ length: count }, () => new Device(client, NOTES));
  for (const device of devices) await device.register();
  return devices;
}

async function newDevice(): Promise<Device> {
  const [device] = await newDevices(1);
  if (device === undefined) throw new Error('no device');
  return device;
}

const EMPTY = Buffer.alloc(0);

/** Local writes are dated in milliseconds: what is written after this call is later than what was before. */
function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() <= now + 1);
}

/** Sends a whole push, and closes the connection without waiting for the answer. */
function hangUpAfterPush(device: Device, packet: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${device.client.key}`,
      'cloudsync-protocol': '1',
      'content-type': MEDIA_TYPE,
    };
    const sent = request(`${device.client.base}/push`, { method: 'POST', headers });
    sent.on('error', () => undefined);
    sent.once('close', () => resolve());
    sent.end(encode([device.site, device.epoch, 1, packet]), () => sent.destroy());
  });
}

describe('exchange', () => {
  test('a database without any table has one empty page', async () => {
    const client = new Client(server.url, server.key, 'without-tables');
    const site = newSite();
    const { epoch } = await client.register(site);
    const page = await client.page(site, epoch, 0, EMPTY);
    expect(page).toMatchObject({ packets: [], complete: true });
    expect((await client.page(site, epoch, 0, page.cursor)).packets).toEqual([]);
  });

  test('two devices that edit apart become equal', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    ada.write('a', 'from Ada');
    bob.write('b', 'from Bob');
    ada.write('both', 'Ada');
    nextMillisecond();
    bob.write('both', 'Bob, later');
    for (const device of [ada, bob, ada]) await device.sync();
    expect(ada.notes()).toEqual({ a: 'from Ada', b: 'from Bob', both: 'Bob, later' });
    expect(bob.notes()).toEqual(ada.notes());
  });

  test('a device does not get its own changes back, not even from the start', async () => {
    const ada = await newDevice();
    await ada.pull();
    ada.write('a', 'mine');
    accepted(await ada.push());
    const page = await ada.client.page(ada.site, ada.epoch, 1, ada.cursor);
    expect(page).toMatchObject({ packets: [], complete: true });
    expect(page.cursor.equals(ada.cursor), 'the cursor moves past them').toBe(false);
    expect((await ada.client.page(ada.site, ada.epoch, 1, EMPTY)).packets).toEqual([]);
  });

  test('pages: small ones, each with its cursor, together everything', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    const insert = ada.database.prepare('INSERT INTO notes(id, title, body) VALUES (?, ?, ?)');
    ada.database.transaction(() => {
      for (let row = 0; row < 2000; row += 1)
        insert.run(`note ${row}`, `title ${row}`, `${Math.random()}`.repeat(4));
    })();
    await ada.sync();
    expect(await bob.pull(1), 'the size is clamped from below').toBeGreaterThan(5);
    expect(bob.notes()).toEqual(ada.notes());
    const again = await bob.client.page(bob.site, bob.epoch, 0, bob.cursor);
    expect(again).toMatchObject({ packets: [], complete: true });
    const fresh = new Device(bob.client, NOTES);
    await fresh.register();
    expect(await fresh.pull(2 ** 32 - 1), 'the size is clamped from above').toBe(1);
    expect(fresh.notes()).toEqual(ada.notes());
  });

  test('rows that the server cannot place come back as verdicts, the rest is merged', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    ada.createTable('CREATE TABLE secrets(id TEXT PRIMARY KEY NOT NULL, word TEXT)');
    ada.database.exec("INSERT INTO secrets VALUES ('s', 'x')");
    ada.write('a', 'visible');
    const [batch, verdicts] = accepted(await ada.push()) as [number, unknown[][]];
    expect(batch).toBe(1);
    expect(verdicts).toHaveLength(1);
    expect(verdicts[0]).toMatchObject([
      'secrets',
      expect.any(Uint8Array),
      'held',
      expect.stringMatching(/\w/),
    ]);
    await bob.sync();
    expect(bob.notes()).toEqual({ a: 'visible' });
  });

  test('a verdict goes to the device that sent the row, not to those who push after it', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    ada.createTable('CREATE TABLE secrets(id TEXT PRIMARY KEY NOT NULL, word TEXT)');
    for (const id of ['s', 't']) {
      ada.database.prepare('INSERT INTO secrets VALUES (?, ?)').run(id, 'x');
      const [, verdicts] = accepted(await ada.push()) as [number, unknown[]];
      expect(verdicts).toHaveLength(1);
      bob.write(id, 'fine');
      expect(accepted(await bob.push())).toEqual([bob.batch, []]);
    }
  });

  test('a foreign-key reference to a parent that is not there yet passes through the server', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    for (const device of [ada, bob]) {
      device.createTable('CREATE TABLE parts(id TEXT PRIMARY KEY NOT NULL, note TEXT REFERENCES notes(id))');
      await device.register();
    }
    ada.database.pragma('foreign_keys = OFF');
    ada.database.exec("INSERT INTO parts VALUES ('p', 'later')");
    expect(accepted(await ada.push())).toEqual([1, []]);
    ada.write('later', 'here');
    await ada.sync();
    await bob.pull();
    expect(bob.database.prepare('SELECT * FROM parts').all()).toEqual([{ id: 'p', note: 'later' }]);
  });
});

describe('exactly once', () => {
  test('a repeated batch gets the recorded answer and is not merged again', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    ada.write('a', 'one');
    const packet = ada.packet();
    const first = await ada.push(packet);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    await bob.pull();
    const repeat = await ada.client.push(ada.site, ada.epoch, 1, packet);
    expect(repeat.headers.get('idempotency-replayed')).toBe('1');
    expect(repeat.body).toEqual(first.body);
    const page = await bob.client.page(bob.site, bob.epoch, 0, bob.cursor);
    expect(page.packets, 'nothing new came to be').toEqual([]);
  });

  test('verdicts are in the recorded answer too', async () => {
    const ada = await newDevice();
    ada.createTable('CREATE TABLE secrets(id TEXT PRIMARY KEY NOT NULL, word TEXT)');
    ada.database.exec("INSERT INTO secrets VALUES ('s', 'x')");
    const packet = ada.packet();
    const first = await ada.push(packet);
    const repeat = await ada.client.push(ada.site, ada.epoch, 1, packet);
    expect(repeat.headers.get('idempotency-replayed')).toBe('1');
    expect(repeat.body).toEqual(first.body);
    expect((repeat.body as [number, unknown[]])[1]).toHaveLength(1);
  });

  test('the device is gone before the answer comes: the batch counts once', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const packet = ada.packet();
    await hangUpAfterPush(ada, packet);
    // The request is on its way; it has been worked off when the server counts it.
    await vi.waitUntil(async () => (await ada.client.register(ada.site)).lastBatch === 1, {
      timeout: 10_000,
    });
    const again = await ada.push(packet);
    expect(again.headers.get('idempotency-replayed')).toBe('1');
    ada.write('b', 'two');
    expect(refused(await ada.client.push(ada.site, ada.epoch, 1, ada.packet())).code).toBe('site_fork');
    expect((await ada.push()).status).toBe(200);
  });

  test('16 copies of one request at the same time: one merge, 15 replays', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const packet = ada.packet();
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => ada.client.push(ada.site, ada.epoch, 1, packet)),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(16).fill(200));
    const replayed = answers.filter((answer) => answer.headers.get('idempotency-replayed') === '1');
    expect(replayed).toHaveLength(15);
    expect((await ada.client.register(ada.site)).lastBatch).toBe(1);
  });
});

describe('refusals', () => {
  test('another digest, an older batch, a batch too far', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const packet = ada.packet();
    accepted(await ada.push(packet));
    ada.write('a', 'two');
    const other = ada.packet();
    const push = async (batch: number, bytes: Buffer) =>
      refused(await ada.client.push(ada.site, ada.epoch, batch, bytes));
    expect(await push(1, other)).toMatchObject({ status: 409, code: 'site_fork' });
    expect(await push(3, other)).toMatchObject({ status: 409, code: 'gap', extra: 2 });
    expect(await push(2 ** 32 - 1, other)).toMatchObject({ status: 409, code: 'gap', extra: 2 });
    accepted(await ada.push(other));
    expect(await push(1, packet), 'only the last batch can be repeated').toMatchObject({ code: 'site_fork' });
    expect((await ada.client.register(ada.site)).lastBatch).toBe(2);
  });

  test('a last batch of the same number and another content', async () => {
    const ada = await newDevice();
    const { client, site, epoch } = ada;
    ada.write('a', 'one');
    const packet = ada.packet();
    accepted(await ada.push(packet));
    ada.write('a', 'two');
    const send = (path: string, ...body: unknown[]) => client.post(path, [site, epoch, ...body]);
    const other = Buffer.from('another!');
    for (const answer of [
      await send('/pull', 1, EMPTY, 1 << 20, other),
      await send('/push', 2, ada.packet(), other),
    ]) {
      expect(refused(answer)).toMatchObject({ status: 409, code: 'epoch_changed' });
    }
    const mark = packet.subarray(16, 24);
    for (const known of [mark, EMPTY]) accepted(await send('/pull', 1, EMPTY, 1 << 20, known));
    accepted(await send('/push', 2, ada.packet(), mark));
    accepted(await send('/push', 2, ada.packet(), other));
    expect(refused(await send('/pull', 2, EMPTY, 1 << 20, mark))).toMatchObject({ code: 'epoch_changed' });
    for (const [long, status] of [
      [Buffer.alloc(9), 400],
      [packet.subarray(16, 23), 409],
    ] as const)
      expect(refused(await send('/pull', 2, EMPTY, 1 << 20, long))).toMatchObject({ status });
  });

  test('unknown site and wrong epoch', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const { client, epoch } = ada;
    const [stranger, wrongEpoch] = [newSite(), newSite()];
    const unknown = [
      client.push(stranger, epoch, 1, ada.packet()),
      client.pull(stranger, epoch, 0, EMPTY),
      client.post('/schema', [stranger, []]),
      client.send('GET', `/wait?site=${stranger.toString('hex')}&since=`),
    ];
    for (const answer of unknown) {
      expect(refused(await answer)).toMatchObject({ status: 409, code: 'unknown_site' });
    }
    for (const answer of [
      client.push(ada.site, wrongEpoch, 1, ada.packet()),
      client.pull(ada.site, wrongEpoch, 0, EMPTY),
    ]) {
      expect(refused(await answer)).toMatchObject({ status: 409, code: 'epoch_changed' });
    }
  });

  test('a packet that cannot be read leaves no trace, and the batch number stays free', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const packet = ada.packet();
    const flipped = Buffer.from(packet);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
    for (const bad of [
      flipped,
      packet.subarray(0, -1),
      Buffer.from('no packet'),
      Buffer.concat([packet, flipped]),
    ]) {
      const refusal = refused(await ada.client.push(ada.site, ada.epoch, 1, bad));
      expect(refusal).toMatchObject({ status: 422, code: 'bad_packet' });
      expect(refusal.detail).toMatch(/^cloudsync: /);
      const page = await ada.client.page(ada.site, ada.epoch, 0, EMPTY);
      expect(page.packets, 'nothing was merged').toEqual([]);
    }
    accepted(await ada.push(packet));
  });

  test('a bad packet among many at the same time harms no other', async () => {
    const devices = await newDevices(8);
    for (const [index, device] of devices.entries()) device.write(`note ${index}`, 'good');
    const answers = await Promise.all(
      devices.map((device, index) => device.push(index === 3 ? Buffer.from('bad') : undefined)),
    );
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 422, 200, 200, 200, 200]);
    const [first] = devices as [Device];
    await first.pull();
    expect(Object.keys(first.notes())).toHaveLength(7);
  });

  test('a file that another program has locked: busy, and later the same batch is taken', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    const file = join(server.dataDirectory, 'databases', `exchange-${databases}.db`);
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    const answer = await ada.push();
    expect(refused(answer)).toMatchObject({ status: 503, code: 'busy' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    other.exec('ROLLBACK');
    other.close();
    expect((await ada.push()).status).toBe(200);
  });
});

describe('cursors', () => {
  test('no bit of a cursor can be changed, and none fits another database', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    await ada.sync();
    const refusals: Promise<unknown>[] = [];
    const sent = async (cursor: Buffer) => refused(await ada.client.pull(ada.site, ada.epoch, 1, cursor));
    for (let bit = 0; bit < ada.cursor.length * 8; bit += 1) {
      const tampered = Buffer.from(ada.cursor);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refusals.push(expect(sent(tampered), `bit ${bit}`).resolves.toMatchObject({ code: 'bad_request' }));
    }
    await Promise.all(refusals);
    for (const cursor of [ada.cursor.subarray(0, -1), Buffer.concat([ada.cursor, Buffer.alloc(1)])]) {
      expect(await sent(cursor)).toMatchObject({ status: 400, code: 'bad_request' });
    }
    const other = await newDevice();
    other.write('a', 'one');
    await other.sync();
    expect(await sent(other.cursor)).toMatchObject({ status: 400, code: 'bad_request' });
  });

  test('a device whose database is an older copy is told so', async () => {
    const ada = await newDevice();
    for (const title of ['one', 'two']) {
      ada.write('a', title);
      await ada.sync();
    }
    expect(refused(await ada.client.pull(ada.site, ada.epoch, 1, ada.cursor))).toMatchObject({
      status: 409,
      code: 'site_fork',
    });
  });
});

describe('a server that was restored from a backup', () => {
  /** Runs `before`, copies the data directory, runs `after`, and starts a server on the copy. */
  async function restore(
    run: (server: RunningServer) => Promise<void>,
    continueWith: (server: RunningServer) => Promise<void>,
  ): Promise<RunningServer> {
    const original = await startServer();
    await run(original);
    const { dataDirectory, key } = original;
    const backup = `${dataDirectory}-backup`;
    const port = Number(new URL(original.url).port);
    // A graceful stop leaves complete files, as a backup needs them.
    expect(await end(original)).toBe(0);
    cpSync(dataDirectory, backup, { recursive: true });
    const again = await startServer({ dataDirectory, key, port });
    await continueWith(again);
    expect(await again.stop()).toBe(0);
    rmSync(dataDirectory, { recursive: true });
    return startServer({ dataDirectory: backup, key, port });
  }

  async function end(running: RunningServer): Promise<number | null> {
    running.process.kill('SIGTERM');
    return new Promise((resolve) => running.process.once('close', (code) => resolve(code)));
  }

  test('devices that are ahead are told: gap, epoch_changed; both recover everything', async () => {
    const devices: Device[] = [];
    const restored = await restore(
      async ({ url, key }) => {
        const client = new Client(url, key, 'restored');
        devices.push(new Device(client, NOTES), new Device(client, NOTES));
        for (const device of devices) await device.register();
        devices[0]?.write('a', 'before the backup');
        for (const device of devices) await device.sync();
      },
      async () => {
        devices[0]?.write('b', 'after the backup');
        for (const device of devices) await device.sync();
      },
    );
    const [ada, bob] = devices as [Device, Device];
    expect(bob.notes()).toEqual({ a: 'before the backup', b: 'after the backup' });

    expect(refused(await ada.client.pull(ada.site, ada.epoch, ada.batch, ada.cursor)).code).toBe(
      'epoch_changed',
    );
    expect(refused(await bob.client.pull(bob.site, bob.epoch, bob.batch, bob.cursor)).code).toBe(
      'epoch_changed',
    );
    const wait = await bob.client.wait(bob.site, bob.cursor, 5);
    expect(wait.status).toBe(409);
    ada.write('c', 'after the restore');
    expect(refused(await ada.push())).toMatchObject({ code: 'gap', extra: 2 });

    // What a client does on these: registers, pushes everything again, pulls from the start.
    for (const device of [ada, bob]) {
      device.batch = (await device.register()).lastBatch;
      device.pushed = 0;
      device.cursor = EMPTY;
    }
    for (const device of [ada, bob, ada]) await device.sync();
    expect(ada.notes()).toEqual({ a: 'before the backup', b: 'after the backup', c: 'after the restore' });
    expect(bob.notes()).toEqual(ada.notes());
    expect(await restored.stop()).toBe(0);
    rmSync(restored.dataDirectory, { recursive: true });
  });

  test('a cursor inside a lost commit is detected when other commits have taken its place', async () => {
    let reader: Device | undefined;
    const restored = await restore(
      async ({ url, key }) => {
        const writer = new Device(new Client(url, key, 'restored'), NOTES);
        await writer.register();
      },
      async ({ url, key }) => {
        const client = new Client(url, key, 'restored');
        const writer = new Device(client, NOTES);
        reader = new Device(client, NOTES);
        await writer.register();
        await reader.register();
        for (let row = 0; row < 500; row += 1) writer.write(`lost ${row}`, `${Math.random()}`.repeat(10));
        accepted(await writer.push());
        // The first page ends in the middle of the commit.
        const page = await client.page(reader.site, reader.epoch, 0, EMPTY, 4096);
        expect(page.complete).toBe(false);
        reader.cursor = page.cursor;
      },
    );
    const client = new Client(restored.url, restored.key, 'restored');
    const newWriter = new Device(client, NOTES);
    await newWriter.register();
    for (let row = 0; row < 600; row += 1) newWriter.write(`new ${row}`, 'x');
    accepted(await newWriter.push());
    if (reader === undefined) throw new Error('no reader');
    await client.register(reader.site);
    const refusal = refused(await client.pull(reader.site, reader.epoch, 0, reader.cursor));
    expect(refusal.code).toBe('epoch_changed');
    expect(await restored.stop()).toBe(0);
    rmSync(restored.dataDirectory, { recursive: true });
  });

  test('a database file that was replaced by an empty one has another epoch', async () => {
    const ada = await newDevice();
    ada.write('a', 'one');
    await ada.sync();
    const file = join(server.dataDirectory, 'databases', `exchange-${databases}.db`);
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    const admin = new Client(server.url, server.key, `exchange-${databases}`);
    expect(refused(await ada.push()).code).toBe('no_database');
    expect((await admin.register(newSite())).epoch.equals(ada.epoch)).toBe(false);
    expect(refused(await ada.push()).code).toBe('epoch_changed');
  });

  test('changes that another program writes into the server file reach the devices', async () => {
    const ada = await newDevice();
    await ada.pull();
    const file = join(server.dataDirectory, 'databases', `exchange-${databases}.db`);
    const other = new Database(file);
    other.exec("INSERT INTO notes(id, title) VALUES ('w', 'written by hand')");
    other.close();
    await ada.pull();
    expect(ada.notes()).toEqual({ w: 'written by hand' });
    await ada.pull();
  });
});
