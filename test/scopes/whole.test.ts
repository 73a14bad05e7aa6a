/**
 * whole.test.ts: policies through the whole system: the server as a process, devices with the extension, users with
 * tokens, HTTP between them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployPolicies } from '../../src/server/policies/active-policies.ts';
import { Device } from '../end-to-end/device.ts';
import { accepted, Client } from '../server/client.ts';
import { addKey, type RunningServer, startServer } from '../support/server.ts';
import { policies, SCHEMA, VARIANTS, type Visibility } from './projects.ts';

const SECRET = 'a shared secret with more than 32 bytes';
const ISSUER = 'https://small.example';
const [VISIBLE] = VARIANTS as [Visibility];
const OWN_OR_OPEN = "NEW.title IS NOT 'forbidden'";
const POLICIES = policies(VISIBLE).replace(
  /(tasks_(?:INSERT|UPDATE) .*?)(WITH CHECK|USING) \(true\)/g,
  (_all, head: string, word: string) =>
    word === 'USING'
      ? `${head}USING (true) WITH CHECK (${OWN_OR_OPEN})`
      : `${head}WITH CHECK (${OWN_OR_OPEN})`,
);

const folder = mkdtempSync(join(tmpdir(), 'cloudsync-scopes-'));
const devices: Device[] = [];
let server: RunningServer;
let admin: Device;

beforeAll(async () => {
  const file = join(folder, 'server.json');
  const issuer = { issuer: ISSUER, audiences: ['cloudsync'], databases: '*', algorithms: ['HS256'] };
  writeFileSync(file, JSON.stringify({ tokens: [{ ...issuer, secretEnvironment: 'TEST_TOKEN_SECRET' }] }));
  server = await startServer({
    arguments: ['--config', file, '--log-level', 'warn'],
    environment: { TEST_TOKEN_SECRET: SECRET },
  });
  admin = deviceOf(server.key);
  admin.sync();
  deploy(POLICIES);
});

afterAll(async () => {
  for (const device of devices) device.close();
  expect(await server.stop()).toBe(0);
  rmSync(folder, { recursive: true });
});

function deploy(text: string): void {
  const sqlite = new Database(join(server.dataDirectory, 'databases', 'shared.db'));
  deployPolicies(sqlite, text, `${text.length}`, 0);
  sqlite.close();
}

function tokenOf(user: string): Promise<string> {
  const token = new SignJWT({ sub: user, iss: ISSUER, aud: 'cloudsync' });
  return token
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(Buffer.from(SECRET));
}

function deviceOf(credential: string): Device {
  const device = new Device();
  devices.push(device);
  for (const line of SCHEMA.trim().split('\n')) device.run(line);
  for (const name of Object.keys(VISIBLE)) device.value('SELECT cloudsync_init(?)', name);
  device.value('SELECT cloudsync_network_init(?)', `${server.url}/shared`);
  const isKey = credential.startsWith('csk_');
  device.value(`SELECT cloudsync_network_set_${isKey ? 'apikey' : 'token'}(?)`, credential);
  return device;
}

const userDevice = async (user: string) => deviceOf(await tokenOf(user));
const rejected = (device: Device) =>
  device.rows('SELECT tbl, operation, code FROM cloudsync_rejected ORDER BY id');

describe('two users of one table', () => {
  test('see their own rows, what is shared with them, and lose it when they leave', async () => {
    const [ann, bob] = [await userDevice('ann'), await userDevice('bob')];
    ann.run("INSERT INTO tasks VALUES ('a1', 'pa', 'ann', 'hers', 0)");
    bob.run("INSERT INTO tasks VALUES ('b1', 'pb', 'bob', 'his', 0)");
    for (const device of [ann, bob, ann]) device.sync();
    expect(ann.rows('SELECT id FROM tasks ORDER BY id')).toEqual(['a1']);
    expect(bob.rows('SELECT id FROM tasks ORDER BY id')).toEqual(['b1']);

    ann.run("INSERT INTO members VALUES ('m1', 'pa', 'bob')");
    ann.sync();
    bob.sync();
    expect(bob.rows('SELECT id, title FROM tasks ORDER BY id')).toEqual(['a1|hers', 'b1|his']);

    admin.sync();
    admin.run("DELETE FROM members WHERE id = 'm1'");
    admin.sync();
    bob.run("UPDATE tasks SET title = 'forbidden' WHERE id = 'a1'");
    bob.sync();
    expect(bob.rows('SELECT id FROM tasks ORDER BY id')).toEqual(['b1']);
    expect(rejected(bob)).toEqual(['tasks|update|denied']);
    ann.sync();
    expect(ann.rows('SELECT id, title FROM tasks')).toEqual(['a1|hers']);
  });

  test('a denied edit is undone on the device and kept aside', async () => {
    const cyd = await userDevice('cyd');
    cyd.run("INSERT INTO tasks VALUES ('c1', 'pc', 'cyd', 'fine', 0)");
    cyd.sync();
    cyd.run("UPDATE tasks SET title = 'forbidden' WHERE id = 'c1'");
    cyd.run("INSERT INTO tasks VALUES ('c2', 'pc', 'cyd', 'forbidden', 0)");
    cyd.run("INSERT INTO tasks VALUES ('c3', 'pc', 'cyd', 'fine too', 0)");
    cyd.sync();
    expect(cyd.rows('SELECT id, title FROM tasks ORDER BY id')).toEqual(['c1|fine', 'c3|fine too']);
    expect(rejected(cyd)).toEqual(['tasks|update|denied', 'tasks|insert|denied']);
    cyd.sync();
    expect(cyd.rows('SELECT id, title FROM tasks ORDER BY id')).toEqual(['c1|fine', 'c3|fine too']);
    expect(cyd.status().unsent).toBe(false);
  });

  test('a second device of a user has what the first has', async () => {
    const [first, second] = [await userDevice('dan'), await userDevice('dan')];
    first.run("INSERT INTO tasks VALUES ('d1', 'pd', 'dan', 'one', 0), ('d2', 'pd', 'dan', 'two', 0)");
    first.sync();
    second.sync();
    expect(second.rows('SELECT id FROM tasks ORDER BY id')).toEqual(['d1', 'd2']);
    second.run("DELETE FROM tasks WHERE id = 'd1'");
    second.run("UPDATE tasks SET owner = 'eve' WHERE id = 'd2'");
    second.sync();
    first.sync();
    for (const device of [first, second]) expect(device.rows('SELECT id FROM tasks')).toEqual([]);
    const eve = await userDevice('eve');
    eve.sync();
    expect(eve.rows('SELECT id FROM tasks')).toEqual(['d2']);
  });

  test('who knows a key of role anon is nobody in particular', async () => {
    const nobody = deviceOf(addKey(server.dataDirectory, '--role', 'anon'));
    nobody.sync();
    expect(nobody.rows('SELECT id FROM tasks')).toEqual([]);
  });
});

describe('a wait', () => {
  async function waiting(user: string) {
    const client = new Client(server.url, await tokenOf(user), 'shared');
    const site = Buffer.from(`${user}`.padEnd(16, '.'));
    const { epoch } = await client.register(site);
    const read = async () => {
      for (let cursor = Buffer.alloc(0); ; ) {
        const frames = accepted(await client.pull(site, epoch, 0, cursor)) as [number, Buffer, number][];
        const [, next = Buffer.alloc(0), complete] = frames.at(-1) ?? [];
        cursor = Buffer.from(next as Uint8Array);
        if (complete === 1) return cursor;
      }
    };
    return { client, site, cursor: await read() };
  }

  test('is woken by what its user sees, and by nothing else', async () => {
    const [fay, gus] = [await waiting('fay'), await waiting('gus')];
    const started = Date.now();
    const [ofFay, ofGus] = [
      fay.client.wait(fay.site, fay.cursor, 5),
      gus.client.wait(gus.site, gus.cursor, 5),
    ];
    admin.sync();
    admin.run("INSERT INTO tasks VALUES ('f1', 'pf', 'fay', 'for fay', 0)");
    admin.sync();
    expect((await ofFay).status).toBe(200);
    expect(Date.now() - started).toBeLessThan(4_000);
    expect((await ofGus).status).toBe(204);
  });

  test('takes its cursor in a body too', async () => {
    const hal = await waiting('hal');
    const wait = hal.client.post('/wait', [hal.site, hal.cursor, 5]);
    admin.run("INSERT INTO tasks VALUES ('h1', 'ph', 'hal', 'for hal', 0)");
    admin.sync();
    expect(await wait).toMatchObject({ status: 200, body: [1] });
  });
});
