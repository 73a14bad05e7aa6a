/**
 * quota.test.ts: what an operator allows a database: a push that would make it too large is refused and leaves
 * nothing behind, the device keeps what it could not send and still receives what others wrote, and goes on by itself
 * when there is space again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../src/node/index.js';
import { Device } from '../end-to-end/device.js';
import { addKey, startServer } from '../support/server.js';
import { Client, refused } from './client.js';
import { NOTES, Device as RequestDevice } from './device.js';

const MIB = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), 'cloudsync-quota-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes rows of a kilobyte each, which do not compress. */
function fill(device: Device, prefix: string, rows: number): void {
  device.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO notes(id, title) SELECT '${prefix}' || i, hex(randomblob(500)) FROM n`);
}

const countOf = (device: Device) => device.value('SELECT count(*) FROM notes');

test('a full database: pushes are refused, pulls go on, nothing is lost, space lets it go on', async () => {
  const dataDirectory = join(folder, 'full');
  const before = await startServer({ dataDirectory });
  const port = Number(new URL(before.url).port);
  const restart = (bytes: number) =>
    startServer({ dataDirectory, key: before.key, port, arguments: ['--quota-bytes', String(bytes)] });
  const connect = () => {
    const device = new Device().run(NOTES).connect(before, 'full');
    device.value("SELECT cloudsync_init('notes')");
    return device;
  };
  const [ada, bob] = [connect(), connect()];
  fill(ada, 'a', 500);
  ada.sync();
  bob.sync();
  await before.stop();

  const full = await restart(1.5 * MIB);
  fill(ada, 'more', 300);
  bob.run("UPDATE notes SET title = 'short' WHERE id = 'a1'");
  expect(() => bob.sync(), 'a small change still fits').not.toThrow();
  // In one batch, so that none of it fits.
  bob.value("SELECT cloudsync_set('batch_bytes', 4194304)");
  fill(bob, 'b', 900);
  expect(() => bob.sync()).toThrow(
    /everything was received, but not everything sent: .*full on the server.*sent later/,
  );
  expect(() => ada.sync()).not.toThrow();
  expect(countOf(ada)).toBe(800);
  const received = () => bob.value("SELECT count(*) FROM notes WHERE id LIKE 'more%'");
  expect(() => bob.sync()).toThrow(/full on the server/);
  expect(received(), 'reading goes on').toBe(300);
  expect(bob.status().unsent).toBe(true);
  expect(() => bob.value('SELECT cloudsync_network_send_changes()')).toThrow(
    /answered 507 \(database full may have/,
  );
  expect(countOf(bob), 'the device has everything').toBe(1700);
  await full.stop();

  const roomy = await restart(0);
  expect(bob.sync().sent.batches).toBeGreaterThan(0);
  ada.sync();
  expect(countOf(ada)).toBe(1700);
  expect(ada.rows('SELECT * FROM notes ORDER BY id')).toEqual(bob.rows('SELECT * FROM notes ORDER BY id'));
  await roomy.stop();
});

test('what does not let a full database grow is taken: deleting helps', async () => {
  const server = await startServer({ arguments: ['--quota-bytes', String(MIB)] });
  const device = new Device().run(NOTES).connect(server, 'shrinks');
  device.value("SELECT cloudsync_init('notes')");
  fill(device, 'a', 600);
  device.sync();
  fill(device, 'b', 600);
  expect(() => device.sync()).toThrow(/full on the server/);
  device.run("DELETE FROM notes WHERE id LIKE 'b%'");
  device.run("DELETE FROM notes WHERE id LIKE 'a%'");
  device.sync();
  fill(device, 'c', 400);
  device.sync();
  const reader = new Device().run(NOTES).connect(server, 'shrinks');
  reader.value("SELECT cloudsync_init('notes')");
  reader.sync();
  expect(countOf(reader)).toBe(400);
  await server.stop();
});

describe('a refused push', () => {
  test('leaves nothing behind and is not counted; the answer names the database', async () => {
    const server = await startServer({ arguments: ['--quota-bytes', String(200_000)] });
    const device = new RequestDevice(new Client(server.url, server.key, 'bounded'), NOTES);
    await device.register();
    device.database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400)
      INSERT INTO notes SELECT 'n' || i, hex(randomblob(500)), NULL FROM n`);
    const answer = await device.push();
    expect(refused(answer)).toMatchObject({ status: 507, code: 'quota' });
    expect(refused(answer).detail).toMatch(/^database bounded may have 200000 bytes and would have \d+; /);
    expect((await device.register()).lastBatch).toBe(0);
    const file = new Database(join(server.dataDirectory, 'databases/bounded.db'));
    load(file);
    expect(file.prepare('SELECT count(*) FROM notes').pluck().get()).toBe(0);
    expect(file.prepare('SELECT cloudsync_db_version()').pluck().get()).toBe(0);
    file.close();
    await server.stop();
  });

  test('of too many rows is sent again in smaller pieces', async () => {
    const server = await startServer({ arguments: ['--quota-rows', '1000'] });
    const schema = addKey(server.dataDirectory, '--role', 'schema');
    const device = new Device().run(NOTES).connect(server, 'pieces', schema);
    device.value("SELECT cloudsync_init('notes')");
    device.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
      INSERT INTO notes(id) SELECT i FROM n`);
    expect(device.sync().sent.batches).toBeGreaterThanOrEqual(12);
    const reader = new Device().run(NOTES).connect(server, 'pieces');
    reader.value("SELECT cloudsync_init('notes')");
    reader.sync();
    expect(countOf(reader)).toBe(12000);
    await server.stop();
  });
});
