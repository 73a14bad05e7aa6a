/**
 * copies.test.ts: databases that exist twice or fall back in time: a file copied to a second device, a device restored
 * from an older copy, a server restored from an older backup or replaced. Each is noticed, nothing that anyone still
 * has is lost, and everything becomes equal.
 */
import { copyFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../support/database.js';
import { expectEqual } from './compare.js';
import { Device, failureOf } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b)';

function device(name: string, database: string): Device {
  const made = new Device(workspace.path(name)).run(NOTES).connect(workspace.server, database);
  made.value("SELECT cloudsync_init('notes')");
  return made;
}

/** Opens a copy of the device's file as it is now. */
function copyOf(original: Device, name: string): Device {
  const file = workspace.path(name);
  original.value('PRAGMA wal_checkpoint(TRUNCATE)');
  copyFileSync(original.file, file);
  return new Device(file);
}

function write(target: Device, ...ids: string[]): void {
  for (const id of ids) target.run(`INSERT INTO notes VALUES('${id}', 'by ${id}', 0)`);
}

/** Syncs all in turn until nothing moves. */
function settle(...devices: Device[]): void {
  for (let round = 0; round < 6; round++) {
    const reports = devices.map((one) => one.sync());
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the devices keep changing each other');
}

function expectNotes(devices: readonly Device[], serverFile: string, ids: readonly string[]): void {
  for (const one of devices) one.close();
  const { notes } = expectEqual([...devices.map(({ file }) => file), serverFile], ['notes']);
  expect(notes?.map((line) => /'(.*?)'/.exec(line)?.[1])).toEqual([...ids].sort());
}

describe('a file copied to a second device', () => {
  test('after a sync: the copy takes a site id of its own, both go on', () => {
    const [a, b] = [device('a', 'copied'), device('b', 'copied')];
    write(a, 'a1', 'a2');
    settle(a, b);
    const copy = copyOf(a, 'copy').connect(workspace.server, 'copied');
    expect(copy.site).toBe(a.site);
    write(a, 'a3');
    a.run("UPDATE notes SET a = 'original' WHERE id = 'a1'");
    write(copy, 'c1');
    copy.run("UPDATE notes SET b = 'copy' WHERE id = 'a1'; DELETE FROM notes WHERE id = 'a2'");
    settle(a, copy, b);
    expect(new Set([a.site, b.site, copy.site]).size).toBe(3);
    expect(copy.rows("SELECT a, b FROM notes WHERE id = 'a1'")).toEqual(['original|copy']);
    write(a, 'a4');
    write(copy, 'c2');
    settle(copy, a, b);
    expectNotes([a, b, copy], workspace.serverFile('copied'), ['a1', 'a3', 'a4', 'c1', 'c2']);
  });

  test('with changes that neither had sent: both send them, under two site ids', () => {
    const [a, b] = [device('a', 'unsent'), device('b', 'unsent')];
    write(a, 'a1');
    settle(a, b);
    write(a, 'shared1', 'shared2');
    a.value('SELECT cloudsync_db_version()');
    const copy = copyOf(a, 'copy').connect(workspace.server, 'unsent');
    write(copy, 'c1');
    copy.run("UPDATE notes SET a = 'copy' WHERE id = 'shared1'");
    write(a, 'a2');
    settle(copy, a, b);
    expect(new Set([a.site, b.site, copy.site]).size).toBe(3);
    expectNotes([a, b, copy], workspace.serverFile('unsent'), ['a1', 'a2', 'c1', 'shared1', 'shared2']);
  });

  test('before the first sync, and never by the server: equal stamps are settled by the values', () => {
    const a = device('a', 'first');
    write(a, 'a1');
    a.value('SELECT cloudsync_db_version()');
    const copy = copyOf(a, 'copy').connect(workspace.server, 'first');
    const third = copyOf(a, 'third').connect(workspace.server, 'first');
    write(a, 'a2');
    write(copy, 'c1');
    write(third, 't1');
    settle(a, copy, third);
    expect(new Set([a.site, copy.site, third.site]).size).toBe(3);
    expectNotes([a, copy, third], workspace.serverFile('first'), ['a1', 'a2', 'c1', 't1']);
  });
});

describe('a device restored from an older copy', () => {
  test('gets back what it had sent since, and keeps what it writes now', () => {
    const [a, b] = [device('a', 'restored'), device('b', 'restored')];
    write(a, 'a1');
    settle(a, b);
    const old = copyOf(a, 'old').connect(workspace.server, 'restored');
    write(a, 'a2', 'a3');
    a.run("UPDATE notes SET a = 'sent after the copy' WHERE id = 'a1'");
    settle(a, b);
    a.close();
    write(old, 'o1');
    old.run("UPDATE notes SET b = 'restored' WHERE id = 'a1'");
    settle(old, b);
    expect(old.rows("SELECT a, b FROM notes WHERE id = 'a1'")).toEqual(['sent after the copy|restored']);
    expectNotes([old, b], workspace.serverFile('restored'), ['a1', 'a2', 'a3', 'o1']);
  });

  test('with nothing new of its own it also notices, before it misses what it once wrote', () => {
    const [a, b] = [device('a', 'silent'), device('b', 'silent')];
    write(a, 'a1');
    settle(a, b);
    const old = copyOf(a, 'old').connect(workspace.server, 'silent');
    write(a, 'a2');
    settle(a, b);
    a.close();
    settle(old, b);
    expectNotes([old, b], workspace.serverFile('silent'), ['a1', 'a2']);
  });

  test('with a batch in the outbox that the original has sent meanwhile', async () => {
    const [a, b] = [device('a', 'underway'), device('b', 'underway')];
    settle(a, b);
    write(a, 'a1');
    await workspace.server.kill();
    expect(failureOf(() => a.sync())).toContain('cannot be reached');
    expect(a.status()).toMatchObject({ waiting: true });
    const old = copyOf(a, 'old');
    await workspace.restart();
    for (const one of [a, b, old]) one.connect(workspace.server, 'underway');
    settle(a, b);
    write(a, 'a2');
    settle(a, b);
    a.close();
    write(old, 'o1');
    settle(old, b);
    expectNotes([old, b], workspace.serverFile('underway'), ['a1', 'a2', 'o1']);
  });
});

/** Two devices that write and one that only reads, and a way to put an older copy in the place of the server's file. */
interface RestoredServer {
  a: Device;
  b: Device;
  reader: Device;
  database: string;
}

/** Lets `between` happen after a backup of the server's file, stops the server and starts it with the backup. */
async function restoreServer(
  database: string,
  between: (a: Device, b: Device, reader: Device) => void,
): Promise<RestoredServer> {
  const [a, b, reader] = [device('a', database), device('b', database), device('reader', database)];
  write(a, 'a1');
  settle(a, b, reader);
  const backup = workspace.path('backup');
  const source = openDatabase({ source: workspace.serverFile(database), extension: false });
  await source.backup(backup);
  source.close();
  between(a, b, reader);
  await workspace.server.stop();
  for (const suffix of ['-wal', '-shm'])
    rmSync(`${workspace.serverFile(database)}${suffix}`, { force: true });
  copyFileSync(backup, workspace.serverFile(database));
  await workspace.restart();
  for (const one of [a, b, reader]) one.connect(workspace.server, database);
  return { a, b, reader, database };
}

describe('a server restored from a backup', () => {
  test('gets everything again', async () => {
    const { a, b, reader, database } = await restoreServer('backup', (first, second, third) => {
      write(first, 'a2', 'a3');
      second.run("UPDATE notes SET b = 'b' WHERE id = 'a1'");
      settle(first, second, third);
      first.run("DELETE FROM notes WHERE id = 'a3'");
      settle(first, second, third);
    });
    write(b, 'b1');
    settle(a, b, reader);
    expectNotes([a, b, reader], workspace.serverFile(database), ['a1', 'a2', 'b1']);
  });

  test('is used by one device before the other comes back', async () => {
    const { a, b, reader, database } = await restoreServer('overtaken', (first, second, third) => {
      write(first, 'a2');
      first.sync();
      write(second, 'b1');
      settle(first, second, third);
    });
    const later = ['later0', 'later1', 'later2', 'later3', 'later4'];
    for (const id of later) {
      write(b, id);
      b.sync();
    }
    write(a, 'a9');
    settle(a, b, reader);
    expectNotes([a, b, reader], workspace.serverFile(database), ['a1', 'a2', 'a9', 'b1', ...later]);
  });

  test('gets from a device that only reads what everybody else has lost', async () => {
    const { a, b, reader, database } = await restoreServer('reader', (first, second, third) => {
      write(first, 'a2');
      write(second, 'b1');
      settle(first, second, third);
    });
    a.close();
    b.close();
    const fresh = device('fresh', database);
    settle(reader, fresh);
    expectNotes([reader, fresh], workspace.serverFile(database), ['a1', 'a2', 'b1']);
  });

  test('is replaced by an empty one', async () => {
    const [a, b] = [device('a', 'emptied'), device('b', 'emptied')];
    write(a, 'a1', 'a2');
    settle(a, b);
    a.run("DELETE FROM notes WHERE id = 'a2'");
    settle(a, b);
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(`${workspace.serverFile('emptied')}${suffix}`, { force: true });
    write(b, 'b1');
    settle(b, a);
    expectNotes([a, b], workspace.serverFile('emptied'), ['a1', 'b1']);
  });
});

test('devices that move to another server take along what others have written', () => {
  const [a, b] = [device('a', 'old_home'), device('b', 'old_home')];
  write(b, 'b1', 'b2');
  settle(b, a);
  b.close();
  a.connect(workspace.server, 'new_home');
  const fresh = device('fresh', 'new_home');
  settle(a, fresh);
  expectNotes([a, fresh], workspace.serverFile('new_home'), ['b1', 'b2']);
});
