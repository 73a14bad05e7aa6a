/**
 * held-rows.test.ts: what becomes of held rows when nothing is merged: they are settled by hand, follow changes of the
 * schema and local writes, and go with the tracking of their table.
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

const USERS = 'CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, age INTEGER)';
const opened: Connection[] = [];

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

function replica(schema = USERS, tables: readonly string[] = ['users']): Connection {
  const db = openDatabase({ foreignKeys: true });
  opened.push(db);
  db.exec(schema);
  for (const table of tables) initTable(db, table);
  return db;
}

function rows(db: Connection, table = 'users'): string[] {
  const all = db.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all() as unknown[][];
  return all.map((row) => row.join('|'));
}

/** Two replicas on which the row `older` has the address and the row `newer` is held. */
function contested(): [Connection, Connection] {
  const [a, b] = [replica(), replica()];
  a.exec("INSERT INTO users VALUES('older', 'x@y', 1)");
  arrivalNumber(a);
  // The clock is the wall time in milliseconds: the second claim has to be a later one.
  const first = Date.now();
  while (Date.now() <= first + 1);
  b.exec("INSERT INTO users VALUES('newer', 'x@y', 2)");
  exchangeAll([a, b]);
  for (const db of [a, b]) {
    expect(rows(db)).toEqual(['older|x@y|1']);
    expect(heldChanges(db)).toMatchObject([{ tbl: 'users', columns: 'email, age' }]);
    expect(heldChanges(db)[0]?.reason).toMatch(/UNIQUE constraint failed: users.email/);
  }
  return [a, b];
}

const heldId = (db: Connection) => heldChanges(db)[0]?.id;

describe('cloudsync_resolve', () => {
  it('gives a held row another value, as an edit that everybody gets', () => {
    const [a, b] = contested();
    expect(single(a, 'SELECT cloudsync_resolve(?, ?, ?)', heldId(a), 'email', 'n@y')).toBe(1n);
    exchangeAll([a, b]);
    for (const db of [a, b]) {
      expect(rows(db)).toEqual(['newer|n@y|2', 'older|x@y|1']);
      expect(heldChanges(db)).toEqual([]);
    }
  });

  it('returns 0 while something else keeps the row out, and stores the value as the column would', () => {
    const [a, b] = contested();
    expect(single(a, 'SELECT cloudsync_resolve(?, ?, ?)', heldId(a), 'age', '30')).toBe(0n);
    exchangeAll([a, b]);
    const resting = [a, b].map(arrivalNumber);
    exchangeAll([a, b]);
    expect([a, b].map(arrivalNumber)).toEqual(resting);
    b.exec("DELETE FROM users WHERE id = 'older'");
    exchangeAll([a, b]);
    for (const db of [a, b]) {
      expect(rows(db)).toEqual(['newer|x@y|30']);
      expect(single(db, 'SELECT typeof(age) FROM users')).toBe('integer');
    }
  });

  it.each([
    ["SELECT cloudsync_resolve(99, 'email', 'z')", /nothing is held under the id 99/],
    ["SELECT cloudsync_resolve('one', 'email', 'z')", /the id must be an integer/],
    ["SELECT cloudsync_resolve(0, 'email', 'z')", /the id must be an integer from 1/],
    ["SELECT cloudsync_resolve(:id, 'mail', 'z')", /table 'users' has no column 'mail' besides its key/],
    ["SELECT cloudsync_resolve(:id, 'id', 'z')", /has no column 'id' besides its key/],
    ["SELECT cloudsync_resolve(:id, NULL, 'z')", /the column must be a text/],
    ["SELECT cloudsync_resolve(:id, 'email', zeroblob(20000000))", /larger than a packet/],
  ])('%s is refused and changes nothing', (sql, message) => {
    const [a] = contested();
    const before = arrivalNumber(a);
    expect(() => a.prepare(sql.replace(':id', String(heldId(a)))).get()).toThrow(message);
    expect(arrivalNumber(a)).toBe(before);
    expect(rows(a)).toEqual(['older|x@y|1']);
  });

  it('refuses what waits for a change of the schema', () => {
    const [a, b] = [replica(`${USERS}; CREATE TABLE more(id TEXT PRIMARY KEY NOT NULL)`), replica()];
    initTable(a, 'more');
    a.exec("INSERT INTO more VALUES('1')");
    applyPayload(b, encodePayload(a));
    expect(() => single(b, "SELECT cloudsync_resolve(?, 'id', 1)", heldId(b))).toThrow(
      /no value can settle what is held under the id \d+: table 'more' is not synchronised/,
    );
  });
});

describe('a held row', () => {
  it('returns when a local write frees its value, at the next call', () => {
    const [a] = contested();
    a.exec("UPDATE users SET email = 'other@y' WHERE id = 'older'");
    arrivalNumber(a);
    expect(rows(a)).toEqual(['newer|x@y|2', 'older|other@y|1']);
  });

  it('is replaced by a local INSERT of its key', () => {
    const [a, b] = contested();
    a.exec("INSERT INTO users VALUES('newer', 'own@y', 3)");
    exchangeAll([a, b]);
    for (const db of [a, b]) {
      expect(rows(db)).toEqual(['newer|own@y|3', 'older|x@y|1']);
      expect(heldChanges(db)).toEqual([]);
    }
  });

  it('is deleted by a local INSERT and DELETE of its key', () => {
    const [a, b] = contested();
    a.exec("INSERT INTO users VALUES('newer', 'own@y', 3); DELETE FROM users WHERE id = 'newer'");
    exchangeAll([a, b]);
    for (const db of [a, b]) {
      expect(rows(db)).toEqual(['older|x@y|1']);
      expect(heldChanges(db)).toEqual([]);
    }
  });

  it('travels on through a device that holds it', () => {
    const [, b] = contested();
    const c = replica();
    applyPayload(c, encodePayload(b));
    expect(rows(c)).toEqual(['older|x@y|1']);
    expect(heldChanges(c)).toHaveLength(1);
    c.exec("DELETE FROM users WHERE id = 'older'");
    arrivalNumber(c);
    expect(rows(c)).toEqual(['newer|x@y|2']);
  });

  it('follows the renaming of its table and of its columns', () => {
    const [a, b] = contested();
    for (const db of [a, b]) {
      db.exec('ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN email TO address');
      arrivalNumber(db);
      expect(heldChanges(db)).toMatchObject([{ tbl: 'people' }]);
    }
    a.exec("DELETE FROM people WHERE id = 'older'");
    exchangeAll([a, b]);
    for (const db of [a, b]) expect(rows(db, 'people')).toEqual(['newer|x@y|2']);
  });

  it('returns when the constraint is dropped', () => {
    const [a] = contested();
    a.exec(`SELECT cloudsync_begin_alter('users');
      CREATE TABLE free(id TEXT PRIMARY KEY NOT NULL, email TEXT, age INTEGER);
      INSERT INTO free SELECT * FROM users; DROP TABLE users; ALTER TABLE free RENAME TO users;
      SELECT cloudsync_commit_alter('users')`);
    expect(rows(a)).toEqual(['newer|x@y|2', 'older|x@y|1']);
    expect(heldChanges(a)).toEqual([]);
  });

  it('outlives a rebuild of its table that nobody announced', () => {
    const [a] = contested();
    a.exec(
      `CREATE TABLE copy AS SELECT * FROM users; DROP TABLE users; ${USERS}; INSERT INTO users SELECT * FROM copy`,
    );
    arrivalNumber(a);
    expect(heldChanges(a)).toMatchObject([{ tbl: 'users' }]);
    a.exec("DELETE FROM users WHERE id = 'older'");
    arrivalNumber(a);
    expect(rows(a)).toEqual(['newer|x@y|2']);
  });

  it('stays in the list as a report when the table gets another key', () => {
    const [a] = contested();
    a.exec(`SELECT cloudsync_begin_alter('users');
      CREATE TABLE keyed(email TEXT PRIMARY KEY NOT NULL, id TEXT, age INTEGER);
      INSERT INTO keyed SELECT email, id, age FROM users; DROP TABLE users; ALTER TABLE keyed RENAME TO users;
      SELECT cloudsync_commit_alter('users')`);
    expect(heldChanges(a)[0]?.reason).toMatch(/UNIQUE constraint failed.*the table got another key since/);
    a.exec('UPDATE users SET age = 5');
    expect(arrivalNumber(a)).toBeGreaterThan(0n);
  });

  it('goes when the table is tracked no longer', () => {
    const [a] = contested();
    single(a, "SELECT cloudsync_cleanup('users')");
    expect(heldChanges(a)).toEqual([]);
    initTable(a, 'users');
    expect(rows(a)).toEqual(['older|x@y|1']);
  });
});

describe('damage', () => {
  it.each(["UPDATE cloudsync_held SET content = x'00c1'", "UPDATE cloudsync_held SET pk = x'c1'"])(
    '%s: a clear error, and the database goes on after repair',
    (damage) => {
      const [a, b] = contested();
      a.exec(damage);
      b.exec("DELETE FROM users WHERE id = 'older'");
      expect(() => applyPayload(a, encodePayload(b))).toThrow(/a row of cloudsync_held is damaged; restore/);
      a.exec('DELETE FROM cloudsync_held');
      applyPayload(a, encodePayload(b));
      expect(rows(a)).toEqual([]);
    },
  );
});
