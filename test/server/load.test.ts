/**
 * load.test.ts: many devices at once, and a server that is killed in the middle of it: what was acknowledged
 * is there afterwards, each batch exactly once. The randomness is in the interleaving of processes, so there
 * is no seed to print.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type RunningServer, startServer } from '../support/server.js';
import { accepted, Client } from './client.js';
import { Device, NOTES } from './device.js';

const isLong = process.env['CLOUDSYNC_LONG'] === '1';
const DATABASES = 4;
const DEVICES = 16;

/** Devices spread over databases, registered, tables published. */
async function spreadDevices(server: RunningServer): Promise<Device[]> {
  const devices = Array.from({ length: DEVICES }, (_, index) => {
    return new Device(new Client(server.url, server.key, `db-${index % DATABASES}`), NOTES);
  });
  for (const device of devices) await device.register();
  return devices;
}

/** Those of the devices (or of what belongs to them, in the same order) that use one database. */
function group<Item>(items: readonly Item[], database: number): Item[] {
  return items.filter((_, index) => index % DATABASES === database);
}

test('16 devices push to 4 databases in parallel and converge', async () => {
  const server = await startServer();
  const devices = await spreadDevices(server);
  const rounds = isLong ? 100 : 10;
  await Promise.all(
    devices.map(async (device, index) => {
      for (let round = 0; round < rounds; round += 1) {
        device.write(`${index}-${round}`, `by ${index}`);
        device.write('shared', `${index}-${round}`);
        await device.sync();
      }
    }),
  );
  for (const device of devices) await device.pull();
  for (let database = 0; database < DATABASES; database += 1) {
    const [first, ...others] = group(devices, database);
    const notes = first?.notes() ?? {};
    expect(Object.keys(notes)).toHaveLength((DEVICES / DATABASES) * rounds + 1);
    for (const other of others) expect(other.notes()).toEqual(notes);
  }
  expect(await server.stop()).toBe(0);
});

/** A device that keeps pushing one new note after the other, and remembers what was acknowledged. */
class Writer {
  readonly device: Device;
  readonly acknowledged = new Set<string>();
  /** The packet whose answer did not come: it is sent again, the same byte for byte. */
  #pending: { id: string; packet: Buffer } | undefined;

  constructor(device: Device) {
    this.device = device;
  }

  /** Pushes one note. Rejects when the connection fails. */
  async pushOne(): Promise<void> {
    if (this.#pending === undefined) {
      const id = `${this.device.site.toString('hex')}-${this.acknowledged.size}`;
      this.device.write(id, 'written');
      this.#pending = { id, packet: this.device.packet() };
    }
    accepted(await this.device.push(this.#pending.packet));
    this.acknowledged.add(this.#pending.id);
    this.#pending = undefined;
  }

  async pushUntilConnectionFails(onAcknowledged: () => void): Promise<void> {
    for (;;) {
      await this.pushOne();
      onAcknowledged();
    }
  }
}

test('kill -9 under load: nothing acknowledged is lost, nothing is merged twice', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'cloudsync-kill-'));
  let server = await startServer({ dataDirectory });
  const restart = { dataDirectory, key: server.key, port: Number(new URL(server.url).port) };
  const devices = await spreadDevices(server);
  const writers = devices.map((device) => new Writer(device));
  const kills = isLong ? 100 : 6;
  for (let kill = 0; kill < kills; kill += 1) {
    // The kill comes right after some acknowledgement, so at some moment of the other devices' requests.
    let untilKill = 40 + kill * 7;
    const running = server;
    const work = writers.map((writer) => {
      const pushing = writer.pushUntilConnectionFails(() => {
        untilKill -= 1;
        if (untilKill === 0) running.process.kill('SIGKILL');
      });
      return expect(pushing).rejects.toThrow(/fetch failed/);
    });
    await Promise.all(work);
    await running.kill();
    server = await startServer(restart);
  }
  for (const writer of writers) await writer.pushOne();
  for (let database = 0; database < DATABASES; database += 1) {
    const reader = new Device(new Client(server.url, restart.key, `db-${database}`), NOTES);
    await reader.register();
    await reader.pull();
    const present = Object.keys(reader.notes()).sort();
    const acknowledged = group(writers, database).flatMap((writer) => [...writer.acknowledged]);
    expect(present).toEqual(acknowledged.sort());
  }
  for (const { device } of writers) {
    expect((await device.client.register(device.site)).lastBatch).toBe(device.batch);
  }
  expect(await server.stop()).toBe(0);
  rmSync(dataDirectory, { recursive: true });
});
