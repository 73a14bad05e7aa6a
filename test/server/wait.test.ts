/**
 * wait.test.ts: long polls: they answer at once when there is something, wake when something comes, end in
 * time, cost the server next to nothing, and do not hold up a graceful stop.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../support/server.js';
import { accepted, Client, decode } from './client.js';
import { Device, NOTES } from './device.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ arguments: ['--log-level', 'debug'] });
});
afterAll(() => server.stop());

/** Two registered devices on a database, both up to date. */
async function twoDevices(database: string, on = server): Promise<[Device, Device]> {
  const client = new Client(on.url, on.key, database);
  const devices: [Device, Device] = [new Device(client, NOTES), new Device(client, NOTES)];
  for (const device of devices) {
    await device.register();
    await device.pull();
  }
  return devices;
}

/** Starts a wait, and resolves when the server has taken it up, which it says in its log. */
async function startWait(
  device: Device,
  seconds: number,
  on = server,
): Promise<{ response: Promise<Response> }> {
  const count = () => on.log().split('"msg":"waiting"').length;
  const before = count();
  const response = device.client.wait(device.site, device.cursor, seconds);
  await vi.waitUntil(() => count() > before, { timeout: 10_000 });
  return { response };
}

test('a wait with something behind its cursor answers at once', async () => {
  const [ada, bob] = await twoDevices('at-once');
  ada.write('a', 'one');
  accepted(await ada.push());
  const start = performance.now();
  const response = await bob.client.wait(bob.site, bob.cursor, 55);
  expect(response.status).toBe(200);
  expect(decode(new Uint8Array(await response.arrayBuffer()))).toEqual([1]);
  expect(response.headers.get('preference-applied')).toBe('wait=55');
  expect(performance.now() - start).toBeLessThan(4000);
});

test('a push wakes the wait; the page is there', async () => {
  const [ada, bob] = await twoDevices('wakes');
  const { response } = await startWait(bob, 55);
  ada.write('a', 'one');
  const start = performance.now();
  accepted(await ada.push());
  expect((await response).status).toBe(200);
  expect(performance.now() - start).toBeLessThan(4000);
  await bob.pull();
  expect(bob.notes()).toEqual({ a: 'one' });
});

test('a push to another database and a repeated push wake nobody; the time is clamped to 5 s', async () => {
  const [ada, bob] = await twoDevices('asleep');
  const [carl] = await twoDevices('elsewhere');
  ada.write('a', 'one');
  const packet = ada.packet();
  accepted(await ada.push(packet));
  await bob.pull();
  const start = performance.now();
  const { response } = await startWait(bob, 1);
  carl.write('a', 'one');
  accepted(await carl.push());
  accepted(await ada.client.push(ada.site, ada.epoch, 1, packet));
  const answer = await response;
  expect(answer.status).toBe(204);
  expect(answer.headers.get('preference-applied')).toBe('wait=5');
  expect(performance.now() - start).toBeGreaterThan(4900);
});

test.each([
  ['wait=999', 'wait=55'],
  ['respond-async, wait=7', 'wait=7'],
  ['nothing', 'wait=25'],
])('Prefer: %s is applied as %s', async (prefer, applied) => {
  const [ada, bob] = await twoDevices('prefer');
  ada.write('a', prefer);
  accepted(await ada.push());
  const path = `/wait?site=${bob.site.toString('hex')}&since=`;
  const answer = await bob.client.send('GET', path, undefined, { prefer });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('preference-applied')).toBe(applied);
});

test('500 waits at once: other requests go on, one push wakes them all', async () => {
  const [ada, bob] = await twoDevices('many');
  const responses = Array.from({ length: 500 }, () => bob.client.wait(bob.site, bob.cursor, 55));
  await bob.pull();
  const start = performance.now();
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  ada.write('a', 'one');
  accepted(await ada.push());
  const statuses = (await Promise.all(responses)).map((response) => response.status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(performance.now() - start).toBeLessThan(10_000);
});

describe('stopping', () => {
  test('SIGTERM ends an open wait with 503, finishes requests, and exits with 0', async () => {
    const own = await startServer({ arguments: ['--log-level', 'debug'] });
    const [ada, bob] = await twoDevices('stop', own);
    const { response } = await startWait(bob, 55, own);
    ada.write('a', 'one');
    const packet = ada.packet();
    const start = performance.now();
    const code = own.stop();
    const ended = await response;
    expect(ended.status).toBe(503);
    expect(Number(ended.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await code).toBe(0);
    expect(performance.now() - start).toBeLessThan(8000);
    await expect(ada.push(packet)).rejects.toThrow(/fetch failed/);
  });

  test('SIGTERM while pushes run: each is either taken for good or not answered', async () => {
    const own = await startServer();
    const client = new Client(own.url, own.key, 'draining');
    const devices = Array.from({ length: 12 }, () => new Device(client, NOTES));
    for (const device of devices) await device.register();
    for (const [index, device] of devices.entries()) device.write(`note ${index}`, 'x');
    const pushes = devices.map((device) => device.push().then((answer) => answer.status));
    own.process.kill('SIGTERM');
    const outcomes = await Promise.allSettled(pushes);
    const again = await new Promise<number | null>((resolve) => own.process.once('close', resolve));
    expect(again).toBe(0);
    const next = await startServer({ dataDirectory: own.dataDirectory, key: own.key });
    const reader = new Device(new Client(next.url, next.key, 'draining'), NOTES);
    await reader.register();
    await reader.pull();
    const kept = Object.keys(reader.notes());
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled' && outcome.value === 200) expect(kept).toContain(`note ${index}`);
    }
    await next.stop();
  });
});
