/**
 * other-programs.test.ts: the section "Local capture" of the hazards, the lines about other connections,
 * other programs and copies of the database: nothing that they write is lost. The programs are the real ones.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { extensionFile, python, runProgram, sqlite } from '../native/programs.js';
import {
  applyPayload,
  type Connection,
  dumpTable,
  encodePayload,
  initTable,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { closeAll, numbers, open, replica, syncAndCompare } from './replicas.js';

const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)';

let folder: string;
let file: string;
let peer: Connection;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-hazards-'));
  file = join(folder, 'app.db');
  peer = replica(SCHEMA, ['t']);
});

afterEach(() => {
  closeAll();
  rmSync(folder, { recursive: true });
});

/** The file with a tracked table and three rows that the peer has. */
function shared(): Connection {
  const db = replica(SCHEMA, ['t'], { source: file });
  db.exec("INSERT INTO t VALUES('kept', 1), ('edited', 1), ('deleted', 1)");
  exchangeAll([db, peer]);
  return db;
}

const EDITS =
  "INSERT INTO t VALUES('new', 2); UPDATE t SET a = 2 WHERE id = 'edited'; DELETE FROM t WHERE id LIKE 'd%'";
const EDITED = ["('edited') a=2", "('kept') a=1", "('new') a=2"];

/** A file that another program has made is synchronised by this extension, with all its rows. */
function expectSynchronised(path: string, expected: readonly string[] = EDITED): void {
  const db = open({ source: path });
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(syncAndCompare([db, peer], 't')).toEqual(expected);
  db.exec("INSERT INTO t VALUES('later', 5)");
  expect(syncAndCompare([db, peer], 't')).toContain("('later') a=5");
}

describe('a second connection or process', () => {
  test.each([true, false])('that was open before init is captured (with the extension: %s)', (extension) => {
    const early = open({ source: file, extension });
    early.exec(SCHEMA);
    // The early connection has read the schema and keeps its statements over the init.
    const insert = early.prepare('INSERT INTO t VALUES(?, ?)');
    insert.run('before', 1);
    const db = open({ source: file });
    initTable(db, 't');
    insert.run('after', 2);
    early.exec("UPDATE t SET a = 3 WHERE id = 'before'");
    expect(syncAndCompare([db, peer], 't')).toEqual(["('after') a=2.0", "('before') a=3"]);
    if (extension) expect(syncAndCompare([early, peer], 't').length).toBe(2);
  });

  test('that was open before a column was added writes to it and is captured', () => {
    const db = shared();
    const early = open({ source: file, extension: false });
    const update = early.prepare("UPDATE t SET a = 'early' WHERE id = 'kept'");
    db.exec('ALTER TABLE t ADD COLUMN b');
    peer.exec('ALTER TABLE t ADD COLUMN b');
    expect(encodePayload(db).length).toBeGreaterThan(0);
    update.run();
    early.exec("UPDATE t SET b = 'new column' WHERE id = 'edited'");
    expect(syncAndCompare([db, peer], 't')).toContain("('edited') a=1 b='new column'");
    expect(dumpTable(peer, 't')).toContain("('kept') a='early' b=NULL");
  });

  test('init, cleanup and disable on one connection hold on the other at once', () => {
    const db = open({ source: file });
    const other = open({ source: file });
    db.exec(SCHEMA);
    expect(single(other, "SELECT cloudsync_is_enabled('t')")).toBe(0n);
    const site = initTable(db, 't');
    expect(initTable(other, 't')).toBe(site);
    single(other, "SELECT cloudsync_disable('t')");
    expect(single(db, "SELECT cloudsync_is_enabled('t')")).toBe(0n);
    single(db, "SELECT cloudsync_enable('t')");
    expect(single(other, "SELECT cloudsync_is_enabled('t')")).toBe(1n);
    single(other, "SELECT cloudsync_cleanup('t')");
    expect(() => single(db, "SELECT cloudsync_disable('t')")).toThrow(/'t' is not synchronised/);
    expect(single(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'")).toBe(0n);
  });
});

describe('writes while the extension is not loaded', () => {
  test.skipIf(!sqlite)('by the sqlite3 program, also with untrusted schema and in defensive mode', () => {
    shared();
    runProgram(sqlite ?? '', [file], `PRAGMA trusted_schema = OFF;\n.dbconfig defensive on\n${EDITS};`);
    expectSynchronised(file);
  });

  test.skipIf(!python)('by Python', () => {
    shared();
    const script = `import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.executescript(sys.argv[2])
connection.execute("INSERT INTO t VALUES(?, ?)", ("from python", 1.5))
connection.commit()`;
    runProgram(python ?? '', ['-c', script, file, EDITS]);
    expectSynchronised(file, [EDITED[0], "('from python') a=1.5e+0", ...EDITED.slice(1)] as string[]);
  });

  test.skipIf(!sqlite)('while the file is open here: the next packet has them', () => {
    const db = shared();
    db.exec("UPDATE t SET a = 'here' WHERE id = 'kept'");
    runProgram(sqlite ?? '', [file], `${EDITS};`);
    expect(syncAndCompare([db, peer], 't')).toEqual([EDITED[0], "('kept') a='here'", EDITED[2]]);
  });
});

describe('copies of the database, made with unsent changes', () => {
  const copy = () => join(folder, 'copy.db');

  test.skipIf(!sqlite)('.dump and restore', () => {
    shared().exec(EDITS);
    const script = runProgram(sqlite ?? '', [file], '.dump');
    runProgram(sqlite ?? '', [copy()], script);
    expectSynchronised(copy());
  });

  test.skipIf(!sqlite)('.recover and .backup by the sqlite3 program', () => {
    shared().exec(EDITS);
    runProgram(sqlite ?? '', [file], `.backup '${copy()}'`);
    expectSynchronised(copy());
  });

  test('VACUUM', () => {
    const db = shared();
    db.exec(EDITS);
    db.exec('VACUUM');
    expect(syncAndCompare([db, peer], 't')).toEqual(EDITED);
    db.exec("DELETE FROM t WHERE id = 'new'; VACUUM");
    expect(syncAndCompare([db, peer], 't')).toEqual(EDITED.slice(0, 2));
  });

  test('VACUUM INTO', () => {
    const db = shared();
    db.exec(EDITS);
    db.prepare('VACUUM INTO ?').run(copy());
    expectSynchronised(copy());
  });

  test('the backup API, with a writer in between', async () => {
    const db = shared();
    db.exec(`${numbers(2000)} INSERT INTO t SELECT 'row' || i, i FROM n`);
    let wrote = false;
    await db.backup(copy(), {
      progress: () => {
        if (!wrote) db.exec(EDITS);
        wrote = true;
        return 5;
      },
    });
    expect(wrote).toBe(true);
    const expected = [
      ...EDITED,
      ...Array.from({ length: 2000 }, (_, i) => `('row${i + 1}') a=${i + 1}`),
    ].sort();
    expectSynchronised(copy(), expected);
  });

  test('serialize and open from memory', () => {
    const db = shared();
    db.exec(EDITS);
    const again = open({ source: db.serialize() });
    expect(syncAndCompare([again, peer], 't')).toEqual(EDITED);
  });
});

test.skipIf(!python)(
  'the application installs its own hooks, authorizer and progress handler: no effect on us, nor on them',
  () => {
    const db = shared();
    db.close();
    const script = join(import.meta.dirname, 'hooks.py');
    const result = JSON.parse(runProgram(python ?? '', [script, extensionFile, file])) as {
      before: Record<string, number> & { update: string[] };
      after: Record<string, number> & { update: string[] };
      rows: number;
      payload: string;
      changed: string[];
    };
    expect(result.changed).toEqual([]);
    // 1 insert, 3 + 1 updated rows and 4 deleted rows of the application; then 2 inserts more.
    const ofApplication = (names: string[]) => names.filter((name) => name === 't').length;
    expect(ofApplication(result.before.update)).toBe(1 + 4 + 4);
    expect(ofApplication(result.after.update)).toBe(1 + 4 + 4 + 2);
    for (const hook of ['commit', 'rollback', 'wal', 'authorizer', 'progress', 'trace']) {
      expect([hook, result.after[hook]]).not.toEqual([hook, result.before[hook]]);
    }
    applyPayload(peer, Buffer.from(result.payload, 'hex'));
    expect(dumpTable(peer, 't')).toEqual(
      ['after', 'deleted', 'edited', 'hooked', 'kept'].map((id) => `('${id}') a=${id === 'after' ? 3 : 2}`),
    );
  },
);

test.skipIf(!python)(
  'an authorizer or a progress handler that refuses ends the call with an error, nothing half done',
  () => {
    const db = shared();
    db.exec(EDITS);
    db.close();
    const script = `import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.enable_load_extension(True)
connection.load_extension(sys.argv[2])
def attempt():
    try:
        connection.execute("SELECT cloudsync_payload_encode()").fetchone()
        print("no error")
    except sqlite3.Error as error:
        print(error)
    print(connection.in_transaction)
def authorize(action, first, *_):
    return sqlite3.SQLITE_DENY if first == "t_cloudsync" else sqlite3.SQLITE_OK
connection.set_authorizer(authorize)
attempt()
connection.set_authorizer(None)
connection.set_progress_handler(lambda: 1, 1)
attempt()
connection.set_progress_handler(None, 0)
print(connection.execute("SELECT count(*) FROM t_cloudsync_log").fetchone()[0])
attempt()
print(connection.execute("SELECT count(*) FROM t_cloudsync_log").fetchone()[0])`;
    const lines = runProgram(python ?? '', ['-c', script, file, extensionFile]).split('\n');
    expect(lines[0]).toMatch(/prohibited|not authorized/);
    expect(lines[1]).toBe('False');
    expect(lines[2]).toMatch(/interrupt/);
    expect(lines.slice(3)).toEqual(['False', '3', 'no error', 'False', '0']);
    expectSynchronised(file);
  },
);
