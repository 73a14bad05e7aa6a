/**
 * configuration.test.ts: the configuration file of the server: what counts more, and what is refused with which words.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { OptionEntry } from '../../src/server/command-line/options.js';
import { SERVE_OPTIONS } from '../../src/server/command-line/serve-options.js';
import { runProgram, startServer } from '../support/server.js';
import { Client, newSite } from './client.js';

const folder = mkdtempSync(join(tmpdir(), 'cloudsync-configuration-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: unknown): string {
  const file = join(folder, `${Math.abs(hash(JSON.stringify(content)))}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);
}

const GOOD = {
  issuer: 'https://identity.example',
  audiences: ['a'],
  algorithms: ['RS256'],
  jwks: 'https://identity.example/keys',
  databases: '*',
};
const issuerWith = (changes: object) => ({ tokens: [{ ...GOOD, ...changes }] });

test('options may stand in it; what is typed counts more', async () => {
  const file = fileWith({ workers: 1, 'log-level': 'silent', host: '127.0.0.1', tokens: [GOOD] });
  const server = await startServer({ arguments: ['--config', file, '--log-level', 'info'] });
  await fetch(`${server.url}/healthz`);
  expect(await server.stop()).toBe(0);
  expect(server.log()).toMatch(/"path":"\/healthz"/);
});

test('README.md has every setting, with variable, default and meaning', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = /^\| setting \| variable .*\n.*\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const rows = Object.entries<OptionEntry>(SERVE_OPTIONS).map(([name, entry]) => {
    const fallback = entry.fallback === undefined ? '' : `\`${entry.fallback}\``;
    return `| \`${name}\` | \`${entry.environment}\` | ${fallback} | ${entry.help} |`;
  });
  expect(table.trimEnd().split('\n')).toEqual(rows);
});

test('every setting can be a variable', async () => {
  const environment = { CLOUDSYNC_RATE_DEVICE: '1', CLOUDSYNC_METRICS_PORT: '0' };
  const server = await startServer({ environment });
  const client = new Client(server.url, server.key, 'variables');
  const site = newSite();
  await client.register(site);
  expect((await client.post('/sites', [site, []])).status).toBe(429);
  expect((await fetch(`${server.operatorUrl}/metrics`)).status).toBe(200);
  await server.stop();
});

describe('mistakes', () => {
  const wrong: [string, unknown, RegExp][] = [
    ['no JSON', '{', /JSON/],
    ['no object', [], /the file must be an object/],
    ['an unknown setting', { prot: 1 }, /"prot" is no setting; there are data, port, /],
    ['a setting of the wrong type', { port: true }, /port must be a text or a number/],
    ['a value that the option refuses', { workers: 0 }, /--workers 0/],
    [
      'a proxy that is none',
      { 'trusted-proxies': '10.0.0.0/8,proxy' },
      /"proxy" is no address and no network/,
    ],
    ['a network that is none', { 'trusted-proxies': '10.0.0.0/33' }, /"10.0.0.0\/33" is no address/],
    ['a bound for rows that no device can keep', { 'quota-rows': 10 }, /a whole number from 1000 on/],
    ['tokens that are no list', { tokens: {} }, /tokens must be a list/],
    ['an unknown setting of an issuer', issuerWith({ audience: 'a' }), /tokens\[0\]\.audience is no setting/],
    ['no issuer', issuerWith({ issuer: undefined }), /tokens\[0\]\.issuer must be a text/],
    ['no audience', issuerWith({ audiences: [] }), /tokens\[0\]\.audiences must be a list with at least one/],
    ['no algorithm', issuerWith({ algorithms: undefined }), /tokens\[0\]\.algorithms must be a list/],
    ['the algorithm none', issuerWith({ algorithms: ['none'] }), /"none" does not go with this kind of key/],
    ['a secret algorithm for public keys', issuerWith({ algorithms: ['HS256'] }), /"HS256" does not go with/],
    ['two kinds of keys', issuerWith({ secretEnvironment: 'X' }), /exactly one of jwks, secretFile/],
    ['no keys', issuerWith({ jwks: undefined }), /exactly one of jwks, secretFile/],
    ['keys over plain HTTP', issuerWith({ jwks: 'http://identity.example/' }), /must begin with https/],
    ['keys at no URL', issuerWith({ jwks: 'keys' }), /"keys" is no URL/],
    [
      'a secret that is not there',
      issuerWith({ jwks: undefined, secretEnvironment: 'CLOUDSYNC_NOT_SET', algorithms: ['HS256'] }),
      /the secret has 0 bytes, at least 32 are needed/,
    ],
    [
      'a file with a secret that is not there',
      issuerWith({ jwks: undefined, secretFile: join(folder, 'no'), algorithms: ['HS256'] }),
      /secretFile cannot be read: .*ENOENT/,
    ],
    ['no databases', issuerWith({ databases: undefined }), /databases must be "\*", a list of names, or/],
    ['a wrong database', issuerWith({ databases: ['A/B'] }), /"A\/B" is no name of a database/],
    ['a wrong number', issuerWith({ leewaySeconds: -1 }), /leewaySeconds must be a whole number from 0 on/],
    ['an issuer twice', { tokens: [GOOD, GOOD] }, /the issuer "https:\/\/identity.example" is there twice/],
  ];
  test.each(wrong)('%s', (_name, content, message) => {
    const words = ['serve', '--data', join(folder, 'data'), '--port', '0', '--config', fileWith(content)];
    const { code, errors } = runProgram(...words);
    expect(errors).toMatch(message);
    expect(code).toBe(2);
  });

  test('a file that is not there', () => {
    const words = ['serve', '--data', join(folder, 'data'), '--port', '0', '--config', join(folder, 'none')];
    expect(runProgram(...words)).toMatchObject({ code: 2 });
  });
});
