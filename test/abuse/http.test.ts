/**
 * http.test.ts: the band http-abuse: malicious clients against the real server, malicious servers against the real
 * client. Each case has its expected end, leaves no trace where it should leave none, and takes bounded time and
 * memory.
 *
 *     CLOUDSYNC_CASE='<name>' npx vitest run test/abuse     plays the cases whose names begin so
 */
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Device as FileDevice } from '../end-to-end/device.js';
import { moveToAddress } from '../kill/address.js';
import { buildKillPrograms, type KillPrograms } from '../kill/programs.js';
import { runVictim } from '../kill/victim.js';
import { accepted } from '../server/client.js';
import { BandRun } from '../support/band_run.js';
import { dumpTable, openDatabase } from '../support/database.js';
import { BARE_CASES, type ClientCase } from './bare_cases.js';
import { EvilServer } from './evil_server.js';
import { REQUEST_CASES } from './request_cases.js';
import { SERVER_CASES, type ServerCase } from './server_cases.js';
import { makeWorld, residentMiB, type World } from './world.js';

const CASE_MS_MAX = 8_000;
const GROWTH_MIB_MAX = 300;
const only = process.env['CLOUDSYNC_CASE'] ?? '';
const chosen = <Case extends { name: string }>(cases: readonly Case[]) =>
  cases.filter(({ name }) => name.startsWith(only));

let run: BandRun;
let world: World;
let evil: EvilServer;
let folder: string;
let prepared: string;
let programs: KillPrograms;
const failures: string[] = [];

beforeAll(async () => {
  run = new BandRun('http-abuse');
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-abuse-'));
  world = await makeWorld();
  evil = new EvilServer();
  await evil.start();
  prepared = prepareClient();
  programs = buildKillPrograms();
}, 180_000);
afterAll(async () => {
  evil.stop();
  run.finish();
  await world.server.stop();
  rmSync(folder, { recursive: true });
});

/** Plays one case, which has so much time and no more: then `stop` is called, and the case has to end. */
async function play(name: string, action: () => Promise<void>, stop?: () => void): Promise<void> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop?.();
  }, CASE_MS_MAX);
  try {
    await action();
    if (isLate) throw new Error(`it takes more than ${CASE_MS_MAX} ms`);
  } catch (error) {
    run.failures += 1;
    const failure = `${name}: ${isLate ? 'it takes too long, ' : ''}${(error as Error).message}`;
    console.log(failure);
    failures.push(failure);
  }
  clearTimeout(timer);
  run.count += 1;
}

async function playClient({ name, play: attack, changes = false }: ClientCase): Promise<void> {
  const before = world.digest();
  await play(name, async () => {
    await attack(world);
    if (!changes && world.digest() !== before) throw new Error('the database of the server has changed');
  });
  run.add('malicious clients');
}

/** Neither keys nor what the bodies held is in the log, and no request was a failure of the server. */
function judgeLog(log: string): void {
  for (const key of [world.server.key, world.attacker.key, world.stranger.key]) {
    if (log.includes(key.split('_').slice(2).join('_'))) failures.push(`a key is in the log of the server`);
  }
  if (log.includes('secret payload')) failures.push('a payload is in the log of the server');
  const levels = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).level as number);
  if (Math.max(...levels) >= 50) failures.push('a request was logged as a failure of the server');
}

/** A client that has synced with the real server, and has written something since. */
function prepareClient(): string {
  const device = new FileDevice(join(folder, 'prepared'));
  device.run('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT, body TEXT)');
  device.run(
    "CREATE TABLE secret(id TEXT PRIMARY KEY NOT NULL, title TEXT); INSERT INTO secret VALUES('s', 'own')",
  );
  device.connect(world.server, 'clients').value("SELECT cloudsync_init('notes')");
  device.run("INSERT INTO notes VALUES('sent', 'before', '')").sync();
  device.run("INSERT INTO notes VALUES('kept', 'not sent yet', '')");
  device.run('PRAGMA journal_mode = DELETE').close();
  return device.file;
}

/** Each is checked against a database of its own. */
let recoveries = 0;
const OWN_ROWS = ['kept', 'sent'];

/** The file is whole, holds its own rows and no others, and can go on with an honest server. */
function judgeClient(file: string, taken: readonly string[], left: readonly string[]): void {
  const ids = [...taken, ...OWN_ROWS.filter((id) => !left.includes(id))];
  const device = new FileDevice(file);
  try {
    expect(device.value('PRAGMA integrity_check')).toBe('ok');
    expect(device.rows('SELECT id FROM notes ORDER BY id')).toEqual(ids);
    expect(device.rows('SELECT * FROM secret')).toEqual(['s|own']);
    // Whatever the liar made it believe: against another server everything is sent.
    device.connect(world.server, `recovered-${++recoveries}`).sync();
  } finally {
    device.close();
  }
  const serverFile = join(world.server.dataDirectory, 'databases', `recovered-${recoveries}.db`);
  const server = openDatabase({ source: serverFile });
  try {
    expect(dumpTable(server, 'notes')).toHaveLength(ids.length);
  } finally {
    server.close();
  }
}

async function playServer({ name, handlers, error, requests = 8, ...ends }: ServerCase): Promise<void> {
  const file = join(folder, 'case');
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  copyFileSync(prepared, file);
  const plain = openDatabase({ source: file, extension: false });
  moveToAddress(plain, evil.url, 'clients');
  plain.close();
  evil.begin(handlers);
  let victim: ChildProcess | undefined;
  const sync = async () => {
    const steps = [
      "SELECT cloudsync_network_set_apikey('csk_evil_secret')",
      'SELECT cloudsync_network_sync(0, 0)',
    ];
    const onStart = (child: ChildProcess) => {
      victim = child;
    };
    const end = await runVictim({ programs, file, steps, onStart });
    const outcome = end.steps[1];
    if (error === undefined ? !outcome?.ok : outcome?.ok || !error.test(outcome?.text ?? ''))
      throw new Error(`the sync ended with "${outcome?.text}", expected ${error ?? 'success'}`);
    if (outcome?.text.includes('csk_evil')) throw new Error('the key is in the message');
    if (evil.requests.length > requests) throw new Error(`${evil.requests.length} requests were made`);
    if (evil.cookies > 0) throw new Error('the client keeps cookies');
    judgeClient(file, ends.taken ?? [], ends.left ?? []);
  };
  await play(name, sync, () => victim?.kill('SIGKILL'));
  run.add('malicious servers');
}

test('malicious clients and servers', { timeout: 24 * 3_600_000 }, async () => {
  const pid = world.server.process.pid;
  const before = residentMiB(pid);
  const clients = chosen([...BARE_CASES, ...REQUEST_CASES]);
  const servers = chosen(SERVER_CASES);
  expect(clients.length + servers.length, 'cases of that name').toBeGreaterThan(0);
  do {
    // What waits for a deadline waits together; the digest before is the digest after all of them.
    const slow = clients.filter((each) => BARE_CASES.includes(each));
    await Promise.all(slow.map(playClient));
    for (const each of clients) if (!slow.includes(each)) await playClient(each);
    for (const each of servers) await playServer(each);
  } while (only === '' && run.count < run.planned);
  const after = residentMiB(pid);
  if (before !== undefined && after !== undefined) {
    run.add('MiB that the server grew', Math.round(after - before));
    if (after - before > GROWTH_MIB_MAX) failures.push(`the server grew from ${before} to ${after} MiB`);
  }
  world.honest.write('three', 'still honest');
  accepted(await world.honest.push());
  judgeLog(world.server.log());
  expect(failures.join('\n')).toBe('');
});
