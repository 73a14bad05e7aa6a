/**
 * metrics.test.ts: what an operator can watch: the figures move with what happens, they are reachable on their own
 * address only, and no label tells of tenants, users or devices.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, runProgram, startServer } from '../support/server.js';
import { Client, newSite } from './client.js';
import { Device, NOTES } from './device.js';
import { AUDIENCE, ISSUER, Issuer } from './issuer.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ arguments: ['--metrics-port', '0', '--workers', '2'] });
});
afterAll(() => server.stop());

/** All samples by name with labels, as they stand in the text. */
async function figures(of = server): Promise<Map<string, number>> {
  const response = await fetch(`${of.operatorUrl}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

const countOf = (samples: Map<string, number>, route: string, status: number) =>
  samples.get(`cloudsync_http_request_seconds_count{route="${route}",status="${status}"}`);

test('requests, rows, bytes and verdicts are counted', async () => {
  const device = new Device(new Client(server.url, server.key, 'counted'), NOTES);
  await device.register();
  for (const id of ['a', 'b', 'c']) device.write(id, 'x');
  const packet = device.packet();
  await device.push(packet);
  await device.client.push(device.site, device.epoch, 1, packet);
  await device.pull();
  device.database.exec('CREATE TABLE absent(id TEXT PRIMARY KEY NOT NULL)');
  device.database.prepare("SELECT cloudsync_init('absent')").get();
  device.database.exec("INSERT INTO absent VALUES('x'), ('y')");
  const answer = await device.push();
  expect((answer.body as [number, unknown[]])[1]).toHaveLength(2);
  const other = new Device(new Client(server.url, server.key, 'counted'), NOTES);
  await other.register();
  await other.pull();

  const samples = await figures();
  const push = '/v1/db/:database/push';
  expect(countOf(samples, push, 200)).toBe(3);
  expect(countOf(samples, '/v1/db/:database/sites', 200)).toBe(2);
  expect(countOf(samples, '/v1/db/:database/pull', 200)).toBe(2);
  expect(samples.get(`cloudsync_http_request_seconds_sum{route="${push}",status="200"}`)).toBeGreaterThan(0);
  expect(samples.get('cloudsync_pushed_rows_total')).toBe(5);
  expect(samples.get('cloudsync_pushed_bytes_total')).toBeGreaterThan(packet.length);
  expect(samples.get('cloudsync_repeated_pushes_total')).toBe(1);
  expect(samples.get('cloudsync_verdicts_total{code="held"}')).toBe(2);
  expect(samples.get('cloudsync_pulled_pages_total')).toBe(2);
  expect(samples.get('cloudsync_pulled_bytes_total')).toBeGreaterThan(50);
});

test('what is refused is counted with its reason', async () => {
  const requests = [
    { authorization: '' },
    { authorization: 'Bearer csk_wrong' },
    { authorization: 'Bearer a.b.c' },
  ];
  const client = new Client(server.url, server.key, 'refused');
  for (const headers of requests) {
    expect((await client.send('GET', '/wait', undefined, headers)).status).toBe(401);
  }
  await fetch(`${server.url}/nowhere/at/all`);
  const samples = await figures();
  for (const reason of ['missing', 'key', 'unreadable_token']) {
    expect(samples.get(`cloudsync_refused_credentials_total{reason="${reason}"}`), reason).toBe(1);
  }
  expect(countOf(samples, 'unknown', 404)).toBe(1);
});

test('threads, files, event loop, waits and streams are shown as they are', async () => {
  const device = new Device(new Client(server.url, server.key, 'states'), NOTES);
  await device.register();
  const controller = new AbortController();
  const wait = device.client.wait(device.site, device.cursor, 55, controller.signal);
  const headers = { authorization: `Bearer ${server.key}`, 'cloudsync-protocol': '1' };
  const query = `site=${device.site.toString('hex')}`;
  await fetch(`${device.client.base}/events?${query}`, { headers, signal: controller.signal });
  const samples = await figures();
  for (const worker of [0, 1]) expect(samples.get(`cloudsync_worker_jobs{worker="${worker}"}`)).toBe(0);
  expect(samples.get('cloudsync_open_waits')).toBe(1);
  expect(samples.get('cloudsync_open_event_streams')).toBe(1);
  expect(samples.get('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  expect(samples.get('cloudsync_databases')).toBeGreaterThanOrEqual(1);
  expect(samples.get('cloudsync_database_bytes')).toBeGreaterThan(4096);
  expect(samples.get('cloudsync_wal_bytes')).toBeGreaterThan(0);
  controller.abort();
  await expect(wait).rejects.toThrow(/abort/);
});

test('the age of backups: of the database that was copied longest ago, and how many never were', async () => {
  const own = await startServer({ arguments: ['--metrics-port', '0'] });
  for (const name of ['one', 'two']) await new Client(own.url, own.key, name).register(newSite());
  const age = 'cloudsync_oldest_backup_age_seconds';
  expect((await figures(own)).get('cloudsync_databases_without_backup')).toBe(2);
  expect((await figures(own)).get(age), 'none is not a new one').toBeNaN();
  const copy = (name: string) =>
    runProgram(
      ...['backup', '--data', own.dataDirectory, '--db', name, join(own.dataDirectory, `${name}.copy`)],
    );
  expect(copy('one')).toMatchObject({ code: 0 });
  const samples = await figures(own);
  expect(samples.get('cloudsync_databases_without_backup')).toBe(1);
  expect(samples.get(age)).toBeGreaterThanOrEqual(0);
  expect(samples.get(age)).toBeLessThan(60);
  expect(copy('two')).toMatchObject({ code: 0 });
  expect((await figures(own)).get('cloudsync_databases_without_backup')).toBe(0);
  await own.stop();
});

test("tokens: fetches of an issuer's keys, also those that failed, and why tokens were refused", async () => {
  const issuer = await Issuer.start(['RS256']);
  const dataDirectory = mkdtempSync(join(tmpdir(), 'cloudsync-metrics-'));
  const file = join(dataDirectory, 'configuration.json');
  const settings = { issuer: ISSUER, audiences: [AUDIENCE], algorithms: ['RS256'], databases: '*' };
  writeFileSync(file, JSON.stringify({ tokens: [{ ...settings, jwks: issuer.address, refetchSeconds: 0 }] }));
  const options = ['--metrics-port', '0', '--config', file];
  const own = await startServer({ dataDirectory, arguments: options });
  await new Client(own.url, own.key, 'tokens').register(newSite());
  const ask = async (token: string) => {
    return (await new Client(own.url, token, 'tokens').post('/sites', [newSite(), []])).status;
  };
  issuer.isDown = true;
  expect(await ask(await issuer.sign())).toBe(503);
  issuer.isDown = false;
  expect(await ask(await issuer.sign())).toBe(200);
  const past = Math.floor(Date.now() / 1000) - 1000;
  expect(await ask(await issuer.sign({ iat: past, exp: past + 100 }))).toBe(401);
  expect(await ask(await issuer.sign({ aud: 'another' }))).toBe(401);
  const samples = await figures(own);
  expect(samples.get('cloudsync_issuer_key_fetches_total{result="failed"}')).toBe(1);
  expect(samples.get('cloudsync_issuer_key_fetches_total{result="ok"}')).toBe(1);
  expect(samples.get('cloudsync_refused_credentials_total{reason="expired"}')).toBe(1);
  expect(samples.get('cloudsync_refused_credentials_total{reason="claim"}')).toBe(1);
  await own.stop();
  await issuer.stop();
  rmSync(dataDirectory, { recursive: true });
});

test('devices reach no metrics on their address, and no label tells who they are', async () => {
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
  const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
  const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, name]) => name));
  const known = ['route', 'status', 'code', 'reason', 'worker', 'le', 'quantile'];
  const ofProcess = ['type', 'kind', 'space', 'version', 'major', 'minor', 'patch'];
  expect(
    [...labels].filter((name) => !known.includes(name ?? '') && !ofProcess.includes(name ?? '')),
  ).toEqual([]);
  expect(text).not.toMatch(/counted|states|refused"|csk_/);
});

test('README.md names every figure', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = /^\| figure \| meaning \|\n.*\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, names = '']) =>
    names.match(/cloudsync_\w+/g),
  );
  const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
  const ours = [...text.matchAll(/^# TYPE (cloudsync_\w+)/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual(ours.sort());
});

test('without --metrics-port there are none', async () => {
  const own = await startServer();
  expect(own.operatorUrl).toBe('');
  await own.stop();
});
