/**
 * paging.test.ts: devices that send and receive in many pieces while rows change their place in the feed: a row whose
 * newest change stands behind the first piece brings its older columns along, also when the sending was interrupted,
 * when the server is another one, and when the file turned out to be a copy.
 */
import { copyFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sqlite } from '../native/programs.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { LONG, propertyOptions } from '../support/random.js';
import { expectEqual } from './compare.js';
import { Device } from './device.js';
import { startSqlite } from './programs.js';
import { type Fault, startProxy, type Proxy as TestProxy } from './proxy.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, x, y)';
const INIT = "SELECT cloudsync_init('notes')";
/** The smallest batches: about twenty of these rows each. */
const SMALL_BATCHES = "SELECT cloudsync_set('batch_bytes', 1024)";
/** Makes the log clocks, so that what follows gets later numbers. */
const FOLD = 'SELECT cloudsync_db_version()';

function device(name: string, database: string): Device {
  const made = new Device(workspace.path(name)).run(NOTES).connect(workspace.server, database);
  made.value(INIT);
  made.value(SMALL_BATCHES);
  return made;
}

/** Inserts `count` rows whose values have `size` bytes. */
function fill(count: number, prefix: string, size = 8): string {
  return (
    `INSERT INTO notes WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})` +
    ` SELECT printf('${prefix}-%04d', i), randomblob(${size}), i FROM n`
  );
}

function row(target: Device, id: string): unknown {
  return target.value("SELECT x || '|' || y FROM notes WHERE id = ?", id);
}

/** Syncs the devices in turn until a whole round moves nothing; fails when that does not happen soon. */
function settle(...devices: readonly Device[]): void {
  for (let round = 0; round < 6; round++) {
    const reports = devices.map((one) => one.sync());
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the devices keep changing each other');
}

describe('a row that moved behind the first piece arrives whole', () => {
  test('when a device sends in batches', () => {
    const [a, b] = [device('a', 'batches'), device('b', 'batches')];
    a.run("INSERT INTO notes VALUES('moved', 1, 'old')").run(fill(200, 'other'));
    a.value(FOLD);
    a.run("UPDATE notes SET x = 2 WHERE id = 'moved'");
    expect(a.sync().sent.batches).toBeGreaterThan(3);
    expect(a.status()).toMatchObject({ waiting: false, unsent: false });
    b.sync();
    expect(row(b, 'moved')).toBe('2|old');
    a.close();
    b.close();
    expectEqual([a.file, b.file, workspace.serverFile('batches')], ['notes']);
  });

  test('when a device receives in pages', () => {
    const [a, b] = [device('a', 'pages'), device('b', 'pages')];
    for (const sql of [
      "INSERT INTO notes VALUES('moved', 1, 'old')",
      fill(30, 'large', 50_000),
      "UPDATE notes SET x = 2 WHERE id = 'moved'",
    ]) {
      a.run(sql).sync();
    }
    b.sync();
    expect(row(b, 'moved')).toBe('2|old');
    a.close();
    b.close();
    expectEqual([a.file, b.file, workspace.serverFile('pages')], ['notes']);
  });

  test("when it is somebody else's, changed here, and the server is a new one", () => {
    const [a, b] = [device('a', 'old_home'), device('b', 'old_home')];
    a.run("INSERT INTO notes VALUES('moved', 1, 'old')").run(fill(200, 'other'));
    settle(a, b);
    a.close();
    b.connect(workspace.server, 'new_home');
    // Enough for batches that begin behind everything that was there when the server became another one.
    b.run("UPDATE notes SET x = 2 WHERE id > 'other-0100'").run("UPDATE notes SET x = 2 WHERE id = 'moved'");
    b.sync();
    const c = device('c', 'new_home');
    c.sync();
    expect(row(c, 'moved')).toBe('2|old');
    b.close();
    c.close();
    expectEqual([b.file, c.file, workspace.serverFile('new_home')], ['notes']);
  });

  test('when everything is sent once more', () => {
    const [a, b] = [device('a', 'again'), device('b', 'again')];
    a.run("INSERT INTO notes VALUES('moved', 1, 'old')").run(fill(200, 'other'));
    settle(a, b);
    a.run("UPDATE notes SET x = 2 WHERE id = 'moved'");
    const file = workspace.serverFile('again');
    const before = a.sync().sent.batches;
    a.value('SELECT cloudsync_network_reset_sync_version()');
    expect(a.sync().sent.batches).toBeGreaterThan(before + 3);
    settle(a, b);
    a.close();
    b.close();
    expectEqual([a.file, b.file, file], ['notes']);
  });
});

describe('what is sent in batches is sent once', () => {
  test('afterwards a change of one column travels alone', () => {
    const a = device('a', 'alone');
    a.run(fill(200, 'other'));
    a.sync();
    a.run("UPDATE notes SET x = 'new' WHERE id = 'other-0001'");
    expect(a.status().unsent).toBe(true);
    a.sync();
    const sent = a.value('SELECT value FROM cloudsync_settings WHERE key = ?', 'network.sent');
    expect(a.value('SELECT value FROM cloudsync_settings WHERE key = ?', 'network.since')).toBe(sent);
    expect(a.value(FOLD)).toBe(sent);
    a.close();
  });
});

/** Lets the first `count` pushes through and breaks those that follow. */
function breakAfter(count: number): (request: string) => Fault {
  let left = count;
  return (request) => {
    if (request !== 'POST push' || left-- > 0) return 'none';
    return 'cut request';
  };
}

const SYNC = 'SELECT cloudsync_network_sync(0, 0)';
const SITE = 'SELECT cloudsync_siteid()';
const RECEIVE = 'SELECT cloudsync_network_check_changes()';

describe.skipIf(sqlite === undefined)('sending is interrupted (skipped without the sqlite3 program)', () => {
  const key = () => `SELECT cloudsync_network_set_apikey('${workspace.server.key}')`;

  /** Statements run by another process, while this one serves its proxy. Returns what they print. */
  async function run(file: string, ...statements: string[]): Promise<string[]> {
    const ended = await startSqlite(file, [key(), ...statements]);
    expect(ended).toMatchObject({ code: 0, errors: '' });
    return ended.output.split('\n').slice(1);
  }

  /** A device's file after a complete sync, and one of which only the first two batches were sent; the third waits. */
  async function interrupted(
    database: string,
    site = 'randomblob(16)',
  ): Promise<{ file: string; proxy: TestProxy }> {
    const proxy = await startProxy(workspace.server.url);
    const file = workspace.path('interrupted');
    await run(
      file,
      NOTES,
      INIT,
      `UPDATE cloudsync_sites SET site = ${site}`,
      SMALL_BATCHES,
      `SELECT cloudsync_network_init('${proxy.url}/${database}')`,
      SYNC,
    );
    proxy.plan = breakAfter(2);
    const ended = await startSqlite(file, [
      key(),
      "INSERT INTO notes VALUES('early', 1, 'old')",
      fill(200, 'other'),
      "INSERT INTO notes VALUES('late', 1, 'old')",
      FOLD,
      "UPDATE notes SET x = 2 WHERE id = 'other-0001'",
      SYNC,
    ]);
    expect(ended.code).not.toBe(0);
    const pushes = proxy.seen.filter(({ request }) => request === 'POST push');
    expect(pushes.filter(({ fault }) => fault === 'none')).toHaveLength(2);
    proxy.plan = () => 'none';
    return { file, proxy };
  }

  /** Rows that were sent, that wait in the batch, and that are still to come get new places. */
  const MOVES =
    "UPDATE notes SET x = 3 WHERE id IN ('early', 'late', 'other-0002', 'other-0030', 'other-0090')";

  test('rows that move meanwhile arrive whole', async () => {
    const { file } = await interrupted('interrupted');
    const [status] = await run(file, MOVES, 'SELECT cloudsync_network_status()', SYNC);
    expect(JSON.parse(status as string)).toMatchObject({ batch: 2, waiting: true, unsent: true });
    const b = device('b', 'interrupted');
    b.sync();
    for (const id of ['early', 'late']) expect(row(b, id)).toBe('3|old');
    expect(row(b, 'other-0001')).toBe('2|1');
    expect(row(b, 'other-0090')).toBe('3|90');
    b.close();
    expectEqual([file, b.file, workspace.serverFile('interrupted')], ['notes']);
  });

  // Of two labels of one change the larger one wins, so that both orders matter.
  test.each([
    ['smaller', 'zeroblob(16)'],
    ['larger', "x'ffffffffffffffffffffffffffffffff'"],
  ])('and goes on in a copy of the file, whose former site id is the %s one', async (name, site) => {
    const { file: original, proxy } = await interrupted(name, site);
    // The waiting batch goes out and everything comes in, the rest is still to be sent.
    await run(original, MOVES, RECEIVE);
    const copy = workspace.path('copy');
    copyFileSync(original, copy);
    // The original sends one batch more, which is another one than the copy's, and is never seen again.
    proxy.plan = breakAfter(1);
    const sent = "SELECT value FROM cloudsync_settings WHERE key = 'network.sent'";
    const next = `SELECT pk0 FROM notes_cloudsync WHERE seq > (${sent}) ORDER BY seq LIMIT 1`;
    await startSqlite(original, [key(), `UPDATE notes SET x = 5 WHERE id = (${next})`, SYNC]);
    proxy.plan = () => 'none';
    const own = await run(copy, "UPDATE notes SET x = 4 WHERE id = 'other-0100'", SYNC, SITE);
    expect(own.at(-1)).not.toBe((await run(original, SITE)).at(-1));
    const b = device('b', name);
    b.sync();
    for (const id of ['early', 'late']) expect(row(b, id)).toBe('3|old');
    expect(row(b, 'other-0001')).toBe('2|1');
    expect(row(b, 'other-0100')).toBe('4|100');
    b.close();
    expectEqual([copy, b.file, workspace.serverFile(name)], ['notes']);
  });
});

test('random edits between and during small batches: all become equal', () => {
  const { seed } = propertyOptions('random edits in batches', 1);
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const devices = ['a', 'b', 'c'].map((name) => device(name, 'random'));
  for (let round = 0; round < (LONG ? 60 : 6); round++) {
    for (const one of devices) {
      one.database.transaction(() => {
        for (let edit = 0; edit < 120; edit++) {
          const id = `n-${below(150)}`;
          const value = `'${one.file.at(-1)}${below(1_000_000)}'`;
          const kind = below(10);
          if (kind < 3) one.run(`INSERT OR IGNORE INTO notes VALUES('${id}', ${value}, ${value})`);
          else if (kind < 9) one.run(`UPDATE notes SET ${'xy'[below(2)]} = ${value} WHERE id = '${id}'`);
          else one.run(`DELETE FROM notes WHERE id = '${id}'`);
          if (below(30) === 0) one.value(FOLD);
        }
      })();
      one.sync();
    }
  }
  settle(...devices);
  for (const one of devices) one.close();
  expectEqual([...devices.map(({ file }) => file), workspace.serverFile('random')], ['notes']);
});
