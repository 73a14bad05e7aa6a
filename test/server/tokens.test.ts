/**
 * tokens.test.ts: tokens of an identity provider, with the real server and a provider that serves its keys: which are
 * taken, which are refused and with what words, rotation and failure of the provider, whose a device is, revocation.
 */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, runProgram, startServer } from '../support/server.js';
import { Client, newSite, refused } from './client.js';
import { claimsOf, ISSUER, Issuer } from './issuer.js';

const SECRET = 'a shared secret with more than 32 bytes';
const SECRET_ISSUER = 'https://small.example';
const folder = mkdtempSync(join(tmpdir(), 'cloudsync-tokens-'));

let issuer: Issuer;
let server: RunningServer;

function configuration(): string {
  const file = join(folder, 'server.json');
  const common = { audiences: ['cloudsync'], databases: { claim: 'db' } };
  const tokens = [
    {
      ...common,
      issuer: ISSUER,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      jwks: issuer.address,
      refetchSeconds: 0,
    },
    { ...common, issuer: SECRET_ISSUER, algorithms: ['HS256'], secretEnvironment: 'TEST_TOKEN_SECRET' },
  ];
  writeFileSync(file, JSON.stringify({ 'log-level': 'info', workers: 1, tokens }));
  return file;
}

beforeAll(async () => {
  issuer = await Issuer.start(['RS256', 'ES256', 'EdDSA']);
  process.env['TEST_TOKEN_SECRET'] = SECRET;
  server = await startServer({ arguments: ['--config', configuration()] });
  await new Client(server.url, server.key, 'shared').register(newSite());
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await issuer.stop();
  rmSync(folder, { recursive: true });
});

const clientOf = (token: string, database = 'shared') => new Client(server.url, token, database);

async function expectUnauthorized(token: string, words: RegExp): Promise<void> {
  const refusal = refused(await clientOf(token).post('/sites', [newSite(), []]));
  expect(refusal).toMatchObject({ status: 401, code: 'unauthorized' });
  expect(refusal.detail).toMatch(words);
}

const now = () => Math.floor(Date.now() / 1000);
const bySecret = (claims = {}) =>
  new SignJWT(claimsOf({ iss: SECRET_ISSUER, ...claims })).setProtectedHeader({ alg: 'HS256' });

describe('tokens that are good', () => {
  test.each(['RS256', 'ES256', 'EdDSA'])('signed with %s', async (algorithm) => {
    const registration = await clientOf(await issuer.sign({}, algorithm)).register(newSite());
    expect(registration.mayPublish).toBe(0);
  });

  test('signed with a shared secret', async () => {
    await clientOf(await bySecret().sign(Buffer.from(SECRET))).register(newSite());
  });

  test('one of several audiences', async () => {
    await clientOf(await issuer.sign({ aud: ['other', 'cloudsync'] })).register(newSite());
  });

  test('expired by less than the clocks may differ', async () => {
    await clientOf(await issuer.sign({ exp: now() - 30, iat: now() - 100 })).register(newSite());
  });
});

describe('tokens that are refused', () => {
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    [
      'expired',
      { exp: now() - 120 },
      /the token has expired; get a new one and call cloudsync_network_set_token/,
    ],
    ['not valid yet', { nbf: now() + 600 }, /not valid yet/],
    ['for somebody else', { aud: 'other' }, /the claim aud of the token is missing or wrong/],
    ['of an unknown issuer', { iss: 'https://evil.example' }, /an issuer that this server does not know/],
    ['without an issuer', { iss: undefined }, /an issuer that this server does not know/],
    ['without a subject', { sub: undefined }, /the claim sub of the token is missing or wrong/],
    ['with an empty subject', { sub: '' }, /the claim sub of the token is no usable name/],
    ['with a control character in its subject', { sub: 'a\nb' }, /no usable name/],
    ['without an end', { exp: undefined }, /the claim exp/],
    ['without a beginning', { iat: undefined }, /the claim iat/],
    ['valid for too long', { exp: now() + 200_000 }, /more than the 86400 seconds that are allowed/],
  ];
  test.each(wrong)('%s', async (_name, claims, words) => {
    await expectUnauthorized(await issuer.sign(claims), words);
  });

  const unsigned = (header: object, claims = claimsOf({})) =>
    [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

  test('unsigned', async () => {
    await expectUnauthorized(`${unsigned({ alg: 'none' })}.`, /signature/);
  });

  test('signed with the public key as if it were a secret', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const text = unsigned({ alg: 'HS256', kid: 'key-0' });
    const signature = createHmac('sha256', await exportSPKI(publicKey))
      .update(text)
      .digest('base64url');
    await expectUnauthorized(`${text}.${signature}`, /signature/);
  });

  test('signed by another provider with the same name', async () => {
    const other = await Issuer.start(['RS256']);
    await expectUnauthorized(await other.sign(), /signature/);
    await other.stop();
  });

  test('changed behind the signature', async () => {
    const [head, , signature] = (await issuer.sign()).split('.');
    const claims = Buffer.from(JSON.stringify(claimsOf({ sub: 'bob' }))).toString('base64url');
    await expectUnauthorized(`${head}.${claims}.${signature}`, /signature/);
  });

  test('of an issuer with a secret, with another secret', async () => {
    const token = await bySecret().sign(Buffer.from('another secret with more than 32 bytes'));
    await expectUnauthorized(token, /signature/);
  });

  test.each(['a.b.c', '..', 'eyJhbGciOiJSUzI1NiJ9.e30.', 'no token'])('%s', async (text) => {
    await expectUnauthorized(text, /the token|the key is missing, wrong or revoked/);
  });
});

test('a token opens the databases that it names and no others', async () => {
  const refusal = refused(await clientOf(await issuer.sign({ db: 'other' })).post('/sites', [newSite(), []]));
  expect(refusal).toMatchObject({ status: 404, code: 'no_database' });
  const several = await issuer.sign({ db: ['other', 'shared', 7, '../x'] });
  await clientOf(several).register(newSite());
  const none = refused(await clientOf(await issuer.sign({ db: undefined })).post('/sites', [newSite(), []]));
  expect(none.code).toBe('no_database');
});

test('a device belongs to the user who registered it, with whichever token', async () => {
  const site = newSite();
  await clientOf(await issuer.sign()).register(site);
  await clientOf(await issuer.sign({ iat: now() - 5 }, 'ES256')).register(site);
  const refusal = refused(await clientOf(await issuer.sign({ sub: 'bob' })).post('/sites', [site, []]));
  expect(refusal).toMatchObject({ status: 403, code: 'forbidden' });
  expect(refusal.detail).toMatch(/cloudsync_network_logout when another person uses this device/);
  const sameName = await bySecret().sign(Buffer.from(SECRET));
  expect(refused(await clientOf(sameName).post('/sites', [site, []])).code).toBe('forbidden');
});

test('a user cannot publish tables', async () => {
  const client = clientOf(await issuer.sign());
  const site = newSite();
  await client.register(site);
  const definitions = [['t', 0, 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL)']];
  expect(refused(await client.post('/schema', [site, definitions])).code).toBe('forbidden');
});

test('keys of the provider are fetched again for a token with a new one, and outlive its failure', async () => {
  await issuer.addKey('RS256');
  await clientOf(await issuer.sign()).register(newSite());
  const fetches = issuer.fetches;
  issuer.isDown = true;
  await clientOf(await issuer.sign()).register(newSite());
  expect(issuer.fetches).toBe(fetches);
  await issuer.addKey('RS256');
  await expectUnauthorized(await issuer.sign(), /signature/);
  issuer.isDown = false;
  await clientOf(await issuer.sign()).register(newSite());
});

test('a server whose provider has never answered says that it is its fault', async () => {
  issuer.isDown = true;
  const other = await startServer({ arguments: ['--config', configuration()] });
  const answer = await new Client(other.url, await issuer.sign(), 'shared').post('/sites', [newSite(), []]);
  issuer.isDown = false;
  expect(refused(answer)).toMatchObject({ status: 503, code: 'busy' });
  expect(answer.headers.get('retry-after')).toBe('1');
  await other.stop();
});

test('revoked tokens are refused at once, newer ones are not', async () => {
  const old = await issuer.sign({ sub: 'carol', iat: now() - 10 });
  const site = newSite();
  await clientOf(old).register(site);
  const revoke = ['token', 'revoke', '--data', server.dataDirectory, '--issuer', ISSUER];
  expect(runProgram(...revoke, 'carol')).toMatchObject({ code: 0, output: 'revoked the tokens of carol\n' });
  await expectUnauthorized(old, /the token was revoked/);
  await clientOf(await issuer.sign({ sub: 'carol', iat: now() + 1 })).register(site);
});

test('a wait ends when its token does', async () => {
  const client = clientOf(await issuer.sign({ iat: now() - 100, exp: now() - 57 }));
  const site = newSite();
  await client.register(site);
  const { cursor } = await client.page(site, (await client.register(site)).epoch, 0, Buffer.alloc(0));
  const start = Date.now();
  const response = await client.wait(site, cursor, 25);
  expect(response.status).toBe(204);
  expect(Date.now() - start).toBeLessThan(10_000);
});

test('no token is in the log', async () => {
  const token = await issuer.sign();
  await fetch(`${server.url}/v1/db/${token}/push?token=${token}`, { method: 'POST' });
  expect(server.log()).not.toContain(token.split('.')[2]);
});
