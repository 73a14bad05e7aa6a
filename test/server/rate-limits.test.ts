/**
 * rate-limits.test.ts: how many requests are taken from an address, of a subject, of a device: what is too much is
 * refused with the time to come again, it costs nobody else anything, and a device goes on by itself.
 */
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../src/server/http/rate-limits.js';
import { Device as SyncingDevice } from '../end-to-end/device.js';
import { addKey, type RunningServer, startServer } from '../support/server.js';
import { Client, newSite, refused } from './client.js';
import { NOTES } from './device.js';

const options = (...words: string[]) => ({ arguments: [...words, '--metrics-port', '0'] });

/** Registers again and again. Returns the statuses. */
async function statuses(client: Client, site: Buffer, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i += 1) all.push((await client.post('/sites', [site, []])).status);
  return all;
}

const times = (count: number, status: number) => Array.from({ length: count }, () => status);

async function refusals(server: RunningServer, limit: string): Promise<number> {
  const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
  return Number(new RegExp(`cloudsync_rate_limited_total{limit="${limit}"} (\\d+)`).exec(text)?.[1]);
}

test('of a device: the next request is refused with the time; other devices of the same key go on', async () => {
  const server = await startServer(options('--rate-device', '5'));
  const client = new Client(server.url, server.key, 'devices');
  const [one, other] = [newSite(), newSite()];
  expect(await statuses(client, one, 7)).toEqual([...times(5, 200), 429, 429]);
  const answer = await client.post('/sites', [one, []]);
  const refusal = refused(answer);
  expect(refusal).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(refusal.detail).toBe('more than 5 requests in 10 seconds; try again later');
  const seconds = Number(answer.headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(10);
  expect(refusal.extra).toBe(seconds);
  expect(answer.headers.get('ratelimit-policy')).toBe('"device";q=5;w=10');
  expect(answer.headers.get('ratelimit')).toBe(`"device";r=0;t=${seconds}`);
  expect(await statuses(client, other, 5)).toEqual(times(5, 200));
  // By whatever request: a GET names the device in its query.
  expect((await client.wait(one, Buffer.alloc(0), 5)).status).toBe(429);
  expect(await refusals(server, 'device')).toBe(4);
  await server.stop();
});

test('of a device: who names the device of somebody else uses up nothing of it', async () => {
  const server = await startServer(options('--rate-device', '4'));
  const other = addKey(server.dataDirectory, '--role', 'service', '--label', 'other');
  const client = new Client(server.url, server.key, 'theirs');
  const site = newSite();
  expect(await statuses(client, site, 1)).toEqual([200]);
  expect(await statuses(new Client(server.url, other, 'theirs'), site, 5)).toEqual([...times(4, 403), 429]);
  expect(await statuses(client, site, 3)).toEqual(times(3, 200));
  await server.stop();
});

test('of a subject: with whatever device; another key goes on', async () => {
  const server = await startServer(options('--rate-subject', '6'));
  const other = addKey(server.dataDirectory, '--role', 'service', '--label', 'other');
  const client = new Client(server.url, server.key, 'subjects');
  const all: number[] = [];
  for (let i = 0; i < 8; i += 1) all.push(...(await statuses(client, newSite(), 1)));
  expect(all).toEqual([...times(6, 200), 429, 429]);
  expect(await statuses(new Client(server.url, other, 'subjects'), newSite(), 2)).toEqual([200, 200]);
  expect(await refusals(server, 'subject')).toBe(2);
  await server.stop();
});

test('of an address: before the credential is looked at; the operator is not counted', async () => {
  const server = await startServer(options('--rate-address', '10'));
  const unknown = new Client(server.url, 'csk_wrong', 'addresses');
  expect(await statuses(unknown, newSite(), 12)).toEqual([...times(10, 401), 429, 429]);
  const known = new Client(server.url, server.key, 'addresses');
  expect(await statuses(known, newSite(), 1)).toEqual([429]);
  expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
  await server.stop();
});

test('behind a proxy the address is the one that the proxy says, if the proxy is trusted', async () => {
  const ask = async (server: RunningServer, address: string) => {
    const client = new Client(server.url, server.key, 'proxied');
    return (await client.post('/sites', [newSite(), []], { 'x-forwarded-for': address })).status;
  };
  const trusting = await startServer(
    options('--rate-address', '3', '--trusted-proxies', '10.0.0.0/8,127.0.0.1'),
  );
  for (const status of [200, 200, 200, 429]) expect(await ask(trusting, '192.0.2.1')).toBe(status);
  expect(await ask(trusting, '192.0.2.2')).toBe(200);
  // A chain: what stands before the last address that is not trusted is the client's own claim.
  expect(await ask(trusting, '198.51.100.9, 192.0.2.1')).toBe(429);
  await trusting.stop();
  const wary = await startServer(options('--rate-address', '3', '--trusted-proxies', '10.0.0.0/8'));
  for (const end of [1, 2, 3]) expect(await ask(wary, `192.0.2.${end}`)).toBe(200);
  expect(await ask(wary, '192.0.2.4')).toBe(429);
  await wary.stop();
});

test('0 is no limit', async () => {
  const zeros = ['device', 'subject', 'address'].flatMap((name) => [`--rate-${name}`, '0']);
  const server = await startServer(options(...zeros));
  const client = new Client(server.url, server.key, 'unlimited');
  expect(await statuses(client, newSite(), 50)).toEqual(times(50, 200));
  await server.stop();
});

test('a device waits as long as it is told, and loses nothing', async () => {
  const server = await startServer(options('--rate-device', '3'));
  const device = new SyncingDevice().run(NOTES).connect(server, 'patient');
  device.value("SELECT cloudsync_init('notes')");
  device.run("INSERT INTO notes VALUES('a', 'one', NULL)");
  const start = performance.now();
  // Registration, publication, push, pull: one too many.
  const report = JSON.parse(device.value('SELECT cloudsync_network_sync(0, 3)') as string);
  expect(report.sent.batches).toBe(1);
  const took = performance.now() - start;
  expect(took, 'it was told to wait').toBeGreaterThan(1000);
  expect(took).toBeLessThan(20_000);
  await server.stop();
});

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:0db8:0001::6', '2001:db8:1:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
