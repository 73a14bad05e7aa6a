/**
 * requests.test.ts: what the server says to requests that are wrong in form: who may ask, addresses,
 * versions, media types, bodies, limits, slow senders. All of them leave the server working.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addKey, type RunningServer, startServer } from '../support/server.js';
import { type Answer, Client, encode, MEDIA_TYPE, newSite, refused } from './client.js';

const PACKET_MAX = 4096;

let server: RunningServer;
let client: Client;
beforeAll(async () => {
  server = await startServer({ arguments: ['--max-packet', String(PACKET_MAX), '--request-timeout', '2'] });
  client = new Client(server.url, server.key, 'forms');
  await client.register(newSite());
});
afterAll(async () => {
  const stillWorks = await client.post('/sites', [newSite(), []]);
  expect(stillWorks.status).toBe(200);
  expect(await server.stop()).toBe(0);
  const levels = server
    .log()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).level);
  expect(Math.max(...levels), 'no request was logged as a failure of the server (50)').toBe(30);
});

const site = newSite();
const epoch = Buffer.alloc(16);

async function expectRefusal(
  answer: Promise<Answer>,
  status: number,
  code: string,
  words: RegExp,
): Promise<void> {
  const refusal = refused(await answer);
  expect(refusal).toMatchObject({ status, code });
  expect(refusal.detail).toMatch(words);
}

describe('addresses', () => {
  test('health needs no key', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await fetch(server.url + path)).status).toBe(200);
  });

  test.each(['/', '/v1', '/v1/db', '/v1/db/forms', '/v1/db/forms/unknown', '/v2/db/forms/pull'])(
    '%s is not found',
    async (path) => {
      const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${server.key}` } });
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    },
  );

  test('a known path with another method is not found', async () => {
    await expectRefusal(client.send('GET', '/push'), 404, 'not_found', /GET \/v1\/db\/forms\/push/);
  });

  test.each(['UPPER', 'a.b', 'a%20b', 'a%2fb', 'x'.repeat(65), '%00'])(
    'database name %s is refused',
    async (name) => {
      const other = new Client(server.url, server.key, name);
      const answer = await other.post('/sites', [site, []]);
      expect(refused(answer)).toMatchObject({ status: 400, code: 'bad_request' });
    },
  );

  test('a database name of 64 characters is taken', async () => {
    const name = `${'x'.repeat(61)}-_9`;
    expect((await new Client(server.url, server.key, name).register(newSite())).lastBatch).toBe(0);
  });
});

describe('roles and databases', () => {
  test('service keys do not create databases; unknown and forbidden look alike', async () => {
    const bound = addKey(server.dataDirectory, '--role', 'service', '--db', 'unknown1');
    const other = addKey(server.dataDirectory, '--role', 'service', '--db', 'elsewhere');
    const unknown = refused(await new Client(server.url, bound, 'unknown1').post('/sites', [site, []]));
    const forbidden = refused(await new Client(server.url, other, 'forms').post('/sites', [site, []]));
    expect(unknown).toMatchObject({ status: 404, code: 'no_database' });
    expect(forbidden).toEqual({ ...unknown, detail: unknown.detail.replace('unknown1', 'forms') });
  });

  test('no key creates a database by anything but a registration', async () => {
    const nowhere = new Client(server.url, server.key, 'nowhere');
    const requests = [
      nowhere.post('/schema', [site, []]),
      nowhere.push(site, epoch, 1, Buffer.from('x')),
      nowhere.pull(site, epoch, 0, Buffer.alloc(0)),
      nowhere.send('GET', `/wait?site=${site.toString('hex')}&since=`),
    ];
    for (const request of requests) await expectRefusal(request, 404, 'no_database', /nowhere/);
  });

  test('a schema key for one database creates that one and no other', async () => {
    const key = addKey(server.dataDirectory, '--role', 'schema', '--db', 'mine');
    expect((await new Client(server.url, key, 'mine').register(newSite())).mayPublish).toBe(1);
    await expectRefusal(
      new Client(server.url, key, 'yours').post('/sites', [site, []]),
      404,
      'no_database',
      /yours/,
    );
  });

  test('a service key may sync but not publish', async () => {
    const service = new Client(server.url, addKey(server.dataDirectory, '--role', 'service'), 'forms');
    const own = newSite();
    expect((await service.register(own)).mayPublish).toBe(0);
    await expectRefusal(service.post('/schema', [own, []]), 403, 'forbidden', /role schema or admin/);
  });

  test('a site belongs to the subject of the key that registered it', async () => {
    const options = ['--role', 'service', '--db', 'forms'];
    const first = addKey(server.dataDirectory, ...options, '--subject', 'ada');
    const second = addKey(server.dataDirectory, ...options, '--subject', 'ada');
    const stranger = new Client(server.url, addKey(server.dataDirectory, ...options), 'forms');
    const own = newSite();
    const { epoch: present } = await new Client(server.url, first, 'forms').register(own);
    const requests = [
      stranger.post('/sites', [own, []]),
      stranger.push(own, present, 1, Buffer.from('x')),
      stranger.pull(own, present, 0, Buffer.alloc(0)),
      stranger.send('GET', `/wait?site=${own.toString('hex')}&since=`),
    ];
    for (const request of requests)
      await expectRefusal(request, 403, 'forbidden', /belongs to somebody else/);
    expect((await new Client(server.url, second, 'forms').register(own)).lastBatch).toBe(0);
    expect((await client.register(own)).lastBatch, 'an admin key may act for any site').toBe(0);
  });
});

describe('versions and media types', () => {
  test.each(['', '0', '2', '1.1'])('protocol version "%s" is refused', async (version) => {
    const answer = client.send('POST', '/pull', encode([]), { 'cloudsync-protocol': version });
    await expectRefusal(answer, 426, 'unsupported', /speaks protocol 1/);
  });

  test.each(['application/json', 'application/x-msgpack', 'text/plain'])(
    'a body of type %s is refused',
    (type) =>
      expectRefusal(
        client.send('POST', '/pull', '{}', { 'content-type': type }),
        415,
        'unsupported',
        /must be of type/,
      ),
  );

  test('a compressed body is refused', () =>
    expectRefusal(
      client.send('POST', '/pull', encode([]), { 'content-encoding': 'gzip' }),
      415,
      'unsupported',
      /content-encoding/i,
    ));

  test('answers and errors repeat the name of the request in their type', async () => {
    const named = `${MEDIA_TYPE};request=0123456789abcdef`;
    const taken = await client.post('/sites', [newSite(), []], { accept: named });
    const notTaken = await client.post('/pull', [site, epoch, 0, Buffer.alloc(0), 1], { accept: named });
    expect([taken.status, taken.headers.get('content-type')]).toEqual([200, named]);
    expect([notTaken.status, notTaken.headers.get('content-type')]).toEqual([409, named]);
    for (const odd of ['', ';request=', ';request=xyz', `;request=${'0'.repeat(33)}`, ';request=00zz']) {
      const answer = await client.post('/sites', [newSite(), []], { accept: MEDIA_TYPE + odd });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, MEDIA_TYPE]);
    }
  });

  test('errors are problem+json unless the request accepts msgpack', async () => {
    const answer = await client.send('POST', '/pull', encode([]), { accept: 'application/json' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      status: 400,
      code: 'bad_request',
      extra: 0,
      title: expect.any(String),
    });
    const both = await client.send('POST', '/pull', encode([]), { accept: `text/html, ${MEDIA_TYPE};q=0.5` });
    expect(both.headers.get('content-type')).toBe(MEDIA_TYPE);
  });
});

describe('bodies', () => {
  const malformed: [string, string, unknown][] = [
    ['registration that is no array', '/sites', 1],
    ['registration with a short site', '/sites', [Buffer.alloc(15), []]],
    ['registration with a long site', '/sites', [Buffer.alloc(17), []]],
    ['registration with a site as text', '/sites', ['0'.repeat(16), []]],
    ['registration without tables', '/sites', [site]],
    ['registration with a map', '/sites', [site, { a: 1 }]],
    ['table without columns', '/sites', [site, [['t', 0]]]],
    ['table with a negative algorithm', '/sites', [site, [['t', -1, []]]]],
    ['table with a name of 1,025 bytes', '/sites', [site, [['t'.repeat(1025), 0, []]]]],
    ['more than 4,096 tables', '/sites', [site, Array(4097).fill(['t', 0, []])]],
    ['more columns than a table can have', '/sites', [site, [['t', 0, Array(2065).fill('c')]]]],
    ['definition without text', '/schema', [site, [['t', 0]]]],
    ['push without packet', '/push', [site, epoch, 1]],
    ['push of batch 0', '/push', [site, epoch, 0, Buffer.alloc(1)]],
    ['push of batch 1.5', '/push', [site, epoch, 1.5, Buffer.alloc(1)]],
    ['push of batch 2^53', '/push', [site, epoch, 2n ** 53n, Buffer.alloc(1)]],
    ['push of a packet as text', '/push', [site, epoch, 1, 'packet']],
    ['push with a fifth item', '/push', [site, epoch, 1, Buffer.alloc(1), 0]],
    ['pull with a short epoch', '/pull', [site, Buffer.alloc(4), 0, Buffer.alloc(0), 1]],
    ['pull with a cursor over 1 MiB', '/pull', [site, epoch, 0, Buffer.alloc(1024 * 1024 + 1), 1]],
    ['wait with a cursor over 1 MiB', '/wait', [site, Buffer.alloc(1024 * 1024 + 1), 5]],
    ['wait without seconds', '/wait', [site, Buffer.alloc(0)]],
    ['pull with a negative size', '/pull', [site, epoch, 0, Buffer.alloc(0), -1]],
  ];
  test.each(malformed)('%s', (_name, path, value) =>
    expectRefusal(client.post(path, value), 400, 'bad_request', /request body/),
  );

  test.each(['/sites', '/schema', '/push', '/pull'])(
    'no body, and bytes after the body, at %s',
    async (path) => {
      await expectRefusal(client.send('POST', path, ''), 400, 'bad_request', /body/);
      await expectRefusal(
        client.send('POST', path, Buffer.from([0xc1])),
        400,
        'bad_request',
        /type byte 0xc1/,
      );
    },
  );

  test('bytes after the end', async () => {
    const body = Buffer.concat([encode([site, []]), Buffer.from([0])]);
    await expectRefusal(client.send('POST', '/sites', body), 400, 'bad_request', /1 bytes after its end/);
  });

  test('three million nested arrays are refused at the first that is not expected', async () => {
    const body = Buffer.alloc(3_000_000, 0x91);
    const start = performance.now();
    await expectRefusal(client.send('POST', '/sites', body), 400, 'bad_request', /expected 2/);
    const wide = Buffer.concat([Buffer.from([0x92]), encode(site), Buffer.alloc(3_000_000, 0xdd)]);
    await expectRefusal(client.send('POST', '/sites', wide), 400, 'bad_request', /at most 4096/);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('the Idempotency-Key must fit the body', () =>
    expectRefusal(
      client.post('/push', [site, epoch, 2, Buffer.alloc(1)], {
        'idempotency-key': `${site.toString('hex')}:1`,
      }),
      400,
      'bad_request',
      /Idempotency-Key/,
    ));

  test.each([
    '',
    '?site=&since=',
    '?site=zz&since=',
    '?since=',
    `?site=${'0'.repeat(32)}`,
    `?site=${'0'.repeat(32)}&since=abc`,
  ])('wait with the query "%s"', (query) =>
    expectRefusal(client.send('GET', `/wait${query}`), 400, 'bad_request', /query/),
  );
});

describe('limits', () => {
  test('the largest packet and one byte more', async () => {
    const own = newSite();
    const registration = await client.register(own);
    expect(registration.packetMax).toBe(PACKET_MAX);
    const atLimit = await client.push(own, registration.epoch, 1, Buffer.alloc(PACKET_MAX));
    expect(refused(atLimit).code, 'the database has no tables yet; the limit lets it pass').toBe(
      'unknown_site',
    );
    for (const surplus of [1, 127, 128, 1_000_000]) {
      const over = refused(await client.push(own, registration.epoch, 1, Buffer.alloc(PACKET_MAX + surplus)));
      expect(over).toMatchObject({ status: 413, code: 'packet_too_large', extra: PACKET_MAX });
    }
  });

  test.each([
    ['/pull', 1024 * 1024 + 1024],
    ['/wait', 1024 * 1024 + 1024],
    ['/sites', 4 * 1024 * 1024],
    ['/schema', 4 * 1024 * 1024],
  ])('a body over the limit at %s', (path, limit) =>
    expectRefusal(client.send('POST', path, Buffer.alloc(limit + 1)), 400, 'bad_request', /too large/i),
  );

  test('headers over the limit', async () => {
    const response = await fetch(`${server.url}/healthz`, { headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(response.status).toBe(431);
    expect(await response.json()).toMatchObject({ code: 'headers_too_large' });
  });
});

describe('bare sockets', () => {
  /**
   * Sends a text, then drops of one byte each; returns all that came back until the connection was closed.
   */
  function talk(text: string, drops = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      let answer = '';
      socket.write(text);
      const pieces = [...drops];
      const timer = setInterval(() => {
        const piece = pieces.shift();
        if (piece !== undefined) socket.write(piece);
      }, 50);
      socket.on('data', (data) => {
        answer += data.toString();
      });
      socket.on('error', reject);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(answer);
      });
    });
  }

  const head = (lines: string[]) => [...lines, '', ''].join('\r\n');

  test('a body that comes byte by byte runs into the deadline', async () => {
    const start = performance.now();
    const lines = [
      'POST /v1/db/forms/pull HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${server.key}`,
      'Cloudsync-Protocol: 1',
      `Content-Type: ${MEDIA_TYPE}`,
      'Content-Length: 1000',
    ];
    const answer = await talk(head(lines), 'x'.repeat(900));
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"timeout"');
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test('what is no HTTP', async () => {
    const answer = await talk('GARBAGE\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
  });

  test('a client that hangs up in the middle of a body', async () => {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
        const lines = ['POST /v1/db/forms/push HTTP/1.1', 'Host: x', `Authorization: Bearer ${server.key}`];
        socket.write(
          head([...lines, 'Cloudsync-Protocol: 1', `Content-Type: ${MEDIA_TYPE}`, 'Content-Length: 99']),
        );
        socket.write('half', () => socket.destroy());
      });
      socket.on('error', reject);
      socket.on('close', () => resolve());
    });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });
});
