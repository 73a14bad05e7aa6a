/**
 * backup.test.ts: the commands of an operator with a real server and real devices: a backup while devices work, a
 * restore after which nothing is lost that a device still has, and the doctor.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { runProgram, startServer } from '../support/server.js';
import { expectEqual } from './compare.js';
import { Device } from './device.js';

const folder = mkdtempSync(join(tmpdir(), 'cloudsync-backup-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b)';
const ROWS = 2000;

async function newServer(name: string) {
  const dataDirectory = join(folder, name);
  const server = await startServer({ dataDirectory, arguments: ['--log-level', 'warn'] });
  const device = (file: string) => {
    const made = new Device(join(folder, `${name}-${file}`)).run(NOTES).connect(server, 'notes');
    made.value("SELECT cloudsync_init('notes')");
    return made;
  };
  const restart = () =>
    startServer({ dataDirectory, key: server.key, port: Number(new URL(server.url).port) });
  return { server, dataDirectory, device, restart, backup: join(folder, `${name}.backup`) };
}

/** Syncs all in turn until nothing moves. */
function settle(...devices: Device[]): void {
  for (let round = 0; round < 6; round++) {
    const reports = devices.map((one) => one.sync());
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the devices keep changing each other');
}

const command = (word: string, dataDirectory: string, ...rest: string[]) =>
  runProgram(word, '--data', dataDirectory, '--db', 'notes', ...rest);

test('a restored server gets back from the devices what the backup lacks', async () => {
  const { server, dataDirectory, device, restart, backup } = await newServer('restored');
  const [a, b] = [device('a'), device('b')];
  a.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
         INSERT INTO notes SELECT 'a' || i, hex(randomblob(100)), 0 FROM n`);
  settle(a, b);
  expect(command('backup', dataDirectory, backup)).toMatchObject({ code: 0, errors: '' });
  a.run("INSERT INTO notes VALUES('later', 'in no backup', 0); DELETE FROM notes WHERE id = 'a1'");
  settle(a, b);
  b.run("INSERT INTO notes VALUES('unsent', 'nowhere else', 0)");

  const refusal = command('restore', dataDirectory, backup);
  expect(refusal).toMatchObject({ code: 2 });
  expect(refusal.errors).toMatch(/a server uses this data directory; stop it first/);

  await server.stop();
  const restored = command('restore', dataDirectory, backup);
  expect(restored).toMatchObject({ code: 0, errors: '' });
  const [, former] = /the former one is (\S+)/.exec(restored.output) ?? [];
  expect(existsSync(former ?? '')).toBe(true);
  const again = await restart();
  settle(a, b, a);
  for (const one of [a, b]) one.close();
  const serverFile = join(dataDirectory, 'databases', 'notes.db');
  const { notes } = expectEqual([a.file, b.file, serverFile], ['notes']);
  expect(notes).toHaveLength(ROWS - 1 + 2);
  await again.stop();
});

test('a database that is not there any more is restored under its name', async () => {
  const { server, dataDirectory, device, restart, backup } = await newServer('lost');
  const a = device('a');
  a.run("INSERT INTO notes VALUES('a1', 'x', 0)");
  settle(a);
  command('backup', dataDirectory, backup);
  await server.stop();
  for (const name of readdirSync(join(dataDirectory, 'databases')))
    rmSync(join(dataDirectory, 'databases', name));
  expect(command('restore', dataDirectory, backup).output).toBe('restored notes\n');
  const again = await restart();
  const b = new Device(join(folder, 'lost-b')).run(NOTES).connect(again, 'notes');
  b.value("SELECT cloudsync_init('notes')");
  settle(a, b);
  expect(b.rows('SELECT id FROM notes')).toEqual(['a1']);
  for (const one of [a, b]) one.close();
  await again.stop();
});

describe('refusals', () => {
  test('copies that cannot be made or restored, with exit code 2 and nothing changed', async () => {
    const { server, dataDirectory, device, backup } = await newServer('refused');
    const a = device('a');
    a.run("INSERT INTO notes VALUES('a1', 'x', 0)");
    settle(a);
    a.close();
    expect(runProgram('backup', '--data', dataDirectory, '--db', 'other', backup).errors).toMatch(
      /there is no database other/,
    );
    expect(command('backup', dataDirectory, backup).code).toBe(0);
    expect(command('backup', dataDirectory, backup).errors).toMatch(/exists already; name another file/);
    await server.stop();

    const foreign = join(folder, 'foreign.db');
    new Database(foreign).exec('CREATE TABLE t(a)').close();
    expect(command('restore', dataDirectory, foreign).errors).toMatch(/it is not a copy of a server/);
    const text = join(folder, 'text.db');
    writeFileSync(text, 'no database at all, but long enough to be read as the head of one'.repeat(20));
    expect(command('restore', dataDirectory, text).errors).toMatch(
      /cannot be restored: file is not a database/,
    );
    truncateSync(backup, 8192);
    expect(command('restore', dataDirectory, backup)).toMatchObject({ code: 2 });
    expect(command('restore', dataDirectory, join(folder, 'none')).errors).toMatch(/there is no file/);
    expect(readdirSync(join(dataDirectory, 'databases'))).toEqual(['notes.db']);
    expect(existsSync(join(dataDirectory, 'replaced'))).toBe(false);
  });

  test.each([
    ['backup', [], /needs a FILE/],
    ['backup', ['a', 'b'], /takes no argument "b"/],
    ['doctor', ['now'], /takes no argument "now"/],
  ])('%s %j', (word, rest, message) => {
    const result = runProgram(word, '--data', folder, '--db', 'notes', ...rest);
    expect(result.errors).toMatch(message);
    expect(result.code).toBe(2);
  });
});

test('the doctor names what is there and what is wrong', async () => {
  const { server, dataDirectory, device } = await newServer('examined');
  const a = device('a');
  a.run("INSERT INTO notes VALUES('a1', 'x', 0)");
  settle(a);
  a.close();
  const healthy = runProgram('doctor', '--data', dataDirectory);
  expect(healthy).toMatchObject({ code: 0, errors: '' });
  expect(healthy.output).toMatch(/^cloudsync \S+ on SQLite \S+, Node \S+\n/);
  expect(healthy.output).toMatch(
    /database notes: \d\.\d MiB, 1 tables, 0 held rows, 1 devices\n0 problems\n$/,
  );
  await server.stop();
  const broken = join(dataDirectory, 'databases', 'broken.db');
  writeFileSync(broken, 'this is not a database, however one looks at it'.repeat(100));
  const ill = runProgram('doctor', '--data', dataDirectory);
  expect(ill.code).toBe(1);
  expect(ill.output).toMatch(
    /^PROBLEM database broken is damaged: file is not a database; restore a backup/m,
  );
  expect(ill.output).toMatch(/1 problems\n$/);
});
