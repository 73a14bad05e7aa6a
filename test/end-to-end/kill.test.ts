/**
 * kill.test.ts: kill -9 at random moments: of a client while it writes and syncs, of the server under load. What was
 * acknowledged is there afterwards: a commit in the client's file, a sync in the server's; and in the end everything is
 * equal and SQLite finds all files whole.
 */
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { randomNumbers } from '../schemas/random-numbers.js';
import { propertyOptions } from '../support/random.js';
import { expectEqual } from './compare.js';
import { Device } from './device.js';
import { useWorkspace } from './workspace.js';
import { NOTES, Writer, type WriterOptions } from './writers.js';

const workspace = useWorkspace();

/** More rows than any writer gets to write before it is killed. */
const ENDLESS = 1_000_000;

/** Makes files with the tracked table, all with the shared row. */
function makeFiles(database: string, count: number): string[] {
  const devices = Array.from({ length: count }, (_, i) => {
    const made = new Device(workspace.path(`client-${i}`)).run(NOTES).connect(workspace.server, database);
    made.value("SELECT cloudsync_init('notes')");
    return made;
  });
  devices[0]?.run("INSERT INTO notes VALUES('shared', 0, '')");
  for (const made of devices) made.sync();
  for (const made of devices) made.close();
  return devices.map(({ file }) => file);
}

function optionsFor(file: string, database: string, tag: string): WriterOptions {
  const { url, key } = workspace.server;
  return { file, url: `${url}/${database}`, key, tag, count: ENDLESS };
}

/** The keys in a database file, read by a program that knows nothing of cloudsync. */
function keysIn(file: string): Set<string> {
  const db = new Database(file);
  const keys = db.prepare('SELECT id FROM notes').pluck().all() as string[];
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
  return new Set(keys);
}

function missingFrom(file: string, wanted: readonly string[]): string[] {
  const keys = keysIn(file);
  return wanted.filter((key) => !keys.has(key));
}

/** Syncs all files until nothing moves, and compares them and the server's. Returns the keys of all rows. */
function settle(database: string, files: readonly string[]): string[] {
  const devices = files.map((file) => new Device(file).connect(workspace.server, database));
  let moved = true;
  for (let round = 0; moved && round < 5; round++) {
    const reports = devices.map((one) => one.sync());
    moved = reports.some(({ sent, received }) => sent.batches > 0 || received.rows > 0);
  }
  expect(moved).toBe(false);
  for (const one of devices) one.close();
  expectEqual([...files, workspace.serverFile(database)], ['notes']);
  return [...keysIn(workspace.serverFile(database))];
}

test('a client that is killed again and again', async () => {
  const { seed, numRuns } = propertyOptions('kill -9 of a client', 16);
  const random = randomNumbers(seed);
  const database = 'killed_clients';
  const files = makeFiles(database, 2);
  const committed: string[] = [];
  let killedInSync = 0;
  for (let run = 0; run < numRuns; run++) {
    const [file, tag] = [files[run % 2] as string, `w${run % 2}`];
    const writer = new Writer(optionsFor(file, database, tag));
    await writer.waitFor('ready');
    await pause(random() * 150);
    await writer.kill();
    committed.push(...writer.reported('committed'));
    if (writer.lines.at(-1) === 'syncing') killedInSync++;
    expect(writer.reported('failed')).toEqual([]);
    expect(missingFrom(file, writer.reported('committed')), `commits of run ${run}`).toEqual([]);
    expect(
      missingFrom(workspace.serverFile(database), writer.reported('synced')),
      `syncs of run ${run}`,
    ).toEqual([]);
  }
  const keys = settle(database, files);
  expect(committed.filter((key) => !keys.includes(key))).toEqual([]);
  // A commit whose report was cut off by the kill may be there too, at most one per run.
  expect(keys.length - 1 - committed.length).toBeLessThanOrEqual(numRuns);
  console.log(`${numRuns} kills, ${killedInSync} of them in a sync, ${committed.length} commits reported`);
  expect(committed.length).toBeGreaterThan(numRuns / 2);
  expect(killedInSync).toBeGreaterThan(numRuns / 8);
});

test('a server that is killed again and again under load', async () => {
  const { seed, numRuns } = propertyOptions('kill -9 of the server', 5);
  const random = randomNumbers(seed);
  const database = 'killed_server';
  const files = makeFiles(database, 3);
  const writers = files.map((file, i) => new Writer(optionsFor(file, database, `w${i}`)));
  for (const writer of writers) await writer.waitFor('ready');
  const synced = () => writers.flatMap((writer) => writer.reported('synced'));
  for (let run = 0; run < numRuns; run++) {
    // However slow the machine is: the server has worked before it is killed at a random moment.
    const before = synced().length;
    while (synced().length <= before + 3) await pause(10);
    await pause(random() * 300);
    const acknowledged = synced();
    await workspace.server.kill();
    expect(
      missingFrom(workspace.serverFile(database), acknowledged),
      `acknowledged before kill ${run}`,
    ).toEqual([]);
    await workspace.restart();
  }
  await pause(200);
  for (const writer of writers) await writer.kill();
  const committed = writers.flatMap((writer) => writer.reported('committed'));
  const failed = writers.flatMap((writer) => writer.reported('failed'));
  const keys = settle(database, files);
  expect(committed.filter((key) => !keys.includes(key))).toEqual([]);
  expect(failed.filter((message) => !/cannot be reached|answered 503/.test(message))).toEqual([]);
  console.log(
    `${numRuns} kills, ${synced().length} syncs acknowledged, ${failed.length} refused, ${committed.length} commits`,
  );
  expect(synced().length).toBeGreaterThan(numRuns * 3);
  expect(failed.length).toBeGreaterThan(0);
});
