/**
 * disk.test.ts: the simulated disk behaves as SQLite's VFS contract and the promises of disk.h say: it is the ground
 * on which the simulator and the fault bands stand.
 */
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedDisk } from './disk.ts';

const PATH = '/tmp/app.db';
const disk = new SimulatedDisk('phone');
const open: Database.Database[] = [];

beforeEach(() => {
  disk.call('reset');
});

/** Closes what the test left open; a dead connection may complain. */
afterEach(() => {
  for (const database of open.splice(0)) if (database.open) database.close();
  expect(disk.call('handles')).toBe(0);
});

function connect(...pragmas: string[]): Database.Database {
  const database = disk.open(PATH);
  open.push(database);
  for (const pragma of pragmas) database.pragma(pragma);
  return database;
}

function makeNotes(database: Database.Database): void {
  database.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text)');
}

function count(database: Database.Database): unknown {
  return database.prepare('SELECT count(*) FROM note').pluck().get();
}

function insert(database: Database.Database, rows = 1): void {
  database.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
     INSERT INTO note(text) SELECT hex(randomblob(50)) FROM n`,
  );
}

const MODES = ['DELETE', 'TRUNCATE', 'PERSIST', 'WAL'];

describe.each(MODES)('journal mode %s', (mode) => {
  test('keeps what is written, for several connections', () => {
    const one = connect(`journal_mode = ${mode}`);
    makeNotes(one);
    insert(one, 1000);
    const two = connect();
    const isWal = two.pragma('journal_mode', { simple: true }) === 'wal';
    expect(isWal).toBe(mode === 'WAL');
    expect(count(two)).toBe(1000);
    two.exec('BEGIN; DELETE FROM note WHERE id > 500; ROLLBACK; DELETE FROM note WHERE id > 900');
    expect(count(one)).toBe(900);
    one.exec('VACUUM');
    expect(two.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('a second writer is told BUSY, and readers are not where WAL lets them read', () => {
    const one = connect(`journal_mode = ${mode}`);
    makeNotes(one);
    const two = connect('busy_timeout = 0');
    one.exec('BEGIN IMMEDIATE');
    insert(one);
    expect(() => insert(two)).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
    expect(count(two)).toBe(0);
    two.exec('BEGIN');
    expect(count(two)).toBe(0);
    const commit = () => one.exec('COMMIT');
    if (mode === 'WAL') expect(commit).not.toThrow();
    else expect(commit).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
    expect(count(two)).toBe(0);
    two.exec('COMMIT');
    if (mode !== 'WAL') commit();
    expect(count(two)).toBe(1);
  });

  test('after a kill everything committed is there, and what was open is rolled back', () => {
    const one = connect(`journal_mode = ${mode}`, 'synchronous = OFF', 'cache_size = 5');
    makeNotes(one);
    insert(one, 100);
    one.exec('BEGIN');
    insert(one, 2000);
    disk.call('crash');
    expect(() => one.exec('COMMIT')).toThrow(expect.objectContaining({ code: 'SQLITE_IOERR' }));
    one.close();
    const two = connect();
    expect(two.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(count(two)).toBe(100);
  });
});

describe('power loss', () => {
  /** Commits rows one by one, loses power at the n-th call, and says how many of the committed rows are left. */
  function commitUntil(mode: string, synchronous: string, nth: number, powersafe: number) {
    disk.call('reset');
    disk.call('powersafe', powersafe);
    const one = connect(`journal_mode = ${mode}`, `synchronous = ${synchronous}`, 'cache_size = 5');
    makeNotes(one);
    // What follows begins on a disk that has everything.
    one.pragma('synchronous = EXTRA');
    insert(one);
    one.pragma('wal_checkpoint(TRUNCATE)');
    one.pragma(`synchronous = ${synchronous}`);
    disk.call('power_loss_at', 'any', nth, nth);
    let committed = 1;
    try {
      for (; committed < 12; committed++) insert(one);
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/IOERR/);
    }
    disk.call('fault_off');
    if (disk.call('ends') === 0) disk.call('power_loss', nth);
    one.close();
    const two = connect();
    const isWhole = two.pragma('integrity_check', { simple: true }) === 'ok';
    const left = isWhole ? (count(two) as number) : -1;
    two.close();
    return { committed, left };
  }

  const SAFE = [
    ['WAL', 'FULL'],
    ['DELETE', 'EXTRA'],
    ['TRUNCATE', 'FULL'],
    ['PERSIST', 'FULL'],
  ] as const;

  test.each(SAFE)('%s with synchronous=%s loses nothing that was committed', (mode, synchronous) => {
    let ends = 0;
    for (let nth = 1; nth <= 200; nth++) {
      const { committed, left } = commitUntil(mode, synchronous, nth, nth % 2);
      // The last insert may have been committed although nobody was told.
      expect([committed, committed + 1], `power lost at call ${nth}`).toContain(left);
      if (committed < 12) ends++;
    }
    expect(ends).toBeGreaterThan(60);
  });

  test.each(['NORMAL', 'FULL'])('WAL with synchronous=%s is never damaged', (synchronous) => {
    let lost = 0;
    for (let nth = 1; nth <= 200; nth++) {
      const { committed, left } = commitUntil('WAL', synchronous, nth, nth % 2);
      expect(left, `power lost at call ${nth}`).toBeGreaterThan(0);
      if (left < committed) lost++;
    }
    if (synchronous === 'FULL') expect(lost).toBe(0);
    else expect(lost).toBeGreaterThan(20);
  });

  test.each(['WAL', 'DELETE'])('%s with synchronous=OFF loses rows and is damaged', (mode) => {
    let lost = 0;
    let damaged = 0;
    for (let nth = 1; nth <= 200; nth++) {
      const { committed, left } = tryCommitUntil(mode, nth);
      if (left === -1) damaged++;
      else if (left < committed) lost++;
    }
    expect(lost + damaged).toBeGreaterThan(20);
    if (mode === 'DELETE') expect(damaged).toBeGreaterThan(3);
  });

  function tryCommitUntil(mode: string, nth: number) {
    try {
      return commitUntil(mode, 'OFF', nth, 1);
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/CORRUPT|NOTADB|ERROR/);
      for (const database of open.splice(0)) if (database.open) database.close();
      return { committed: 0, left: -1 };
    }
  }

  test('the same seed has the same result, another one another', () => {
    const contents = [1, 1, 2].map((seed) => {
      disk.call('reset');
      disk.call('seed', 7);
      const database = connect('journal_mode = WAL', 'synchronous = OFF');
      makeNotes(database);
      for (let index = 0; index < 20; index++) insert(database);
      disk.call('power_loss', seed);
      database.close();
      return ['', '-wal'].map((suffix) => disk.call('file', PATH + suffix) as Buffer | null);
    });
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[2]).not.toEqual(contents[0]);
  });
});

describe('faults', () => {
  /** Each way to fail, a statement that meets it, and the code of the error. */
  const FAULTS = [
    ['read', 'SELECT sum(length(text)) FROM note', 'SQLITE_IOERR_READ'],
    ['write', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR_WRITE'],
    ['full', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_FULL'],
    ['sync', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR_FSYNC'],
    ['truncate', 'VACUUM', 'SQLITE_IOERR_TRUNCATE'],
    ['size', 'SELECT sum(length(text)) FROM note', 'SQLITE_IOERR_FSTAT'],
    ['open', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_CANTOPEN'],
    ['delete', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR_DELETE'],
    ['directory-sync', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR_DIR_FSYNC'],
    ['access', 'SELECT sum(length(text)) FROM note', 'SQLITE_IOERR_ACCESS'],
    ['lock', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_BUSY'],
    ['lock-error', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR_LOCK'],
    ['any', 'INSERT INTO note(text) VALUES (1)', 'SQLITE_IOERR'],
  ] as const;

  test.each(FAULTS)('%s: `%s` fails with %s, and works afterwards', (kind, sql, code) => {
    const database = connect('synchronous = EXTRA', 'cache_size = 5');
    makeNotes(database);
    insert(database, 2000);
    if (kind === 'truncate') database.exec('DELETE FROM note WHERE id > 10');
    const before = count(database);
    disk.call('fault', kind, 1, 0);
    database.pragma('busy_timeout = 0');
    expect(() => (sql.startsWith('SELECT') ? database.prepare(sql).get() : database.exec(sql))).toThrow(
      expect.objectContaining({ code }),
    );
    expect(disk.call('faults')).toBe(1);
    expect([before, (before as number) + 1]).toContain(count(database));
    insert(database);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test.each(['shm', 'shm-lock', 'shm-lock-error'])('%s fails a reader of a database in WAL mode', (kind) => {
    const one = connect('journal_mode = WAL');
    makeNotes(one);
    one.close();
    const two = connect('busy_timeout = 0');
    disk.call('fault', kind, 1, 1);
    expect(() => count(two)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/BUSY|PROTOCOL|IOERR/) }),
    );
    disk.call('fault_off');
    expect(count(two)).toBe(0);
  });

  test('the n-th call fails, once or for ever', () => {
    const database = connect('journal_mode = WAL', 'busy_timeout = 0');
    makeNotes(database);
    const writes = (work: () => void) => {
      const before = disk.call('calls', 'write') as number;
      work();
      return (disk.call('calls', 'write') as number) - before;
    };
    const needed = writes(() => insert(database));
    disk.call('fault', 'full', needed + 1, 0);
    insert(database);
    expect(() => insert(database)).toThrow(/full/);
    insert(database);
    disk.call('fault', 'full', 1, 1);
    expect(() => insert(database)).toThrow(/full/);
    expect(() => insert(database)).toThrow(/full/);
    disk.call('fault_off');
    insert(database);
    expect(count(database)).toBe(4);
  });

  test('a disk has the capacity that it was given', () => {
    const database = connect('journal_mode = WAL');
    makeNotes(database);
    disk.call('capacity', 200_000);
    expect(() => insert(database, 5000)).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }));
    insert(database, 10);
    disk.call('capacity', 0);
    insert(database, 5000);
    expect(count(database)).toBe(5010);
  });

  test('a kill at the n-th call happens there', () => {
    const database = connect('journal_mode = WAL', 'synchronous = FULL');
    makeNotes(database);
    disk.call('crash_at', 'sync', 1);
    expect(() => insert(database)).toThrow(/I\/O/);
    database.close();
    // The frames were written before they would have been synced.
    expect(count(connect())).toBe(1);
  });
});

describe('surroundings', () => {
  test('the clock stands until it is set', () => {
    const now = Date.UTC(2031, 1, 2, 3, 4, 5, 678);
    disk.call('clock_set', now * 1000 + 999);
    const database = connect();
    const text = database.prepare("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").pluck();
    expect(text.get()).toBe('2031-02-02 03:04:05.678');
    expect(disk.call('clock')).toBe(now * 1000 + 999);
    disk.call('clock_set', (now + 1000) * 1000);
    expect(text.get()).toBe('2031-02-02 03:04:06.678');
  });

  test('waiting for a lock moves the clock and takes no time', () => {
    const one = connect('journal_mode = WAL');
    makeNotes(one);
    const two = connect('busy_timeout = 3000000');
    one.exec('BEGIN IMMEDIATE');
    const start = performance.now();
    expect(() => insert(two)).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
    expect(disk.call('clock')).toBeGreaterThan(2_900_000_000);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  test('random bytes repeat with their seed', () => {
    SimulatedDisk.controller.prepare("SELECT simulated_disk_default('phone')").get();
    const drawn = [5, 6, 5].map((seed) => {
      disk.call('seed', seed);
      return SimulatedDisk.controller.prepare('SELECT hex(randomblob(16))').pluck().get();
    });
    SimulatedDisk.controller.prepare("SELECT simulated_disk_default('')").get();
    expect(drawn[2]).toBe(drawn[0]);
    expect(drawn[1]).not.toBe(drawn[0]);
  });

  test('files are listed, read, written, deleted and copied to another disk', () => {
    const database = connect();
    makeNotes(database);
    insert(database);
    expect(JSON.parse(disk.call('files') as string)).toEqual([PATH]);
    const content = disk.call('file', PATH) as Buffer;
    expect(content.subarray(0, 15).toString()).toBe('SQLite format 3');
    expect(() => disk.call('file_write', PATH, content)).toThrow(/locked/);
    const other = new SimulatedDisk('tablet');
    disk.call('copy', other.name);
    const copy = other.open(PATH);
    expect(count(copy)).toBe(1);
    copy.close();
    other.call('file_delete', PATH);
    expect(other.call('file', PATH)).toBeNull();
    other.call('file_write', '/tmp/other.db', content);
    const written = other.open('/tmp/other.db');
    expect(count(written)).toBe(1);
    written.close();
    other.call('reset');
  });

  test('a disk that nobody made and a kind that there is not are errors', () => {
    const { controller } = SimulatedDisk;
    expect(() => controller.prepare("SELECT simulated_crash('none')").get()).toThrow(/no simulated disk/);
    expect(() => disk.call('fault', 'nonsense', 1, 0)).toThrow(/no such kind/);
  });
});
