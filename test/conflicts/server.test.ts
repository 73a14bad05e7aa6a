/**
 * The log of conflicts through a real server: it keeps none itself and hands on what the devices need to know. A value
 * that lost is shown on the device that wrote it; the winner's device shows it when the value got there.
 */
import { expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { lost, nextMillisecond } from './devices.js';

const workspace = useWorkspace();

function device(database: string, keeps = true): Device {
  const made = new Device().connect(workspace.server, database);
  made.run('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)');
  made.value("SELECT cloudsync_init('t')");
  if (keeps) made.value("SELECT cloudsync_set_table('t', 'conflicts', 'keep')");
  return made;
}

/** Three devices that have the row 'x'; the third one keeps no conflicts. */
function three(database: string): [Device, Device, Device] {
  const all = [device(database), device(database), device(database, false)] as [Device, Device, Device];
  all[0].run("INSERT INTO t VALUES('x', 'first', 1)");
  for (const each of all) each.sync();
  nextMillisecond();
  return all;
}

test('the device whose value lost shows it, whoever syncs first; a restore reaches everybody', () => {
  for (const order of ['loser first', 'winner first']) {
    const [ada, bob, carl] = three(order.replace(' ', '-'));
    ada.run("UPDATE t SET a = 'Ada'");
    nextMillisecond();
    bob.run("UPDATE t SET a = 'Bob'");
    for (const each of order === 'loser first' ? [ada, bob, ada] : [bob, ada]) each.sync();
    expect(ada.rows('SELECT a FROM t'), order).toEqual(['Bob']);
    expect(lost(ada.database), order).toEqual(['a: Ada < Bob']);
    ada.value('SELECT cloudsync_restore(id) FROM cloudsync_conflicts');
    for (const each of [ada, bob, carl]) each.sync();
    for (const each of [ada, bob, carl]) expect(each.rows('SELECT * FROM t')).toEqual(['x|Ada|1']);
    for (const each of [ada, bob]) expect(lost(each.database)).toEqual([]);
    for (const each of [ada, bob, carl]) each.close();
  }
});

test('edits one after another, and everything received once more, leave the log empty', () => {
  const [ada, bob, carl] = three('in-turn');
  for (const value of ['1', '2', '3']) {
    for (const each of [ada, bob]) {
      each.run(`UPDATE t SET a = '${value}', b = b + 1`).sync();
      bob.sync();
      ada.sync();
      nextMillisecond();
    }
  }
  for (const each of [ada, bob]) {
    each.value('SELECT cloudsync_network_reset_sync_version()');
    each.sync();
    expect(lost(each.database)).toEqual([]);
  }
  carl.sync();
  expect(carl.rows('SELECT * FROM t')).toEqual(['x|3|7']);
  for (const each of [ada, bob, carl]) each.close();
});

test('a copy of a device takes another identity: what the original wrote is not strange to it', () => {
  const [ada, bob] = three('copied');
  ada.run("INSERT INTO t VALUES('y', 'Ada', 1), ('z', 'Ada', 1)").sync();
  bob.sync();
  const file = workspace.path('copy.db');
  ada.run(`VACUUM INTO '${file}'`);
  ada.run("INSERT INTO t VALUES('later', 1, 1)").sync();
  nextMillisecond();
  const copy = new Device(file).connect(workspace.server, 'copied');
  copy.run("UPDATE t SET a = 'copy' WHERE id = 'y'; DELETE FROM t WHERE id = 'z'").sync();
  expect(copy.site).not.toBe(ada.site);
  for (const each of [bob, ada]) {
    each.sync();
    expect(each.rows("SELECT a FROM t WHERE id IN ('y', 'z')")).toEqual(['copy']);
    expect(lost(each.database)).toEqual([]);
  }
  for (const each of [ada, bob, copy]) each.close();
});
