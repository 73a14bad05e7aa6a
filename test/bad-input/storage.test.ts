/**
 * storage.test.ts: the database file lets us down: it is locked, read-only, full, or the call is interrupted.
 * Each call ends within a bounded time with a clear error, nothing is half done, nothing is lost, and the
 * connection goes on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { load } from '../../src/node/index.js';
import { numbers } from '../hazards/replicas.js';
import { extensionFile, python, runProgram } from '../native/programs.js';
import {
  applyPayload,
  type Connection,
  dumpTable,
  encodePayload,
  initTable,
  openDatabase,
  single,
  snapshot,
} from '../support/database.js';

const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)';

let folder: string;
let file: string;
let packet: Buffer;
const opened: Connection[] = [];

function open(options: Parameters<typeof openDatabase>[0] = { source: file }): Connection {
  const db = openDatabase(options);
  opened.push(db);
  return db;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-storage-'));
  file = join(folder, 'app.db');
  const other = open({});
  other.exec(`${SCHEMA}; INSERT INTO t VALUES('from other', 1)`);
  initTable(other, 't');
  packet = encodePayload(other);
});

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
  rmSync(folder, { recursive: true });
});

/** A database file with one folded row, one that is still in the log, and a table that is not tracked. */
function prepare(journal: string): Connection {
  const db = open();
  db.pragma(`journal_mode = ${journal}`);
  db.exec(`${SCHEMA}; CREATE TABLE untracked(id TEXT PRIMARY KEY NOT NULL)`);
  initTable(db, 't');
  db.exec("INSERT INTO t VALUES('folded', 1)");
  encodePayload(db);
  db.exec("INSERT INTO t VALUES('logged', 2)");
  return db;
}

const WRITING: ReadonlyArray<[name: string, call: (db: Connection) => unknown]> = [
  ['init', (db) => initTable(db, 'untracked')],
  ['cleanup', (db) => single(db, "SELECT cloudsync_cleanup('t')")],
  ['disable', (db) => single(db, "SELECT cloudsync_disable('t')")],
  ['set', (db) => single(db, "SELECT cloudsync_set('batch_bytes', 2000)")],
  ['payload_apply', (db) => applyPayload(db, packet)],
];

describe.each(['wal', 'delete'])('locked by another process, journal_mode=%s', (journal) => {
  let locker: ChildProcess;

  async function lock(kind: 'write' | 'all', milliseconds = 60_000): Promise<void> {
    const script = join(import.meta.dirname, 'lock.mjs');
    locker = spawn(process.execPath, [script, file, kind, String(milliseconds)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(locker.stdout as NodeJS.ReadableStream, 'data');
  }

  afterEach(() => locker.kill('SIGKILL'));

  async function unlock(): Promise<void> {
    if (locker.exitCode === null) {
      const isClosed = once(locker, 'close');
      locker.stdin?.end();
      await isClosed;
    }
    expect(locker.exitCode).toBe(0);
  }

  test.each(['write', 'all'] as const)(
    '%s lock: a bounded wait, then an error that says so',
    async (kind) => {
      const db = prepare(journal);
      db.pragma('busy_timeout = 100');
      await lock(kind);
      const call = kind === 'all' ? () => initTable(db, 'untracked') : () => applyPayload(db, packet);
      const started = Date.now();
      expect(call).toThrow(/database is locked.*try again/);
      const waited = Date.now() - started;
      expect(waited).toBeGreaterThan(100);
      expect(waited).toBeLessThan(8_000);
      expect(db.inTransaction).toBe(false);
      await unlock();
      expect(applyPayload(db, packet)).toBe(1n);
      expect(dumpTable(db, 't').map((line) => line.slice(2, 6))).toEqual(['by t', 'fold', 'from', 'logg']);
      const reader = open({});
      reader.exec(SCHEMA);
      initTable(reader, 't');
      applyPayload(reader, encodePayload(db));
      expect(dumpTable(reader, 't')).toEqual(dumpTable(db, 't'));
    },
  );

  test('the wait ends as soon as the lock is gone', async () => {
    const db = prepare(journal);
    db.pragma('busy_timeout = 0');
    await lock('write', 700);
    const started = Date.now();
    expect(applyPayload(db, packet)).toBe(1n);
    expect(Date.now() - started).toBeLessThan(5_000);
    await unlock();
    expect(dumpTable(db, 't').length).toBe(4);
  });
});

describe('read-only database', () => {
  const READING: ReadonlyArray<[call: string, check: (result: unknown) => void]> = [
    ['cloudsync_version()', (result) => expect(result).toMatch(/^\d+\.\d+/)],
    ['cloudsync_siteid()', (result) => expect(result).toMatch(/^[0-9a-f]{32}$/)],
    ['cloudsync_db_version()', (result) => expect(result).toBe(1n)],
    ["cloudsync_is_enabled('t')", (result) => expect(result).toBe(1n)],
    ['cloudsync_status()', (result) => expect(JSON.parse(result as string).tables[0].rows).toBe(1)],
    ['length(cloudsync_payload_encode())', (result) => expect(result).toBeGreaterThan(50n)],
    ['length(cloudsync_payload_page(0, 0, 4096, NULL))', (result) => expect(result).toBeGreaterThan(50n)],
  ];

  function openReadOnly(): Connection {
    prepare('delete');
    for (const db of opened.splice(0)) db.close();
    const db = new Database(file, { readonly: true });
    db.defaultSafeIntegers(true);
    load(db);
    opened.push(db);
    return db;
  }

  test('reading functions work and show what is folded', () => {
    const db = openReadOnly();
    for (const [call, check] of READING) check(single(db, `SELECT ${call}`));
    const reader = open({});
    reader.exec(SCHEMA);
    initTable(reader, 't');
    applyPayload(reader, encodePayload(db));
    expect(dumpTable(reader, 't')).toEqual(["('folded') a=1"]);
  });

  test.each(WRITING)('%s says that the database is read-only and what to do', (_, call) => {
    const db = openReadOnly();
    expect(() => call(db)).toThrow(/cloudsync: the database is read-only; open it for writing/);
    expect(single(db, 'SELECT count(*) FROM t')).toBe(2n);
  });

  test.skipIf(process.getuid?.() === 0)('also when the file belongs to somebody else', () => {
    openReadOnly();
    for (const db of opened.splice(0)) db.close();
    chmodSync(file, 0o444);
    const db = open();
    expect(() => applyPayload(db, packet)).toThrow(/read-?only/);
  });

  test('query_only: refused, and fine again afterwards', () => {
    const db = prepare('wal');
    db.pragma('query_only = ON');
    expect(() => applyPayload(db, packet)).toThrow(/readonly|read-only/);
    expect(db.inTransaction).toBe(false);
    db.pragma('query_only = OFF');
    expect(applyPayload(db, packet)).toBe(1n);
  });

  test('a payload file that cannot be written leaves no part of it behind', () => {
    const db = prepare('wal');
    const path = join(folder, 'taken.csp');
    expect(single(db, 'SELECT cloudsync_payload_save(?)', path)).toBe(2n);
    expect(() => single(db, 'SELECT cloudsync_payload_save(?)', folder)).toThrow(/cannot be/);
    expect(() => single(db, 'SELECT cloudsync_payload_save(?)', join(path, 'x'))).toThrow(
      /cannot be created/,
    );
    expect(runProgram('ls', ['-A', folder]).split('\n').sort()).toEqual([
      'app.db',
      'app.db-shm',
      'app.db-wal',
      'taken.csp',
    ]);
  });

  test('a payload file of somebody else is refused', () => {
    const db = prepare('wal');
    const path = join(folder, 'letter.txt');
    writeFileSync(path, 'Dear Sir or Madam, '.repeat(1000));
    expect(() => single(db, 'SELECT cloudsync_payload_load(?)', path)).toThrow(/not a cloudsync packet/);
  });
});

describe('full disk', () => {
  /** A packet that needs many pages. */
  function largePacket(): Buffer {
    const other = open({});
    other.exec(SCHEMA);
    initTable(other, 't');
    other.exec(`${numbers(500)} INSERT INTO t SELECT 'large' || i, hex(randomblob(400)) FROM n`);
    return encodePayload(other);
  }

  test.each(['wal', 'delete'])(
    'apply, journal_mode=%s: an error that says so, nothing half done, later it works',
    (journal) => {
      const db = prepare(journal);
      const large = largePacket();
      const before = snapshot(db, ['t']);
      db.pragma(`max_page_count = ${Number(single(db, 'PRAGMA page_count')) + 20}`);
      expect(() => applyPayload(db, large)).toThrow(/database or disk is full/);
      expect(db.inTransaction).toBe(false);
      expect(snapshot(db, ['t'])).toBe(before);
      db.exec("BEGIN; INSERT INTO t VALUES('mine', 3)");
      expect(() => applyPayload(db, large)).toThrow(/database or disk is full/);
      // SQLite rolls a whole transaction back when the disk is full; whoever is in one must be able to tell.
      if (db.inTransaction) db.exec('COMMIT');
      else db.exec("INSERT INTO t VALUES('mine', 3)");
      expect(dumpTable(db, 't')).toEqual(["('folded') a=1", "('logged') a=2", "('mine') a=3"]);
      db.pragma('max_page_count = 1000000');
      expect(applyPayload(db, large)).toBe(500n);
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(dumpTable(db, 't').length).toBe(503);
    },
  );

  test('fold and init: an error, the writes stay in the log, later they are sent', () => {
    const db = prepare('wal');
    db.exec(`${numbers(3000)} INSERT INTO t SELECT 'row' || i, i FROM n`);
    db.exec(`${numbers(9000)} INSERT INTO untracked SELECT 'row' || i FROM n`);
    db.pragma(`max_page_count = ${Number(single(db, 'PRAGMA page_count')) + 5}`);
    expect(() => encodePayload(db)).toThrow(/full/);
    expect(() => initTable(db, 'untracked')).toThrow(/full/);
    expect(single(db, 'SELECT count(*) FROM t_cloudsync_log')).toBe(3001n);
    expect(single(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'untracked_cloudsync%'")).toBe(0n);
    db.pragma('max_page_count = 1000000');
    const reader = open({});
    reader.exec(SCHEMA);
    initTable(reader, 't');
    applyPayload(reader, encodePayload(db));
    expect(dumpTable(reader, 't')).toEqual(dumpTable(db, 't'));
  });
});

/**
 * Interrupts call after call, each a little later, from another thread, which Python's module can. Arguments: the
 * file, the extension, and whether the call is made inside a transaction of the application (1) or not (0). Prints how
 * many calls were interrupted and whether the file is sound.
 */
const INTERRUPT = `import sqlite3, sys, threading
connection = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)
connection.enable_load_extension(True)
connection.load_extension(sys.argv[2])
def logged():
    return connection.execute("SELECT count(*) FROM t_cloudsync_log").fetchone()[0]
interrupted = 0
for attempt in range(1, 61):
    if logged() == 0:
        connection.execute("UPDATE t SET a = a + 1")
    without = logged()
    if sys.argv[3] == "1":
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET a = a + 1 WHERE id = 'folded'")
    before = logged()
    timer = threading.Timer(attempt * 0.003, connection.interrupt)
    timer.start()
    try:
        connection.execute("SELECT length(cloudsync_payload_encode())").fetchone()
        done = True
    except sqlite3.OperationalError as error:
        assert "interrupt" in str(error), error
        interrupted += 1
        done = False
    timer.join()
    # SQLite ends the whole transaction of an application whose write is interrupted; otherwise it goes on.
    assert sys.argv[3] == "1" or not connection.in_transaction
    left = logged()
    assert left == (0 if done else before if connection.in_transaction else without), (attempt, left)
    if connection.in_transaction:
        connection.execute("COMMIT" if done else "ROLLBACK")
    if interrupted == 8:
        break
print(interrupted, connection.execute("PRAGMA integrity_check").fetchone()[0])`;

describe.skipIf(!python)('interrupted at many moments', () => {
  test.each([
    ['by itself', '0'],
    ['inside a transaction of the application', '1'],
  ])('%s: the call ends with an error, all of the log is folded or none of it', (_, inTransaction) => {
    const db = prepare('wal');
    db.exec(`${numbers(50_000)} INSERT INTO t SELECT 'row' || i, i FROM n`);
    const output = runProgram(python ?? '', ['-c', INTERRUPT, file, extensionFile, inTransaction]);
    const [interrupted, integrity] = output.split(' ');
    expect(integrity).toBe('ok');
    expect(Number(interrupted)).toBe(8);
    const reader = open({});
    reader.exec(SCHEMA);
    initTable(reader, 't');
    applyPayload(reader, encodePayload(db));
    expect(dumpTable(reader, 't')).toEqual(dumpTable(db, 't'));
  });
});
