/**
 * command-line.test.ts: the command line: help, wrong usage, environment variables, one server per data
 * directory, and the life of keys while a server runs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addKey, type RunningServer, runProgram, startServer } from '../support/server.js';
import { Client, newSite, refused } from './client.js';

const PROGRAM = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'cloudsync-keys-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('usage', () => {
  test('--help names every option and command', () => {
    const all = runProgram('--help');
    expect(all.code).toBe(0);
    const options = ['data', 'port', 'host', 'workers', 'log-level', 'max-packet', 'request-timeout'];
    for (const option of [...options, 'role', 'db', 'label', 'subject'])
      expect(all.output).toContain(`--${option}`);
    for (const command of ['serve', 'key add', 'key list', 'key revoke'])
      expect(all.output).toContain(command);
    expect(runProgram('serve', '--help').output).toContain('CLOUDSYNC_DATA');
    expect(runProgram('key', '--help').code).toBe(0);
  });

  const wrong: [string, string[], RegExp][] = [
    ['no command', [], /a command is missing/],
    ['unknown command', ['sync'], /unknown command "sync"/],
    ['unknown option', ['serve', '--data', directory, '--port', '0', '--wrokers', '2'], /--wrokers/],
    ['no data directory', ['serve', '--port', '0'], /needs --data/],
    ['no port', ['serve', '--data', directory], /needs --port/],
    ['port out of range', ['serve', '--data', directory, '--port', '65536'], /from 0 to 65535/],
    ['port that is no number', ['serve', '--data', directory, '--port', '1e3'], /whole number/],
    ['no workers', ['serve', '--data', directory, '--port', '0', '--workers', '0'], /--workers 0/],
    ['log level', ['serve', '--data', directory, '--port', '0', '--log-level', 'loud'], /one of trace/],
    ['option twice', ['serve', '--data', directory, '--data', directory, '--port', '0'], /given twice/],
    ['surplus argument', ['serve', 'now', '--data', directory, '--port', '0'], /no argument "now"/],
    ['key without action', ['key', '--data', directory], /add, list, revoke/],
    ['key without data directory', ['key', 'list'], /needs --data/],
    ['role that does not exist', ['key', 'add', '--data', directory, '--role', 'root'], /--role root/],
    ['database name', ['key', 'add', '--data', directory, '--db', '../x'], /--db \.\.\/x/],
    ['revoke without id', ['key', 'revoke', '--data', directory], /needs the ID/],
    ['revoke an unknown key', ['key', 'revoke', '--data', directory, 'nobody'], /no key nobody/],
    [
      'list in a directory that is not there',
      ['key', 'list', '--data', join(directory, 'no')],
      /no data directory/,
    ],
  ];
  test.each(wrong)('%s is refused with exit code 2', (_name, words, message) => {
    const result = runProgram(...words);
    expect(result.errors).toMatch(message);
    expect(result.code).toBe(2);
    expect(result.output).toBe('');
  });

  test('environment variables stand in for options, options win', () => {
    const environment = { ...process.env, CLOUDSYNC_DATA: directory, CLOUDSYNC_PORT: 'none' };
    const result = spawnSync(process.execPath, [PROGRAM, 'serve'], { env: environment, encoding: 'utf8' });
    expect(result.stderr).toContain('--port none');
    const list = spawnSync(process.execPath, [PROGRAM, 'key', 'list'], {
      env: environment,
      encoding: 'utf8',
    });
    expect(list.status).toBe(0);
    const other = ['key', 'list', '--data', join(directory, 'no')];
    expect(spawnSync(process.execPath, [PROGRAM, ...other], { env: environment }).status).toBe(2);
  });
});

describe('with a running server', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  const registerWith = (key: string) =>
    new Client(server.url, key, 'keys').post('/sites', [newSite(), []]).then((answer) => answer.status);

  test('a second server for the data directory is refused', async () => {
    await expect(startServer({ dataDirectory: server.dataDirectory })).rejects.toThrow(/another server uses/);
    expect(await registerWith(server.key)).toBe(200);
  });

  test('a port that is taken is an error', async () => {
    const port = Number(new URL(server.url).port);
    const other = mkdtempSync(join(tmpdir(), 'cloudsync-port-'));
    await expect(startServer({ dataDirectory: other, port })).rejects.toThrow(/EADDRINUSE/);
    rmSync(other, { recursive: true });
  });

  test('keys that are added and revoked count at once', async () => {
    const key = addKey(server.dataDirectory, '--role', 'schema', '--label', 'phone of Ada');
    const id = key.split('_')[1] ?? '';
    expect(await registerWith(key)).toBe(200);
    const listed = runProgram('key', 'list', '--data', server.dataDirectory);
    const line = listed.output.split('\n').find((text) => text.startsWith(id)) ?? '';
    expect(line).toMatch(/schema +\* .*phone of Ada$/);
    expect(line.match(/\d{4}-\d\d-\d\dT/g), 'created and last used').toHaveLength(2);
    expect(runProgram('key', 'revoke', '--data', server.dataDirectory, id).code).toBe(0);
    expect(await registerWith(key)).toBe(401);
    expect(runProgram('key', 'revoke', '--data', server.dataDirectory, id).errors).toMatch(
      /no key .* revoked/,
    );
    expect(await registerWith(server.key)).toBe(200);
  });

  test('wrong credentials are refused alike', async () => {
    const [, id, secret] = server.key.split('_');
    const flipped = `${secret?.slice(0, -1)}${secret?.endsWith('a') ? 'b' : 'a'}`;
    const keys = [`csk_${id}_${flipped}`, `csk_AAAAAAAAAAA_${secret}`, `csk_${id}_`, 'csk', "' OR 1=1 --"];
    const answers = await Promise.all(
      keys.map((key) => new Client(server.url, key, 'keys').post('/sites', [newSite(), []])),
    );
    const refusals = answers.map(refused);
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    expect(refusals[0]).toMatchObject({ status: 401, code: 'unauthorized' });
    expect(answers[0]?.headers.get('www-authenticate')).toContain('Bearer');
    const none = await new Client(server.url, '', 'keys').send('POST', '/sites', '', { authorization: '' });
    expect(none.status).toBe(401);
  });

  test('no file holds a secret', () => {
    const secret = server.key.split('_')[2] ?? '';
    expect(secret).toHaveLength(43);
    for (const name of readdirSync(server.dataDirectory, { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('databases')) continue;
      expect(readFileSync(join(server.dataDirectory, name)).includes(secret), name).toBe(false);
    }
    const keys = new Database(join(server.dataDirectory, 'server.db'), { readonly: true });
    const row = keys
      .prepare("SELECT length(secret_hash) AS size, role FROM keys WHERE label LIKE 'made on%'")
      .get();
    keys.close();
    expect(row).toEqual({ size: 32, role: 'admin' });
  });
});

test('the admin key is printed once; a restart keeps keys and prints none', async () => {
  const data = mkdtempSync(join(tmpdir(), 'cloudsync-restart-'));
  const first = await startServer({ dataDirectory: data });
  expect(await first.stop()).toBe(0);
  const second = await startServer({ dataDirectory: data, key: 'none was printed' });
  expect(second.key).toBe('none was printed');
  const answer = await new Client(second.url, first.key, 'keys').post('/sites', [newSite(), []]);
  expect(answer.status).toBe(200);
  expect(await second.stop()).toBe(0);
  rmSync(data, { recursive: true });
});
