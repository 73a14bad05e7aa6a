/**
 * api.test.ts: the administrator's API over real HTTP: who may ask, what is answered, what is refused, and that neither
 * secrets nor row values are ever in an answer.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  CredentialList,
  DatabaseList,
  DatabaseSummary,
  Inspections,
} from '../../src/server/administration.js';
import { HOSTILE, keyId, LONG_NAME, startWorld, stopWorld, type World } from './world.js';

interface Answer<Body> {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

interface Problem {
  code: string;
  detail: string;
}

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await stopWorld(world);
});

/** Asks for a path below /admin/v1 with the first admin key, or another one; an empty one sends none. */
async function ask<Body>(
  path: string,
  key = world.server.key,
  init: RequestInit = {},
): Promise<Answer<Body>> {
  const headers = { ...(key === '' ? {} : { authorization: `Bearer ${key}` }), ...init.headers };
  const response = await fetch(`${world.server.url}/admin/v1${path}`, { ...init, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Body };
}

const PATHS = ['/names', '/credentials', '/databases', '/databases/home', '/databases/home/devices'];

describe.each(PATHS)('%s', (path) => {
  test('is answered to an administrator, and kept by no cache', async () => {
    const answer = await ask(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('is refused to everybody else', async () => {
    for (const key of ['', 'nonsense', world.revokedKey]) {
      const answer = await ask<Problem>(path, key);
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    }
    for (const key of [world.serviceKey, world.schemaKey]) {
      const answer = await ask<Problem>(path, key);
      expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
      expect(answer.body.detail).toMatch(/role admin/);
    }
  });

  test('holds no secret and no value of a row', async () => {
    const { text } = await ask(path);
    for (const key of [world.server.key, world.serviceKey, world.revokedKey]) {
      expect(text).not.toContain(key.split('_')[2]);
    }
    expect(text).not.toMatch(/secret/);
  });
});

describe('databases', () => {
  test('all of them, with sizes and counts', async () => {
    const { body } = await ask<DatabaseList>('/databases');
    expect(body).toMatchObject({
      total: 2,
      databases: [
        { name: 'home', tables: 2, devices: 3, held: { value: 0, isLeast: false }, head: 3 },
        { name: 'work', tables: 1, devices: 1 },
      ],
    });
    const [home] = body.databases as DatabaseSummary[];
    expect(home?.bytes).toBeGreaterThan(4096);
    expect(Math.abs((home?.lastSeen ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('one part of them', async () => {
    const { body } = await ask<DatabaseList>('/databases?offset=1&limit=1');
    expect(body).toMatchObject({ total: 2, databases: [{ name: 'work' }] });
  });

  test('one with its tables', async () => {
    const { body } = await ask<DatabaseSummary>('/databases/home');
    expect(body.epoch).toMatch(/^[0-9a-f]{32}$/);
    expect(body.tableList).toEqual([
      { name: HOSTILE, algorithm: 'cls', rows: { value: 0, isLeast: false } },
      { name: 'todos', algorithm: 'cls', rows: { value: 3, isLeast: false } },
    ]);
  });

  test('rows are counted up to a bound', async () => {
    const file = new Database(join(world.server.dataDirectory, 'databases', 'work.db'));
    file.exec(
      'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) INSERT INTO notes(id) SELECT i FROM n',
    );
    file.close();
    const { body } = await ask<DatabaseSummary>('/databases/work');
    expect(body.tableList).toEqual([
      { name: 'notes', algorithm: 'cls', rows: { value: 100_000, isLeast: true } },
    ]);
  });

  test('a damaged one is named with the reason, and the others are shown', async () => {
    writeFileSync(
      join(world.server.dataDirectory, 'databases', 'damaged.db'),
      'no database at all'.repeat(99),
    );
    const { body } = await ask<DatabaseList>('/databases');
    expect(body.databases.map(({ name }) => name)).toEqual(['damaged', 'home', 'work']);
    expect(body.databases[0]).toEqual({ name: 'damaged', problem: 'file is not a database' });
  });
});

test('devices: whose they are, what they sent; in parts', async () => {
  const path = '/databases/home/devices';
  const { body } = await ask<Inspections['devices']['result']>(path);
  expect(body.total).toBe(3);
  const [mine, ...others] = world.devices.map(({ site }) =>
    body.devices.find((device) => device.site === site),
  );
  expect(mine).toMatchObject({ subject: keyId(world.server.key), lastBatch: 1 });
  expect(others.map((device) => device?.subject)).toEqual([HOSTILE, LONG_NAME]);
  expect(body.devices.map(({ behind }) => behind?.value).sort()).toEqual([0, 1, 2]);
  const second = await ask<Inspections['devices']['result']>(`${path}?offset=1&limit=1`);
  expect(second.body).toEqual({ total: 3, devices: [body.devices[1]] });
});

test('keys without their secrets', async () => {
  const { body } = await ask<CredentialList>('/credentials');
  expect(body.keys.map(({ id }) => id)).toContain(keyId(world.workKey));
  const revoked = body.keys.find(({ id }) => id === keyId(world.revokedKey));
  expect(revoked).toMatchObject({ role: 'admin', database: '*', label: 'lost', lastUsed: null });
  expect(revoked?.revoked).toBeGreaterThan(0);
  expect(body.revokedSubjects).toEqual([]);
});

describe('an admin key of one database', () => {
  test('sees that one alone', async () => {
    expect((await ask('/names', world.workKey)).body).toEqual({ names: ['work'] });
    const list = await ask<DatabaseList>('/databases', world.workKey);
    expect(list.body.databases.map(({ name }) => name)).toEqual(['work']);
    expect((await ask('/databases/work', world.workKey)).status).toBe(200);
  });

  test('cannot tell another one from none', async () => {
    const [other, none] = [
      await ask('/databases/home', world.workKey),
      await ask('/databases/none', world.workKey),
    ];
    expect([other.status, none.status]).toEqual([404, 404]);
    expect(other.text.replaceAll('home', '?')).toBe(none.text.replaceAll('none', '?'));
  });

  test('does not see the keys of the server', async () => {
    expect((await ask('/credentials', world.workKey)).status).toBe(403);
  });
});

describe('bad input', () => {
  test.each([
    ['/databases?limit=0', /limit/],
    ['/databases?limit=201', /limit/],
    ['/databases?offset=-1', /offset/],
    ['/databases?offset=1e99', /offset/],
    ['/databases?limit=ten', /limit/],
    ['/databases?limit=1&limit=2', /limit/],
    ['/databases?unknown=1', /additional/],
    ['/names?offset=1', /additional/],
    ['/databases/UPPER', /pattern/],
    ['/databases/..%2fserver', /pattern/],
    ['/databases/home/devices?limit=x', /limit/],
  ])('%s is refused', async (path, words) => {
    const answer = await ask<Problem>(path);
    expect([answer.status, answer.body.code]).toEqual([400, 'bad_request']);
    expect(answer.body.detail).toMatch(words);
  });

  test.each(['/', '/unknown', '/databases/home/unknown'])('%s is not found', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  test('a database that does not exist is not made', async () => {
    expect((await ask('/databases/missing')).status).toBe(404);
    expect((await ask<{ names: string[] }>('/names')).body.names).not.toContain('missing');
  });

  test('nothing is written: other methods are not found', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await ask('/databases/home', world.server.key, { method })).status).toBe(404);
    }
  });
});
