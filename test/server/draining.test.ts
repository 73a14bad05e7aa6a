/**
 * draining.test.ts: how a server stops: load balancers are told first, what waits lets go, what is queued is finished,
 * and no connection holds it up.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startServer } from '../support/server.js';
import { accepted, Client } from './client.js';
import { Device, NOTES } from './device.js';

test('while it drains it is not ready, takes requests, and holds nobody', async () => {
  const options = ['--drain-seconds', '2', '--metrics-port', '0', '--log-level', 'debug'];
  const server = await startServer({ arguments: options });
  const device = new Device(new Client(server.url, server.key, 'draining'), NOTES);
  await device.register();
  device.write('a', 'before');
  await device.sync();
  const ready = (url: string) => fetch(`${url}/readyz`).then(({ status }) => status);
  expect([await ready(server.url), await ready(server.operatorUrl)]).toEqual([200, 200]);
  const wait = device.client.wait(device.site, device.cursor, 55);
  await vi.waitUntil(() => server.log().includes('"msg":"waiting"'), { timeout: 10_000 });

  const start = performance.now();
  const code = server.stop();
  expect((await wait).status, 'it ends at once').toBe(503);
  expect(performance.now() - start).toBeLessThan(1500);
  expect([await ready(server.url), await ready(server.operatorUrl)]).toEqual([503, 503]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const again = await device.client.wait(device.site, device.cursor, 55);
  expect([again.status, again.headers.get('connection')]).toEqual([503, 'close']);
  device.write('b', 'meanwhile');
  accepted(await device.push());
  expect(await code).toBe(0);
  const took = performance.now() - start;
  expect(took).toBeGreaterThan(1900);
  expect(took).toBeLessThan(8000);
});

test('queued requests are answered before it ends', async () => {
  const server = await startServer({ arguments: ['--drain-seconds', '1', '--workers', '1'] });
  const client = new Client(server.url, server.key, 'queued');
  const devices = Array.from({ length: 20 }, () => new Device(client, NOTES));
  for (const device of devices) {
    await device.register();
    device.database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
      INSERT INTO notes SELECT hex(randomblob(8)), i, NULL FROM n`);
  }
  const packets = devices.map((device) => device.packet());
  const pushes = devices.map((device, index) => device.push(packets[index]));
  await vi.waitUntil(() => server.log().includes('/push'), { timeout: 10_000, interval: 1 });
  const code = server.stop();
  const statuses = (await Promise.all(pushes)).map(({ status }) => status);
  expect(statuses).toEqual(devices.map(() => 200));
  expect(await code).toBe(0);
});

test('open connections without a request do not hold it up', async () => {
  const server = await startServer();
  const device = new Device(new Client(server.url, server.key, 'idle'), NOTES);
  await device.register();
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/healthz`).then((r) => r.text())));
  const waits = Array.from({ length: 50 }, () => device.client.wait(device.site, Buffer.alloc(0), 55));
  // One that is open and has asked nothing yet.
  const silent = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(silent, 'connect');
  silent.on('error', () => silent.destroy());
  const start = performance.now();
  const code = server.stop();
  await Promise.allSettled(waits);
  expect(await code).toBe(0);
  expect(performance.now() - start).toBeLessThan(5000);
});
