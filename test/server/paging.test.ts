/**
 * paging.test.ts: a device that pulls page after page while other devices push: rows that move behind the page that it
 * has read come whole, and a cursor says both where the reading began and how far it has come.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomNumbers } from '../schemas/random-numbers.js';
import { LONG, propertyOptions } from '../support/random.js';
import { type RunningServer, startServer } from '../support/server.js';
import { accepted, Client, refused } from './client.js';
import { Device, NOTES } from './device.js';

/** The smallest pages. */
const PAGE_BYTES = 4096;
const ROWS = 200;

let server: RunningServer;
let databases = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Registered devices on a new database. The first one has pushed a row, and then many others. */
async function newDevices(count: number): Promise<Device[]> {
  databases += 1;
  const client = new Client(server.url, server.key, `paging-${databases}`);
  const devices = Array.from({ length: count }, () => new Device(client, NOTES));
  for (const device of devices) await device.register();
  const [first] = devices as [Device];
  for (const prefix of ['early', 'note']) {
    first.database.exec(
      `INSERT INTO notes WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS - 1})` +
        ` SELECT '${prefix}-' || i, 'title of ' || i, hex(randomblob(30)) FROM n` +
        (prefix === 'early' ? ' LIMIT 5' : ''),
    );
    accepted(await first.push());
  }
  return devices;
}

function serverFile(): string {
  return join(server.dataDirectory, 'databases', `paging-${databases}.db`);
}

/** Merges the next page. Returns whether it was the last one. */
async function nextPage(device: Device): Promise<boolean> {
  const page = await device.client.page(device.site, device.epoch, device.batch, device.cursor, PAGE_BYTES);
  for (const packet of page.packets) {
    device.database.prepare('SELECT cloudsync_payload_apply(?)').get(packet);
  }
  device.cursor = page.cursor;
  return page.complete;
}

function content(device: Device): unknown[] {
  return device.database.prepare('SELECT * FROM notes ORDER BY id').raw().all();
}

describe('a device that pulls in pages', () => {
  test('gets rows whole that moved before its first page, and between two pages', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    ada.write('early-0', 'moved before');
    accepted(await ada.push());
    expect(await nextPage(bob)).toBe(false);
    for (const id of ['early-1', 'note-100', `note-${ROWS - 1}`]) ada.write(id, 'moved between');
    accepted(await ada.push());
    expect(await bob.pull(PAGE_BYTES)).toBeGreaterThan(3);
    expect(content(bob)).toEqual(content(ada));
    expect(content(bob)).toHaveLength(ROWS + 5);
  });

  test('that is complete gets the changed column alone', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    await bob.pull(PAGE_BYTES);
    bob.database.exec("UPDATE notes SET body = 'unsent'");
    ada.write('note-100', 'changed');
    accepted(await ada.push());
    const page = await bob.client.page(bob.site, bob.epoch, bob.batch, bob.cursor);
    expect(page.complete).toBe(true);
    expect(page.packets).toHaveLength(1);
    const fresh = new Device(bob.client, NOTES);
    fresh.database.prepare('SELECT cloudsync_payload_apply(?)').get(page.packets[0]);
    expect(content(fresh)).toEqual([['note-100', 'changed', null]]);
  });

  test('whatever is pushed between its pages, it ends with everything', async () => {
    const { seed } = propertyOptions('pushes between the pages', 1);
    const random = randomNumbers(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    await bob.sync();
    for (let reading = 0; reading < (LONG ? 60 : 6); reading++) {
      const reader = new Device(bob.client, NOTES);
      await reader.register();
      // For a while more comes than it reads.
      for (let pages = 0; !(await nextPage(reader)) || pages < 8; pages++) {
        const writer = [ada, bob][below(2)] as Device;
        const [first, column] = [below(ROWS), ['title', 'body'][below(2)]];
        const range = `rowid BETWEEN ${first} AND ${first + below(60)}`;
        writer.database.exec(
          below(8) === 0
            ? `DELETE FROM notes WHERE ${range} AND rowid % 9 = 0`
            : `UPDATE notes SET ${column} = hex(randomblob(20)) WHERE ${range}`,
        );
        if (pages < 12) await writer.sync();
      }
      for (const device of [ada, bob, ada, reader]) await device.sync();
      expect(content(reader)).toEqual(content(ada));
      expect(content(bob)).toEqual(content(ada));
    }
  });
});

describe('cursors', () => {
  test('one in the middle has the length of any other, and a wait with it answers at once', async () => {
    const [, bob] = (await newDevices(2)) as [Device, Device];
    expect(await nextPage(bob)).toBe(false);
    const middle = bob.cursor;
    expect((await bob.client.wait(bob.site, middle, 5)).status).toBe(200);
    await bob.pull(PAGE_BYTES);
    expect(bob.cursor.length).toBe(middle.length);
  });

  test('one of version 1, which had one number: the device gets everything once more', async () => {
    const [ada, bob] = (await newDevices(2)) as [Device, Device];
    await bob.pull();
    const expected = content(ada);
    const file = new Database(serverFile(), { readonly: true });
    const secret = file
      .prepare("SELECT value FROM cloudsync_server_state WHERE name = 'cursor_secret'")
      .pluck()
      .get() as Buffer;
    const last = file.prepare('SELECT head, nonce FROM cloudsync_server_pushes ORDER BY head DESC').get() as {
      head: number;
      nonce: Buffer;
    };
    file.close();
    const signed = Buffer.alloc(17);
    signed[0] = 1;
    signed.writeBigUInt64LE(BigInt(last.head), 1);
    last.nonce.copy(signed, 9);
    const tag = (key: Buffer) => createHmac('sha256', key).update(signed).digest().subarray(0, 16);

    // What the device of that time may have missed.
    const reader = new Device(bob.client, NOTES);
    await reader.register();
    reader.cursor = Buffer.concat([signed, tag(secret)]);
    await reader.pull(PAGE_BYTES);
    expect(content(reader)).toEqual(expected);
    const forged = Buffer.concat([signed, tag(Buffer.alloc(32))]);
    const answer = await reader.client.pull(reader.site, reader.epoch, 0, forged);
    expect(refused(answer)).toMatchObject({ status: 400, code: 'bad_request' });
  });
});
