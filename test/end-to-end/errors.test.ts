/**
 * errors.test.ts: what a user sees when synchronisation cannot work: a clear error in bounded time that names the
 * address and says what to do; the changes stay and are sent once the trouble is over; a credential is nowhere.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqlite } from '../native/programs.js';
import { LONG } from '../support/random.js';
import { addKey, runProgram } from '../support/server.js';
import { Device, failureOf } from './device.js';
import { type Ended, startSqlite } from './programs.js';
import { type Answer, PROTOCOL_TYPE, startStandIn } from './stand-in.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a)';

/** A credential that has the form of a key and belongs to nobody. */
const STRANGE_KEY = `csk_${'a'.repeat(11)}_${'S3cret'.repeat(8).slice(0, 43)}`;

let databases = 0;
let database: string;
let file: string;
/** Everything that was reported in the test, to look for credentials in. */
let reported: string;

beforeEach(() => {
  database = `errors_${++databases}`;
  file = workspace.path('client');
  reported = '';
  const client = new Device(file).run(NOTES);
  client.value("SELECT cloudsync_init('notes')");
  client.run("INSERT INTO notes VALUES('kept', 1)");
  client.close();
});

/** The change is still there, travels as soon as it can, and no credential was shown or stored. */
afterEach(() => {
  const client = new Device(file);
  expect(client.value('SELECT cloudsync_network_has_unsent_changes()')).toBe(1);
  client.connect(workspace.server, database);
  expect(client.sync().sent.batches).toBe(1);
  const other = new Device().run(NOTES).connect(workspace.server, database);
  other.value("SELECT cloudsync_init('notes')");
  other.sync();
  expect(other.rows('SELECT * FROM notes')).toEqual(['kept|1']);
  other.close();
  for (const secret of [STRANGE_KEY, workspace.server.key].map((key) => key.split('_')[2] ?? '')) {
    expect(secret.length).toBeGreaterThan(20);
    expect(reported).not.toContain(secret);
    for (const path of [file, `${file}-wal`]) {
      if (existsSync(path)) expect(readFileSync(path).includes(secret), path).toBe(false);
    }
  }
  client.close();
});

/** Runs a sync that must fail in this process. Returns its message. */
function failingSync(prepare: (client: Device) => void): string {
  const client = new Device(file);
  prepare(client);
  const message = failureOf(() => client.sync());
  client.close();
  reported += message;
  return message;
}

function syncStatements(url: string, retries: number): string[] {
  return [
    `SELECT cloudsync_network_init('${url}/${database}')`,
    `SELECT cloudsync_network_set_apikey('${STRANGE_KEY}')`,
    `SELECT cloudsync_network_sync(0, ${retries})`,
  ];
}

/** Runs a sync in the sqlite3 program, so that this process can answer it. */
async function syncThroughProgram(url: string, retries = 0): Promise<Ended> {
  const ended = await startSqlite(file, syncStatements(url, retries));
  reported += ended.output + ended.errors;
  return ended;
}

describe('before anything is sent', () => {
  test('inside an open transaction, which goes on', () => {
    const client = new Device(file).connect(workspace.server, database);
    client.run("BEGIN; INSERT INTO notes VALUES('undone', 2)");
    expect(failureOf(() => client.sync())).toContain('cannot run inside a transaction; COMMIT first');
    client.run('ROLLBACK');
    expect(client.rows('SELECT * FROM notes')).toEqual(['kept|1']);
    client.close();
  });

  test('without a server, without a credential', () => {
    expect(failingSync(() => undefined)).toContain('call cloudsync_network_init');
    const withServer = (client: Device) =>
      client.value('SELECT cloudsync_network_init(?)', `${workspace.server.url}/${database}`);
    expect(failingSync(withServer)).toContain(
      'call cloudsync_network_set_token() or cloudsync_network_set_apikey()',
    );
  });

  test.each([
    ['without a scheme', '127.0.0.1/app', 'https:// or http://'],
    ['of another scheme', 'ftp://127.0.0.1/app', 'https:// or http://'],
    ['without a database', 'http://127.0.0.1', 'names no database'],
    ['with a slash for a database', 'http://127.0.0.1/', 'names no database'],
    ['with a query', 'http://127.0.0.1/app?x=1', 'query or fragment'],
    ['with a space', 'http://127.0.0.1/a b', 'character'],
    ['with a line break', 'http://127.0.0.1/app\r\nX-Forged: 1', 'character'],
    ['with a password', `http://user:${STRANGE_KEY}@127.0.0.1/app`, 'user name or password'],
    ['of 3,000 bytes', `http://127.0.0.1/${'a'.repeat(3000)}`, 'too long'],
  ])('an address %s', (_name, address, expected) => {
    const client = new Device(file);
    const message = failureOf(() => client.value('SELECT cloudsync_network_init(?)', address));
    reported += message;
    expect(message).toContain(expected);
    expect(message).toContain('expected https://host[:port]/database');
    client.close();
  });
});

describe('the real server', () => {
  test('a key that it does not know', () => {
    const message = failingSync((client) => client.connect(workspace.server, database, STRANGE_KEY));
    expect(message).toContain(`${workspace.server.url}/v1/db/${database} answered 401`);
    expect(message).toContain('set a valid token or key');
  });

  test('a key that was revoked', () => {
    const key = addKey(workspace.server.dataDirectory, '--role', 'admin');
    const id = key.split('_')[1] ?? '';
    expect(runProgram('key', 'revoke', '--data', workspace.server.dataDirectory, id).code).toBe(0);
    expect(failingSync((client) => client.connect(workspace.server, database, key))).toContain(
      'answered 401',
    );
  });

  test('a key for another database', () => {
    const key = addKey(workspace.server.dataDirectory, '--role', 'admin', '--db', 'elsewhere');
    const message = failingSync((client) => client.connect(workspace.server, database, key));
    expect(message).toContain('answered 404');
    expect(message).toContain('check the address and the name of the database');
  });

  test('a database name that it does not allow, an address that the server does not serve', () => {
    const named = failingSync((client) => client.connect(workspace.server, 'Not.A.Name'));
    expect(named).toMatch(/answered 400 .*1 to 64 characters from a-z, 0-9, - and _/);
    const url = `${workspace.server.url}/somewhere`;
    const message = failingSync((client) => client.connect({ url, key: workspace.server.key }, database));
    expect(message).toMatch(/answered 404 .*check the address/);
  });

  test('nobody listens', () => {
    const nowhere = { url: 'http://127.0.0.1:9', key: STRANGE_KEY };
    const away = failingSync((client) => client.connect(nowhere, database));
    expect(away).toContain(`http://127.0.0.1:9/v1/db/${database} cannot be reached`);
    expect(away).toContain('Changes stay in the database and are sent later');
  });
});

const HTML: Answer = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' };
const ofProtocol = (body: Uint8Array): Answer => ({
  status: 200,
  headers: { 'content-type': PROTOCOL_TYPE },
  body,
});

describe.skipIf(sqlite === undefined)('a server that is none (skipped without the sqlite3 program)', () => {
  test.each<[string, Answer, RegExp]>([
    ['a page in HTML', HTML, /answered 200.*this does not look like a cloudsync server; check the address/],
    ['a page that is not found', { ...HTML, status: 404 }, /answered 404.*check the address/],
    ['an empty answer', { status: 204 }, /answered 204.*does not look like a cloudsync server/],
    ['a proxy without its server', { ...HTML, status: 502 }, /answered 502.*try again later/],
    ['an answer that is no MessagePack', ofProtocol(Buffer.from('hello')), /cannot be understood/],
    ['an answer that ends too early', ofProtocol(Buffer.from([0x96, 0xc4, 0x10])), /cannot be understood/],
    ['an answer of 25 MiB', ofProtocol(Buffer.alloc(25 << 20)), /larger than the \d+ bytes allowed/],
    [
      'an answer without end in its counts',
      ofProtocol(Buffer.from('dfffffffff', 'hex')),
      /cannot be understood/,
    ],
  ])('%s', async (_name, answer, expected) => {
    const standIn = await startStandIn(answer);
    const ended = await syncThroughProgram(standIn.url);
    expect(ended.code).toBe(1);
    expect(ended.errors).toMatch(expected);
    expect(standIn.requests).toEqual([`POST /v1/db/${database}/sites`]);
  });

  test('a redirect is not followed, so that the credential goes nowhere else', async () => {
    const target = await startStandIn(HTML);
    const standIn = await startStandIn({ status: 307, headers: { location: `${target.url}/v1/db/x/sites` } });
    const ended = await syncThroughProgram(standIn.url);
    expect(ended.errors).toMatch(
      /answered 307.*it redirects; give the final address to cloudsync_network_init/,
    );
    expect(target.requests).toEqual([]);
  });

  test('a busy server is asked again when it says, and only as often as allowed', async () => {
    const standIn = await startStandIn({ status: 503, headers: { 'retry-after': '1' } });
    const start = performance.now();
    const ended = await syncThroughProgram(standIn.url, 2);
    expect(ended.errors).toMatch(/answered 503.*try again later/);
    expect(standIn.requests).toHaveLength(3);
    expect(performance.now() - start).toBeGreaterThan(1900);
  });

  test.skipIf(!LONG)('a server that never answers is given up after a minute', async () => {
    const standIn = await startStandIn('silence');
    const start = performance.now();
    const ended = await syncThroughProgram(standIn.url);
    expect(ended.errors).toMatch(/cannot be reached.*timed out/i);
    expect(performance.now() - start).toBeLessThan(75_000);
  });
});
