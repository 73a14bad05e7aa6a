/**
 * local-capture.test.ts: the section "Local capture" of the hazards, the lines about what one connection
 * writes: every committed change is recorded once, and nothing else is. Each test is named after the
 * scenario.
 */
import { afterEach, describe, expect, test } from 'vitest';
import {
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  fullState,
  initTable,
  single,
} from '../support/database.js';
import { deliver, exchangeAll } from '../support/exchange.js';
import {
  closeAll,
  expectEqual,
  logged,
  MODES,
  numbers,
  open,
  pair,
  replica,
  syncAndCompare,
} from './replicas.js';

afterEach(closeAll);

const ITEMS = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)';

/** The causal length of a row by its first key value. */
function causalLength(db: Connection, key: string): bigint | undefined {
  const rows = fullState(db).flatMap(({ tables }) => tables.flatMap((table) => table.rows));
  return rows.find(({ key: [first] }) => first?.type === 'text' && first.bytes.toString() === key)?.cl;
}

describe.each(MODES)('$name', (mode) => {
  test('no-op UPDATE, failed INSERT, INSERT OR IGNORE that ignores: no change recorded', () => {
    const schema = `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a CHECK(a <> 'bad'), b UNIQUE, c REAL,
      d COLLATE NOCASE)`;
    const db = replica(schema, ['t'], mode);
    db.exec("INSERT INTO t VALUES('k', 1, x'00', -0.0, NULL), ('l', '', 'u', NULL, 'x')");
    const before = [encodePayload(db).length, arrivalNumber(db)];
    for (const sql of [
      'UPDATE t SET a = a, b = b, c = c, d = d, id = id',
      'UPDATE t SET a = 5 WHERE 0',
      "UPDATE OR IGNORE t SET b = 'u'",
      "INSERT OR IGNORE INTO t VALUES('k', 9, 9, 9, 9)",
      "INSERT OR IGNORE INTO t VALUES('new', 9, 'u', 9, 9)",
      "INSERT INTO t VALUES('k', 9, 9, 9, 9) ON CONFLICT DO NOTHING",
      "INSERT INTO t VALUES('k', 9, 9, 9, 9) ON CONFLICT(id) DO UPDATE SET a = a",
      "DELETE FROM t WHERE id = 'nobody'",
    ]) {
      db.exec(sql);
      expect([sql, logged(db, 't')]).toEqual([sql, 0]);
    }
    for (const sql of [
      "INSERT INTO t VALUES('k', 9, 9, 9, 9)",
      "INSERT INTO t VALUES('new', 'bad', 9, 9, 9)",
      "INSERT INTO t VALUES('m', 1, 2, 3, 4), ('n', 1, 'u', 3, 4)",
      "UPDATE t SET a = 'bad'",
      "UPDATE t SET b = 'same'",
      "UPDATE t SET id = 'l'",
    ]) {
      expect(() => db.exec(sql)).toThrow(/constraint failed/);
      expect([sql, logged(db, 't')]).toEqual([sql, 0]);
    }
    expect([encodePayload(db).length, arrivalNumber(db)]).toEqual(before);
  });

  test('upsert over a live row: only the columns it changes, the causal length stays', () => {
    const both = pair(ITEMS, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('k', 1, 1)");
    exchangeAll(both);
    both[0].exec("INSERT INTO t VALUES('k', 2, 2) ON CONFLICT DO UPDATE SET a = excluded.a");
    both[1].exec("UPDATE t SET b = 'concurrent'");
    expect(syncAndCompare(both, 't')).toEqual(["('k') a=2 b='concurrent'"]);
    expect(causalLength(both[1], 'k')).toBe(1n);
  });

  test('REPLACE over a live row: one row, the causal length unchanged or +2, other replicas equal', () => {
    const both = pair(ITEMS, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('k', 1, 1), ('other', 1, 1)");
    exchangeAll(both);
    both[0].exec("REPLACE INTO t VALUES('k', 2, 2)");
    expect(syncAndCompare(both, 't')).toEqual(["('k') a=2 b=2", "('other') a=1 b=1"]);
    expect(causalLength(both[1], 'k')).toBe(mode.recursiveTriggers ? 3n : 1n);
    both[1].exec("REPLACE INTO t(id) VALUES('k')");
    both[0].exec("UPDATE t SET a = 'before the replace arrives' WHERE id = 'other'");
    expect(syncAndCompare(both, 't')[0]).toBe("('k') a=NULL b=NULL");
    expect(causalLength(both[0], 'k')).toBe(mode.recursiveTriggers ? 5n : 1n);
    expect(causalLength(both[0], 'other')).toBe(1n);
  });

  test('REPLACE with recursive_triggers on here and off there: equal', () => {
    const left = replica(ITEMS, ['t'], mode);
    const right = replica(ITEMS, ['t'], { ...mode, recursiveTriggers: !mode.recursiveTriggers });
    left.exec("INSERT INTO t VALUES('k', 1, 1)");
    exchangeAll([left, right]);
    left.exec("REPLACE INTO t VALUES('k', 'left', 2)");
    right.exec("REPLACE INTO t VALUES('k', 'right', 3)");
    expect(syncAndCompare([left, right], 't').length).toBe(1);
  });

  test.each([
    [
      'a new key',
      '',
      "UPDATE t SET id = 'new' WHERE id = 'k'",
      ["('new') a='k' b=1", "('other') a='other' b=2"],
    ],
    [
      'a formerly deleted key',
      '',
      "UPDATE t SET id = 'dead' WHERE id = 'k'",
      ["('dead') a='k' b=1", "('other') a='other' b=2"],
    ],
    [
      'a live key (OR REPLACE)',
      '',
      "UPDATE OR REPLACE t SET id = 'other' WHERE id = 'k'",
      ["('other') a='k' b=1"],
    ],
    [
      'a new key with new values',
      '',
      "UPDATE t SET id = 'new', a = 'n' WHERE id = 'k'",
      ["('new') a='n' b=1", "('other') a='other' b=2"],
    ],
    [
      'another case',
      '',
      "UPDATE t SET id = 'K' WHERE id = 'k'",
      ["('K') a='k' b=1", "('other') a='other' b=2"],
    ],
    [
      'and back',
      "UPDATE t SET id = 'new' WHERE id = 'k'",
      "UPDATE t SET id = 'k' WHERE id = 'new'",
      ["('k') a='k' b=1", "('other') a='other' b=2"],
    ],
  ])(
    'UPDATE of the key to %s: old key deleted, new key alive with all values, everywhere',
    (_, first, second, rows) => {
      const both = pair(ITEMS, ['t'], mode);
      both[0].exec("INSERT INTO t VALUES('k', 'k', 1), ('other', 'other', 2), ('dead', 0, 0)");
      exchangeAll(both);
      both[0].exec("DELETE FROM t WHERE id = 'dead'");
      exchangeAll(both);
      both[0].exec(first);
      both[0].exec(second);
      expect(dumpTable(both[0], 't')).toEqual(rows);
      expect(syncAndCompare(both, 't')).toEqual(rows);
      both[1].exec("UPDATE t SET b = 'edited'");
      expect(syncAndCompare(both, 't')).toEqual(rows.map((row) => row.replace(/b=.*/, "b='edited'")));
    },
  );

  test('swap of two keys through a third', () => {
    const both = pair(ITEMS, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('x', 1, NULL), ('y', 2, NULL)");
    exchangeAll(both);
    const step = (from: string, to: string) => `UPDATE t SET id = '${to}' WHERE id = '${from}';`;
    both[0].exec(`BEGIN; ${step('x', 'z')} ${step('y', 'x')} ${step('z', 'y')} COMMIT`);
    expect(syncAndCompare(both, 't')).toEqual(["('x') a=2 b=NULL", "('y') a=1 b=NULL"]);
  });

  test('savepoint, statement abort, failed COMMIT: nothing of it is sent, no number is reused', () => {
    const schema = `${ITEMS}; CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
      t REFERENCES t DEFERRABLE INITIALLY DEFERRED)`;
    const db = replica(schema, ['t', 'child'], mode);
    const reader = replica(schema, ['t', 'child'], mode);
    let cursor = 0n;
    const read = () => {
      const next = deliver(db, reader, cursor);
      expect(next).toBeGreaterThanOrEqual(cursor);
      cursor = next;
      expectEqual([db, reader], 't', 'child');
    };
    db.exec("INSERT INTO t VALUES('kept', 0, 0)");
    db.exec(
      "BEGIN; SAVEPOINT s; INSERT INTO t VALUES('undone', 1, 1); UPDATE t SET a = 1; ROLLBACK TO s; COMMIT",
    );
    read();
    db.exec("BEGIN; INSERT INTO t VALUES('undone', 1, 1)");
    expect(encodePayload(db).length).toBeGreaterThan(0);
    db.exec("ROLLBACK; INSERT INTO t VALUES('after', 2, 2)");
    read();
    expect(() => db.exec("INSERT INTO t VALUES('first', 1, 1), ('kept', 2, 2)")).toThrow(/UNIQUE/);
    read();
    db.exec("BEGIN; INSERT INTO child VALUES('c', 'missing')");
    if (mode.foreignKeys) {
      expect(() => db.exec('COMMIT')).toThrow(/FOREIGN KEY/);
      db.exec('ROLLBACK');
    } else {
      db.exec('ROLLBACK');
    }
    read();
    db.exec(
      `BEGIN; SAVEPOINT s; UPDATE t SET a = 'in'; RELEASE s;
       SAVEPOINT s; UPDATE t SET b = 'out'; ROLLBACK TO s; COMMIT`,
    );
    read();
    expect(dumpTable(reader, 't')).toEqual(["('after') a='in' b=2", "('kept') a='in' b=0"]);
    expect(dumpTable(reader, 'child')).toEqual([]);
  });

  test('a packet made inside a transaction that is rolled back never hides later changes', () => {
    const [db, reader] = pair(ITEMS, ['t'], mode);
    db.exec("INSERT INTO t VALUES('k', 0, 0)");
    deliver(db, reader);
    db.exec("BEGIN; UPDATE t SET a = 'undone'; INSERT INTO t VALUES('ghost', 1, 1)");
    const cursor = arrivalNumber(db);
    db.exec('ROLLBACK');
    expect(arrivalNumber(db)).toBeLessThan(cursor);
    // Who stored the cursor in that transaction has lost it with the rollback; the one before still holds.
    db.exec("UPDATE t SET b = 'real'");
    deliver(db, reader, 1n);
    expect(dumpTable(reader, 't')).toEqual(["('k') a=0 b='real'"]);
  });

  test('DELETE without WHERE: every row is captured', () => {
    const both = pair(ITEMS, ['t'], mode);
    both[0].exec(`${numbers(10_000)} INSERT INTO t SELECT 'r' || i, i, i FROM n`);
    expect(syncAndCompare(both, 't').length).toBe(10_000);
    both[1].exec('DELETE FROM t');
    expect(logged(both[1], 't')).toBe(10_000);
    expect(syncAndCompare(both, 't')).toEqual([]);
  });

  test('foreign-key CASCADE, SET NULL, SET DEFAULT done by the engine: captured as local changes', () => {
    const schema = `CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL);
      CREATE TABLE c(id TEXT PRIMARY KEY NOT NULL, p REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
      CREATE TABLE n(id TEXT PRIMARY KEY NOT NULL, p REFERENCES parent ON DELETE SET NULL ON UPDATE SET NULL);
      CREATE TABLE d(id TEXT PRIMARY KEY NOT NULL, p DEFAULT 'home' REFERENCES parent ON DELETE SET DEFAULT);
      CREATE TABLE g(id TEXT PRIMARY KEY NOT NULL, c REFERENCES c ON DELETE CASCADE)`;
    const tables = ['parent', 'c', 'n', 'd', 'g'];
    const both = pair(schema, tables, mode);
    both[0].exec(`INSERT INTO parent VALUES('home'), ('gone'), ('old');
      INSERT INTO c VALUES('c1', 'gone'), ('c2', 'old'); INSERT INTO n VALUES('n1', 'gone'), ('n2', 'old');
      INSERT INTO d VALUES('d1', 'gone'); INSERT INTO g VALUES('g1', 'c1')`);
    syncAndCompare(both, ...tables);
    both[0].exec("DELETE FROM parent WHERE id = 'gone'; UPDATE parent SET id = 'new' WHERE id = 'old'");
    if (mode.foreignKeys) {
      expect(tables.map((table) => logged(both[0], table))).toEqual([3, 2, 2, 1, 1]);
    }
    syncAndCompare(both, ...tables);
    if (!mode.foreignKeys) return;
    expect(tables.map((table) => dumpTable(both[1], table))).toEqual([
      ["('home')", "('new')"],
      ["('c2') p='new'"],
      ["('n1') p=NULL", "('n2') p=NULL"],
      ["('d1') p='home'"],
      [],
    ]);
  });

  test('disable, write, enable, reopen: a durable pause for every connection, then all is sent', () => {
    const both = pair(ITEMS, ['t'], mode);
    const [db, other] = both;
    db.exec("INSERT INTO t VALUES('k', 1, 1), ('gone', 2, 2)");
    syncAndCompare(both, 't');
    let cursor = arrivalNumber(db);
    expect(single(db, "SELECT cloudsync_disable('t')")).toBe(1n);
    expect(single(db, "SELECT cloudsync_is_enabled('t')")).toBe(0n);
    db.exec("INSERT INTO t VALUES('paused', 3, 3); UPDATE t SET a = 'paused' WHERE id = 'k'");
    db.exec("DELETE FROM t WHERE id = 'gone'");
    other.exec("INSERT INTO t VALUES('meanwhile', 4, 4)");
    deliver(other, db);
    cursor = deliver(db, other, cursor);
    expect(dumpTable(db, 't')).toEqual(["('k') a='paused' b=1", "('paused') a=3 b=3"]);
    expect(dumpTable(other, 't')).toEqual(["('gone') a=2 b=2", "('k') a=1 b=1", "('meanwhile') a=4 b=4"]);
    const again = open({ ...mode, source: db.serialize() });
    expect(single(again, "SELECT cloudsync_is_enabled('t')")).toBe(0n);
    again.exec("UPDATE t SET b = 'paused too' WHERE id = 'k'");
    expect(single(again, "SELECT cloudsync_enable('t')")).toBe(1n);
    expect(single(again, "SELECT cloudsync_is_enabled('t')")).toBe(1n);
    expect(dumpTable(again, 't')).toContain("('meanwhile') a=4 b=4");
    // The reader goes on from its cursor: what happened during the pause comes now.
    deliver(again, other, cursor);
    const expected = ["('k') a='paused' b='paused too'", "('meanwhile') a=4 b=4", "('paused') a=3 b=3"];
    expect(dumpTable(other, 't')).toEqual(expected);
    again.exec("UPDATE t SET b = 'later' WHERE id = 'k'");
    expect(syncAndCompare([again, other], 't')[0]).toBe("('k') a='paused' b='later'");
  });

  test('a column that is added and written before the next call into cloudsync is captured', () => {
    const both = pair(ITEMS, ['t'], mode);
    both[0].exec("INSERT INTO t VALUES('k', 1, 1), ('default', 2, 2)");
    exchangeAll(both);
    both[0].exec("ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'none'; UPDATE t SET c = 'written' WHERE id = 'k'");
    both[1].exec("ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'none'");
    expect(syncAndCompare(both, 't')).toEqual(["('default') a=2 b=2 c='none'", "('k') a=1 b=1 c='written'"]);
    both[1].exec("UPDATE t SET c = NULL; INSERT INTO t(id) VALUES('new')");
    expect(syncAndCompare(both, 't')[2]).toBe("('new') a=NULL b=NULL c='none'");
    expect(dumpTable(both[0], 't')[0]).toBe("('default') a=2 b=2 c=NULL");
  });

  test('table initialised, cleaned up, initialised again: later writes are still sent', () => {
    const [db, other] = pair(ITEMS, ['t'], mode);
    db.exec("INSERT INTO t VALUES('first', 1, 1)");
    let cursor = deliver(db, other);
    expect(single(db, "SELECT cloudsync_cleanup('t')")).toBe(1n);
    expect(
      single(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 't\\_cloudsync%' ESCAPE '\\'"),
    ).toBe(0n);
    db.exec("UPDATE t SET a = 'while untracked'; INSERT INTO t VALUES('second', 2, 2)");
    initTable(db, 't');
    db.exec("INSERT INTO t VALUES('third', 3, 3); UPDATE t SET b = 'later' WHERE id = 'first'");
    cursor = deliver(db, other, cursor);
    expect(dumpTable(other, 't')).toEqual(dumpTable(db, 't'));
    db.exec("DELETE FROM t WHERE id = 'second'");
    deliver(db, other, cursor);
    expect(dumpTable(other, 't')).toEqual(dumpTable(db, 't'));
    expect(syncAndCompare([db, other], 't').length).toBe(2);
  });
});
