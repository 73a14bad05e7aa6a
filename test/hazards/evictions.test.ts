/**
 * evictions.test.ts: the hazard "REPLACE (or UPDATE OR REPLACE) that evicts another row through a secondary
 * UNIQUE index, recursive_triggers off -> the evicted row is deleted everywhere", for every kind of unique
 * index, with recursive_triggers off and on. Random histories are in eviction-histories.test.ts.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, dumpTable, encodePayload, initTable, single } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { closeAll, expectEqual, logged, MODES, open, pair, replica, syncAndCompare } from './replicas.js';

afterEach(closeAll);

const COLUMN = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u UNIQUE, a)';

/** The triggers of table t that exist because of its unique indexes. */
function evictionTriggers(db: Connection): unknown[] {
  return db
    .prepare(
      "SELECT substr(name, 19) FROM sqlite_schema WHERE name LIKE 't\\_cloudsync\\_evict%' ESCAPE '\\'",
    )
    .pluck()
    .all();
}

/** Log entries of table t that say "evicted, perhaps". */
function suspicions(db: Connection): number {
  return Number(single(db, 'SELECT count(*) FROM t_cloudsync_log WHERE mask = -3'));
}

interface Case {
  schema: string;
  before: string;
  write: string;
  /** Keys that are left. */
  left: string[];
}

const CASES: Record<string, Case> = {
  'a column constraint': {
    schema: COLUMN,
    before: "('x', 1, 'x'), ('y', 2, 'y')",
    write: "REPLACE INTO t VALUES('new', 1, 'n')",
    left: ['new', 'y'],
  },
  'a column constraint that replaces by itself': {
    schema: 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u UNIQUE ON CONFLICT REPLACE, a)',
    before: "('x', 1, 'x'), ('y', 2, 'y')",
    write: "INSERT INTO t VALUES('new', 1, 'n')",
    left: ['new', 'y'],
  },
  'UPDATE OR REPLACE': {
    schema: COLUMN,
    before: "('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')",
    write: "UPDATE OR REPLACE t SET u = 1 WHERE id = 'y'",
    left: ['y', 'z'],
  },
  'UPDATE OR REPLACE of many rows to one value': {
    schema: COLUMN,
    before: "('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')",
    write: 'UPDATE OR REPLACE t SET u = 1',
    left: ['z'],
  },
  'UPDATE OR REPLACE of key and value at once': {
    schema: COLUMN,
    before: "('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')",
    write: "UPDATE OR REPLACE t SET id = 'y', u = 3 WHERE id = 'x'",
    left: ['y'],
  },
  'several indexes, each with another row in the way, and the key': {
    schema: `${COLUMN}; CREATE UNIQUE INDEX "by a" ON t(a)`,
    before: "('k', 0, 0), ('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')",
    write: "REPLACE INTO t VALUES('k', 1, 'y')",
    left: ['k', 'z'],
  },
  'two columns': {
    schema: 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a, UNIQUE(u, a))',
    before: "('x', 1, 1), ('y', 1, 2), ('z', 2, 1)",
    write: "REPLACE INTO t VALUES('new', 1, 2)",
    left: ['new', 'x', 'z'],
  },
  'NULLs, which never conflict': {
    schema: 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u UNIQUE, a, UNIQUE(u, a))',
    before: "('x', NULL, 1), ('y', 1, NULL)",
    write: "REPLACE INTO t VALUES('new', NULL, 1), ('newer', 2, NULL)",
    left: ['new', 'newer', 'x', 'y'],
  },
  'the collation of the column': {
    schema: 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u TEXT COLLATE NOCASE UNIQUE, a)',
    before: "('x', 'Mail', 1), ('y', 'other', 2)",
    write: "REPLACE INTO t VALUES('new', 'mAIL', 3)",
    left: ['new', 'y'],
  },
  'the collation of the index': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u TEXT COLLATE NOCASE, a);
      CREATE UNIQUE INDEX i ON t(u COLLATE RTRIM DESC)`,
    before: "('x', 'a', 1), ('y', 'A', 2), ('z', 'b', 3)",
    write: "REPLACE INTO t VALUES('new', 'A  ', 3)",
    left: ['new', 'x', 'z'],
  },
  'values that affinity changes': {
    schema: 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u INTEGER UNIQUE, a UNIQUE)',
    before: "('x', 1, 1), ('y', 2, '2'), ('z', 3, 3)",
    write: "REPLACE INTO t VALUES('new', '1', 2), ('newer', 9, 3.0)",
    left: ['new', 'newer', 'y'],
  },
  'a partial index': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON t(u) WHERE a IS NULL OR t.a = 'it''s'`,
    before: "('x', 1, NULL), ('y', 1, 'closed'), ('z', 2, NULL)",
    write: "REPLACE INTO t VALUES('new', 1, 'it''s'), ('newer', 2, 'closed')",
    left: ['new', 'newer', 'y', 'z'],
  },
  'a partial index that names rowid': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON t(u) WHERE rowid > 1`,
    before: "('x', 1, 1), ('y', 1, 2), ('z', 2, 3)",
    write: "REPLACE INTO t VALUES('new', 1, 4)",
    left: ['new', 'x', 'z'],
  },
  'a row that an UPDATE moves into a partial index': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON t(u) WHERE a -- open ones`,
    before: "('x', 1, 1), ('y', 1, 0), ('z', 2, 1)",
    write: "UPDATE OR REPLACE t SET a = 1 WHERE id = 'y'",
    left: ['y', 'z'],
  },
  expressions: {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON t(lower("u") DESC, /* a, ) */ coalesce(a, ')'), u IS NULL) WHERE [u] <> 'x,y'`,
    before: "('x', 'Mail', NULL), ('y', 'mail', 'A'), ('z', 'x,y', 1)",
    write: "REPLACE INTO t VALUES('new', 'MAIL', ')'), ('newer', 'x,y', 1)",
    left: ['new', 'newer', 'y', 'z'],
  },
  'an expression with a collation': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON t(trim(u) COLLATE NOCASE, a)`,
    before: "('x', 'Mail', 1), ('y', 'other', 1)",
    write: "REPLACE INTO t VALUES('new', ' mAIL ', 1)",
    left: ['new', 'y'],
  },
  'a generated column': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a, g AS (u + a) UNIQUE, s AS (u * a) STORED);
      CREATE UNIQUE INDEX i ON t(s + 100)`,
    before: "('x', 3, 4), ('y', 5, 6), ('z', 1, 9)",
    write: "UPDATE OR REPLACE t SET u = 6, a = 1 WHERE id = 'y'; REPLACE INTO t(id, u, a) VALUES('n', 5, 2)",
    left: ['n', 'z'],
  },
  'WITHOUT ROWID and a key of two columns': {
    schema: `CREATE TABLE t(b TEXT NOT NULL, id TEXT NOT NULL, u, a, PRIMARY KEY(id, b), UNIQUE(b, u))
      WITHOUT ROWID`,
    before: "('p', 'x', 1, 1), ('q', 'x', 1, 1), ('p', 'y', 2, 1)",
    write: "REPLACE INTO t VALUES('p', 'z', 1, 1)",
    left: ['x', 'y', 'z'],
  },
  'names that need quotes': {
    schema: `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, "new" UNIQUE, "a ""b""" );
      CREATE UNIQUE INDEX "i(" ON t("a ""b""" || 'x')`,
    before: "('x', 1, 1), ('y', 2, 2), ('z', 3, 3)",
    write: "REPLACE INTO t VALUES('n', 1, 2)",
    left: ['n', 'z'],
  },
};

describe.each(MODES)('$name', (mode) => {
  test.each(Object.entries(CASES))(
    'REPLACE that evicts another row through %s: the evicted row is deleted everywhere',
    (_, { schema, before, write, left }) => {
      const both = pair(schema, ['t'], mode);
      both[0].exec(`INSERT INTO t VALUES${before}`);
      syncAndCompare(both, 't');
      both[0].exec(write);
      const keys = both[0].prepare('SELECT id FROM t ORDER BY id').pluck().all();
      expect(keys).toEqual(left);
      syncAndCompare(both, 't');
      expect(both[1].prepare('SELECT id FROM t ORDER BY id').pluck().all()).toEqual(left);
    },
  );

  test('a table named like a row of triggers, and text in double quotes inside an index', () => {
    // SQLite takes "open" for a text where an old program made the index; writable_schema makes one here.
    const schema = `CREATE TABLE new(id TEXT PRIMARY KEY NOT NULL, u, a);
      CREATE UNIQUE INDEX i ON new(u, a || 'x') WHERE new.a = 'open'`;
    const db = open(mode);
    db.exec(schema);
    db.unsafeMode(true);
    db.pragma('writable_schema = ON');
    db.exec(`UPDATE sqlite_schema SET sql = replace(sql, '''open''', '"open"') WHERE name = 'i'`);
    const left = open({ ...mode, source: db.serialize() });
    const right = open({ ...mode, source: db.serialize() });
    for (const one of [left, right]) initTable(one, 'new');
    left.exec("INSERT INTO new VALUES('x', 1, 'open'), ('y', 1, 'shut')");
    exchangeAll([left, right]);
    left.exec("REPLACE INTO new VALUES('n', 1, 'open')");
    expect(syncAndCompare([left, right], 'new')).toEqual(["('n') u=1 a='open'", "('y') u=1 a='shut'"]);
  });

  test('a plain program as writer, with its own setting', () => {
    const file = join(tmpdir(), `cloudsync-evictions-${process.pid}-${MODES.indexOf(mode)}.db`);
    try {
      const db = replica(COLUMN, ['t'], { ...mode, source: file });
      const other = replica(COLUMN, ['t'], mode);
      db.exec("INSERT INTO t VALUES('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')");
      exchangeAll([db, other]);
      const plain = open({ ...mode, source: file, extension: false });
      plain.pragma('trusted_schema = OFF');
      plain.exec("REPLACE INTO t VALUES('n', 1, 'n'); UPDATE OR REPLACE t SET u = 2 WHERE id = 'z'");
      plain.close();
      expect(syncAndCompare([db, other], 't')).toEqual(["('n') u=1 a='n'", "('z') u=2 a='z'"]);
    } finally {
      closeAll();
      rmSync(file, { force: true });
    }
  });

  test('IGNORE, upsert, FAIL, ABORT and ROLLBACK evict nobody: nothing is recorded', () => {
    const both = pair(COLUMN, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x'), ('y', 2, 'y')");
    const rows = syncAndCompare(both, 't');
    const before = [encodePayload(both[0]).length, single(both[0], 'SELECT cloudsync_db_version()')];
    both[0].exec("INSERT OR IGNORE INTO t VALUES('n', 1, 0)");
    both[0].exec("UPDATE OR IGNORE t SET u = 1 WHERE id = 'y'");
    both[0].exec("INSERT INTO t VALUES('n', 1, 0) ON CONFLICT(u) DO NOTHING");
    both[0].exec("INSERT INTO t VALUES('n', 1, 0) ON CONFLICT(u) DO UPDATE SET a = a");
    both[0].exec("BEGIN; REPLACE INTO t VALUES('n', 1, 0); ROLLBACK");
    for (const word of ['FAIL', 'ABORT', 'ROLLBACK']) {
      expect(() => both[0].exec(`INSERT OR ${word} INTO t VALUES('n', 1, 0)`)).toThrow(/UNIQUE/);
    }
    expect([logged(both[0], 't'), suspicions(both[0])]).toEqual([0, 5]);
    expect([encodePayload(both[0]).length, single(both[0], 'SELECT cloudsync_db_version()')]).toEqual(before);
    expect(suspicions(both[0])).toBe(0);
    expect(syncAndCompare(both, 't')).toEqual(rows);
  });

  test('evicted and inserted again before the next fold; inserted and evicted within one fold', () => {
    const both = pair(COLUMN, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x')");
    exchangeAll(both);
    both[0].exec("REPLACE INTO t VALUES('n', 1, 0); DELETE FROM t; INSERT INTO t VALUES('x', 5, 'again')");
    both[0].exec("INSERT INTO t VALUES('brief', 7, 0); REPLACE INTO t VALUES('k', 7, 0)");
    expect(syncAndCompare(both, 't')).toEqual(["('k') u=7 a=0", "('x') u=5 a='again'"]);
    expect(encodePayload(both[0]).includes('brief')).toBe(false);
  });

  test('REPLACE over the own key with the own value: one entry, one row', () => {
    const both = pair(COLUMN, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x')");
    exchangeAll(both);
    both[0].exec("REPLACE INTO t VALUES('x', 1, 'again')");
    expect(suspicions(both[0])).toBe(0);
    expect(syncAndCompare(both, 't')).toEqual(["('x') u=1 a='again'"]);
  });

  test('a unique index added later, replaced, dropped: the triggers follow', () => {
    const schema = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, u, a)';
    const both = pair(schema, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x'), ('y', 2, 'y'), ('z', 3, 'z')");
    exchangeAll(both);
    expect(evictionTriggers(both[0])).toEqual([]);
    for (const db of both) {
      db.exec('CREATE UNIQUE INDEX i ON t(u)');
      single(db, 'SELECT cloudsync_db_version()');
      expect(evictionTriggers(db)).toEqual(['insert', 'update']);
    }
    both[0].exec("REPLACE INTO t VALUES('n', 1, 'n')");
    expect(syncAndCompare(both, 't').length).toBe(3);
    for (const db of both) {
      db.exec('DROP INDEX i; CREATE UNIQUE INDEX i ON t(a)');
      single(db, 'SELECT cloudsync_db_version()');
    }
    const version = () => both[0].pragma('schema_version', { simple: true });
    const settled = version();
    both[0].exec("REPLACE INTO t VALUES('m', 3, 'y')");
    expect(syncAndCompare(both, 't')).toEqual(["('m') u=3 a='y'", "('n') u=1 a='n'", "('z') u=3 a='z'"]);
    expect(version()).toBe(settled);
    for (const db of both) {
      db.exec('DROP INDEX i');
      single(db, 'SELECT cloudsync_db_version()');
      expect(evictionTriggers(db)).toEqual([]);
    }
  });

  test('an index whose words do not compile in a trigger is passed over; the others still work', () => {
    const schema = `${COLUMN}; CREATE UNIQUE INDEX i ON t("lower"(a))`;
    const both = pair(schema, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x'), ('y', 2, 'y')");
    exchangeAll(both);
    both[0].exec("REPLACE INTO t VALUES('n', 1, 'n')");
    expect(syncAndCompare(both, 't')).toEqual(["('n') u=1 a='n'", "('y') u=2 a='y'"]);
  });

  test.each(['dws', 'aws'] as const)('%s: the evicted row is deleted everywhere', (algorithm) => {
    const both = [open(mode), open(mode)] as const;
    for (const db of both) {
      db.exec(COLUMN);
      initTable(db, 't', algorithm);
    }
    both[0].exec("INSERT INTO t VALUES('x', 1, 'x'), ('y', 2, 'y')");
    exchangeAll(both);
    both[0].exec("REPLACE INTO t VALUES('n', 1, 'n')");
    if (algorithm === 'dws') {
      expect(() => both[0].exec("INSERT INTO t VALUES('x', 7, 'x')")).toThrow(/keeps deletions for ever/);
    }
    exchangeAll(both);
    expectEqual(both, 't');
    expect(dumpTable(both[1], 't')).toEqual(["('n') u=1 a='n'", "('y') u=2 a='y'"]);
  });

  test('gos: an eviction is refused, IGNORE and upsert are not', () => {
    const db = open(mode);
    db.exec(COLUMN);
    initTable(db, 't', 'gos');
    db.exec("INSERT INTO t VALUES('x', 1, 'x')");
    expect(() => db.exec("REPLACE INTO t VALUES('n', 1, 'n')")).toThrow(/cloudsync: 't' is grow-only/);
    db.exec("INSERT OR IGNORE INTO t VALUES('n', 1, 'n')");
    db.exec("INSERT INTO t VALUES('n', 1, 'n') ON CONFLICT(u) DO NOTHING; INSERT INTO t VALUES('y', 2, 'y')");
    expect(dumpTable(db, 't')).toEqual(["('x') u=1 a='x'", "('y') u=2 a='y'"]);
    expect(suspicions(db)).toBe(0);
  });
});

test('a table without another unique index than its key has no such triggers', () => {
  const db = open();
  db.exec('CREATE TABLE t(id TEXT NOT NULL, k TEXT NOT NULL, u, a, PRIMARY KEY(k, id), UNIQUE(u, id, k))');
  db.exec('CREATE UNIQUE INDEX i ON t(id, k); CREATE INDEX plain ON t(a)');
  initTable(db, 't');
  expect(evictionTriggers(db)).toEqual([]);
});
