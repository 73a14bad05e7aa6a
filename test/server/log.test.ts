/**
 * log.test.ts: logs: one line per request, and never a key, a body, a query or a header in it, whatever the
 * request puts where.
 */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { addKey, startServer } from '../support/server.js';
import { Client, encode, newSite } from './client.js';

test('no key, token, body or query is logged at the finest level', async () => {
  const server = await startServer({ arguments: ['--log-level', 'trace'] });
  const service = addKey(server.dataDirectory, '--role', 'service', '--label', 'the label');
  const client = new Client(server.url, server.key, 'logged');
  const site = newSite();
  const { epoch } = await client.register(site);
  const marker = `marker-${randomBytes(8).toString('hex')}`;

  await client.push(site, epoch, 1, Buffer.from(marker));
  await client.post('/schema', [site, [[marker, 0, `CREATE TABLE ${marker}`]]]);
  await client.send('POST', '/sites', encode(marker), { 'x-secret': marker, cookie: marker });
  await client.send('GET', `/wait?site=${site.toString('hex')}&since=00&token=${marker}`);
  await new Client(server.url, `csk_${marker}`, 'logged').post('/sites', [site, []]);
  await new Client(server.url, service, 'logged').post('/schema', [site, []]);
  // Keys where they do not belong: in the path, as a name, in another header.
  await new Client(server.url, server.key, server.key).post('/sites', [site, []]);
  await fetch(`${server.url}/v1/${service}/x?key=${server.key}`, { headers: { authorization: service } });
  await client.post('/sites', [site, [[server.key, 0, [service]]]]);
  expect(await server.stop()).toBe(0);

  const log = server.log();
  const lines = log.trimEnd().split('\n');
  const requests = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request');
  expect(requests).toHaveLength(10);
  expect(requests[0]).toMatchObject({
    req: { method: 'POST', path: '/v1/db/logged/sites' },
    res: { status: 200 },
  });
  for (const key of [server.key, service]) {
    const [, id, secret] = key.split('_');
    expect(log).not.toContain(secret);
    expect(log, 'the filter has had something to hide').toContain(`csk_${id}_[hidden]`);
  }
  expect(log).not.toContain(marker);
  expect(log).not.toMatch(/authorization|bearer/i);
});
