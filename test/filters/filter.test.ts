/**
 * Row filters: what leaves a device, row by row as README.md describes it.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

const CREATE = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT)';
const OPEN = "state = 'open'";

let here: Connection;
let there: Connection;
let cursor: bigint;

function database(): Connection {
  const db = openDatabase();
  db.exec(CREATE);
  initTable(db, 'notes');
  return db;
}

beforeEach(() => {
  here = database();
  there = database();
  cursor = 0n;
});

afterEach(() => {
  here.close();
  there.close();
});

const call = (db: Connection, sql: string, ...values: unknown[]) => single(db, `SELECT ${sql}`, ...values);
const setFilter = (expression = OPEN) => call(here, "cloudsync_set_filter('notes', ?)", expression);
const clearFilter = () => call(here, "cloudsync_clear_filter('notes')");

/** Sends what changed since the last time. Returns the rows of the other side. */
function send(): unknown {
  applyPayload(there, encodePayload(here, cursor));
  cursor = arrivalNumber(here);
  return rows(there);
}

const rows = (db: Connection) =>
  single(
    db,
    `SELECT coalesce(group_concat(id || ':' || state || ':' || coalesce(body, 'NULL'), ' '), '')
      FROM (SELECT * FROM notes ORDER BY id)`,
  );

describe('rows', () => {
  test('only those that match are sent; the rest stays tracked', () => {
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    setFilter();
    here.exec("INSERT INTO notes VALUES('c', 'open', '3'), ('d', 'shut', '4'), ('e', NULL, '5')");
    expect(send()).toBe('a:open:1 c:open:3');
    expect(encodePayload(here, cursor).length).toBe(0);
  });

  test('one that comes in by an edit is announced whole, with what was written while it was outside', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'shut', '1')");
    expect(send()).toBe('');
    here.exec("UPDATE notes SET body = '2'");
    expect(send()).toBe('');
    here.exec("UPDATE notes SET state = 'open'");
    expect(send()).toBe('a:open:2');
  });

  test('one that goes out: the edit that takes it out is sent, nothing after', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    send();
    here.exec("UPDATE notes SET state = 'shut'");
    expect(send()).toBe('a:shut:1');
    here.exec("UPDATE notes SET body = 'secret'");
    expect(send()).toBe('a:shut:1');
    here.exec("UPDATE notes SET state = 'open'");
    expect(send()).toBe('a:open:secret');
  });

  test('one that goes out is told to a reader that comes late, without what was written after', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    send();
    here.exec("UPDATE notes SET state = 'shut'");
    arrivalNumber(here);
    here.exec("UPDATE notes SET body = 'secret'");
    expect(send()).toBe('a:shut:1');
  });

  test('one that nobody has got yet goes out: nobody is told', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'open', '2')");
    send();
    here.exec("INSERT INTO notes VALUES('c', 'open', '3')");
    arrivalNumber(here);
    here.exec("UPDATE notes SET state = 'shut', body = 'secret' WHERE id = 'c'");
    expect(send()).toBe('a:open:1 b:open:2');
    here.exec("UPDATE notes SET state = 'open' WHERE id = 'c'");
    expect(send()).toBe('a:open:1 b:open:2 c:open:secret');
  });

  test('one that went out, came in and went out again before it was read: both are told', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    send();
    for (const state of ['shut', 'open', 'gone']) {
      here.prepare('UPDATE notes SET state = ?').run(state);
      arrivalNumber(here);
    }
    expect(send()).toBe('a:gone:1');
  });

  test('what changes while cloudsync_changes is being read does not leave', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'open', '2')");
    here.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
      INSERT INTO notes SELECT 'n' || i, 'open', hex(zeroblob(100)) FROM n`);
    here.unsafeMode(true);
    const reader = here.prepare('SELECT pk, col_value FROM cloudsync_changes').raw().iterate();
    reader.next();
    here.exec("UPDATE notes SET state = 'shut', body = 'secret' WHERE id = 'n2000'");
    expect(JSON.stringify([...reader])).not.toContain('secret');
  });

  test('a payload from the start holds only rows that match', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'open', '2')");
    send();
    here.exec("UPDATE notes SET state = 'shut' WHERE id = 'a'");
    const fresh = database();
    applyPayload(fresh, encodePayload(here));
    expect(rows(fresh)).toBe('b:open:2');
    fresh.close();
  });

  test('a deletion is always sent, of rows inside and outside', () => {
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    expect(send()).toBe('a:open:1 b:shut:2');
    setFilter();
    here.exec('DELETE FROM notes');
    expect(send()).toBe('');
  });

  test('a key that is used again begins anew', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    send();
    here.exec('DELETE FROM notes');
    send();
    here.exec("INSERT INTO notes VALUES('a', 'shut', '2')");
    expect(send()).toBe('');
    here.exec("UPDATE notes SET state = 'open'");
    expect(send()).toBe('a:open:2');
  });

  test('incoming changes are merged whatever the filter says', () => {
    setFilter();
    there.exec("INSERT INTO notes VALUES('a', 'shut', '1'), ('b', 'open', '2')");
    applyPayload(here, encodePayload(there));
    expect(rows(here)).toBe('a:shut:1 b:open:2');
    const third = database();
    applyPayload(third, encodePayload(here, 0n));
    expect(rows(third)).toBe('b:open:2');
    third.close();
  });

  test('what is merged is judged at once', () => {
    setFilter();
    there.exec("INSERT INTO notes VALUES('a', 'shut', '1'), ('b', 'open', '2')");
    applyPayload(here, encodePayload(there));
    expect(single(here, 'SELECT group_concat(pk0) FROM notes_cloudsync WHERE outside IS NULL')).toBe('b');
  });

  test('a merge that takes a row out is passed on, as an edit is', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    const third = database();
    applyPayload(third, encodePayload(here));
    send();
    there.exec("UPDATE notes SET state = 'shut'");
    applyPayload(here, encodePayload(there));
    applyPayload(third, encodePayload(here, cursor));
    expect(rows(third)).toBe('a:shut:1');
    third.close();
  });

  test('with a key only, the filter looks at the key', () => {
    const other = openDatabase();
    for (const db of [here, other])
      db.exec('CREATE TABLE tags(note, tag, PRIMARY KEY(note, tag)) WITHOUT ROWID');
    initTable(here, 'tags');
    initTable(other, 'tags');
    call(here, "cloudsync_set_filter('tags', 'tag <> ''private''')");
    here.exec("INSERT INTO tags VALUES('a', 'private'), ('a', 'blue')");
    applyPayload(other, encodePayload(here));
    expect(single(other, 'SELECT group_concat(tag) FROM tags')).toBe('blue');
    other.close();
  });
});

test('cloudsync_changes and what is encoded from it hold what packets hold', () => {
  setFilter();
  here.exec(
    "INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2'), ('c', 'open', '3'), ('d', 'shut', '4')",
  );
  send();
  here.exec("UPDATE notes SET state = 'shut' WHERE id = 'a'; DELETE FROM notes WHERE id = 'd'");
  arrivalNumber(here);
  here.exec("UPDATE notes SET body = 'secret' WHERE id = 'a'");
  const changes = (since: bigint) =>
    here
      .prepare(
        'SELECT col_name, col_value FROM cloudsync_changes WHERE db_version > ? ORDER BY seq, col_name',
      )
      .raw()
      .all(since);
  expect(changes(0n)).toEqual([
    ['body', '3'],
    ['state', 'open'],
    [null, null],
  ]);
  expect(changes(cursor)).toEqual([
    ['state', 'shut'],
    [null, null],
  ]);
  const packet = single(
    here,
    `SELECT cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)
      FROM cloudsync_changes WHERE db_version > ?`,
    cursor,
  );
  applyPayload(there, packet as Buffer);
  expect(rows(there)).toBe('a:shut:1 c:open:3');
});

describe('setting, changing and clearing', () => {
  test('versions never go backwards, and rows that match now and did not before are announced', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2'), ('c', 'shut', '3')");
    expect(send()).toBe('a:open:1');
    const before = arrivalNumber(here);
    setFilter("state = 'shut' AND id = 'b'");
    expect(arrivalNumber(here)).toBeGreaterThan(before);
    expect(send()).toBe('a:open:1 b:shut:2');
    here.exec("UPDATE notes SET body = 'x'");
    expect(send()).toBe('a:open:1 b:shut:x');
  });

  test('clearing announces what was outside, and everything is equal', () => {
    here.exec("INSERT INTO notes VALUES('z', 'open', '0'), ('y', 'shut', '0')");
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    send();
    here.exec("UPDATE notes SET state = 'shut' WHERE id = 'a'");
    here.exec("UPDATE notes SET body = 'late'");
    send();
    here.exec("DELETE FROM notes WHERE id = 'y'");
    expect(clearFilter()).toBe(1n);
    send();
    expect(dumpTable(there, 'notes')).toEqual(dumpTable(here, 'notes'));
    expect(dumpMetadata(there)).toEqual(dumpMetadata(here));
    here.exec("INSERT INTO notes VALUES('c', 'shut', '3')");
    expect(send()).toContain('c:shut:3');
  });

  test('a filter can come back after it was cleared, and nothing is left of the first', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'shut', '1')");
    clearFilter();
    here.exec("INSERT INTO notes VALUES('b', 'shut', '2'), ('c', 'open', '3')");
    setFilter();
    expect(send()).toBe('c:open:3');
    expect(clearFilter()).toBe(1n);
    expect(clearFilter()).toBe(1n);
    expect(send()).toBe('a:shut:1 b:shut:2 c:open:3');
  });

  test('the same filter again changes nothing', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    const before = arrivalNumber(here);
    setFilter();
    expect(arrivalNumber(here)).toBe(before);
  });

  test('it is stored in the database and goes with cloudsync_cleanup', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    const copy = openDatabase({ source: here.serialize() });
    applyPayload(there, encodePayload(copy));
    expect(rows(there)).toBe('a:open:1');
    copy.close();
    call(here, "cloudsync_cleanup('notes')");
    initTable(here, 'notes');
    const fresh = database();
    applyPayload(fresh, encodePayload(here));
    expect(rows(fresh)).toBe('a:open:1 b:shut:2');
    fresh.close();
  });

  test('it outlives a logout, as other settings do, and judges what comes then', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2')");
    send();
    call(here, 'cloudsync_network_logout(1)');
    expect(rows(here)).toBe('');
    here.exec("INSERT INTO notes VALUES('a', 'shut', 'x'), ('c', 'open', '3')");
    const fresh = database();
    applyPayload(fresh, encodePayload(here));
    expect(rows(fresh)).toBe('c:open:3');
    fresh.close();
  });

  test('a rollback of the application takes it back', () => {
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'shut', '2'); BEGIN");
    setFilter();
    here.exec('ROLLBACK');
    expect(send()).toBe('a:open:1 b:shut:2');
  });

  test('writes while the table was disabled obey it afterwards', () => {
    setFilter();
    here.exec("INSERT INTO notes VALUES('a', 'open', '1'), ('b', 'open', '1'), ('c', 'shut', '1')");
    send();
    call(here, "cloudsync_disable('notes')");
    here.exec("UPDATE notes SET state = 'shut' WHERE id = 'b'");
    send();
    here.exec("UPDATE notes SET body = 'secret'");
    send();
    here.exec("UPDATE notes SET state = 'open' WHERE id = 'c'");
    call(here, "cloudsync_enable('notes')");
    expect(send()).toBe('a:open:secret b:shut:1 c:open:secret');
  });
});

describe('a filter that cannot be evaluated any more', () => {
  test('a value that it cannot take: nothing of the table is sent, the error names it, merges go on', () => {
    setFilter("json_extract(body, '$.open') = 1");
    here.exec(`INSERT INTO notes VALUES('a', '', '{"open":1}')`);
    send();
    here.exec("INSERT INTO notes VALUES('b', '', 'no json')");
    expect(() => encodePayload(here, cursor)).toThrow(
      /the filter of table 'notes' cannot be evaluated: malformed JSON/,
    );
    there.exec("INSERT INTO notes VALUES('c', '', '{}')");
    applyPayload(here, encodePayload(there));
    expect(single(here, 'SELECT count(*) FROM notes')).toBe(3n);
    here.exec(`UPDATE notes SET body = '{"open":1}' WHERE id = 'b'`);
    expect(send()).toContain('b::');
  });

  test('a column that is gone: the filter can be changed or cleared', () => {
    here.exec('ALTER TABLE notes ADD COLUMN size AS (length(body))');
    setFilter('size > 0');
    here.exec("INSERT INTO notes VALUES('a', 'open', '1')");
    send();
    here.exec('ALTER TABLE notes DROP COLUMN size');
    here.exec("INSERT INTO notes VALUES('b', 'open', '1'), ('c', 'shut', '1')");
    expect(() => encodePayload(here, cursor)).toThrow(
      /cannot be evaluated: no such column: size.*cloudsync_clear_filter/,
    );
    setFilter();
    send();
    expect(single(there, 'SELECT group_concat(id) FROM notes')).toBe('a,b');
  });
});

test('two filtered devices and one without: after both are cleared all are equal', () => {
  const third = database();
  setFilter();
  call(there, "cloudsync_set_filter('notes', 'id < ''m''')");
  for (const [i, db] of [here, there, third].entries()) {
    db.exec(
      `INSERT INTO notes VALUES('a${i}', 'open', '${i}'), ('z${i}', 'shut', '${i}'), ('x', 'shut', 'x${i}')`,
    );
  }
  exchangeAll([here, there, third]);
  clearFilter();
  call(there, "cloudsync_clear_filter('notes')");
  exchangeAll([here, there, third]);
  expect(dumpMetadata(there)).toEqual(dumpMetadata(here));
  expect(dumpMetadata(third)).toEqual(dumpMetadata(here));
  expect(rows(here)).toMatch(/^a0:open:0 a1:open:1 a2:open:2 x:shut:x[012] z0:shut:0 z1:shut:1 z2:shut:2$/);
  third.close();
});
