/**
 * Held rows that wait for one certain parent are not tried again after every change, but when something happens to that
 * parent: every way in which a parent can become visible, however its key is written, wakes them.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { applyPayload, arrivalNumber, type Connection, encodePayload, single } from '../support/database.js';
import { at, closeAll, devices, type Schema, singleRows } from './devices.js';

afterEach(closeAll);

function family(parentType: string, childType: string, more = ''): Schema {
  return {
    sql: `CREATE TABLE parent(id ${parentType} PRIMARY KEY NOT NULL, name TEXT${more});
          CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL, parent ${childType} REFERENCES parent(id))`,
    tables: { parent: 1, child: 1 },
  };
}

const waiting = (db: Connection) =>
  Number(single(db, 'SELECT count(*) FROM cloudsync_held WHERE parent_id IS NOT NULL'));
const held = (db: Connection) => Number(single(db, 'SELECT count(*) FROM cloudsync_held'));

/** A device that has the children and not the parent; and the packet of the parent. */
function orphans(schema: Schema, key: string, reference = key): { b: Connection; parent: Buffer } {
  const [a, b] = devices(2, schema) as [Connection, Connection];
  at(a, 1, `INSERT INTO parent(id, name) VALUES(${key}, 'x')`);
  const parent = encodePayload(a);
  const since = arrivalNumber(a);
  at(a, 2, `INSERT INTO child VALUES('c1', ${reference}), ('c2', ${reference})`);
  applyPayload(b, encodePayload(a, since));
  expect(held(b)).toBe(2);
  return { b, parent };
}

const TEXT_FAMILY = family('TEXT', 'TEXT');

test('other changes leave them alone, the parent brings them back', () => {
  const { b, parent } = orphans(TEXT_FAMILY, "'p'");
  expect(waiting(b)).toBe(2);
  // Were they looked at again, they would wait for their parent again.
  b.exec("UPDATE cloudsync_held SET reason = 'not looked at'");
  at(b, 3, "INSERT INTO parent VALUES('other', 'x')");
  single(b, 'SELECT cloudsync_db_version()');
  const reasons = () => b.prepare('SELECT DISTINCT reason FROM cloudsync_held').pluck().all();
  expect(reasons()).toEqual(['not looked at']);
  applyPayload(b, parent);
  expect(held(b)).toBe(0);
  expect(single(b, 'SELECT count(*) FROM child')).toBe(2n);
});

test('a parent that is inserted here brings them back', () => {
  const { b } = orphans(TEXT_FAMILY, "'p'");
  at(b, 3, "INSERT INTO parent VALUES('p', 'mine')");
  single(b, 'SELECT cloudsync_db_version()');
  expect(held(b)).toBe(0);
});

describe('keys that are written differently on the two sides', () => {
  test.each([
    ['NUMERIC', 'TEXT', '7', "'7'"],
    ['TEXT', 'INTEGER', "'7'", '7'],
    ['REAL', 'INTEGER', '7.0', '7'],
    ['NUMERIC', 'REAL', '7', '7.0'],
    ['BLOB', 'BLOB', "x'07'", "x'07'"],
    ['NUMERIC', 'TEXT', '7', "'7.0'"],
  ])('%s, referred to as %s', (parentType, childType, key, reference) => {
    const { b, parent } = orphans(family(parentType, childType), key, reference);
    applyPayload(b, parent);
    expect(held(b)).toBe(0);
    expect(single(b, 'SELECT count(*) FROM child')).toBe(2n);
  });
});

test('a parent that its own table refuses first', () => {
  const { b, parent } = orphans(TEXT_FAMILY, "'p'");
  b.exec(
    "CREATE TRIGGER no BEFORE INSERT ON parent WHEN NEW.name = 'x' BEGIN SELECT RAISE(ABORT, 'no x'); END",
  );
  applyPayload(b, parent);
  expect(held(b)).toBe(3);
  const id = single(b, "SELECT id FROM cloudsync_held WHERE tbl = 'parent'");
  single(b, 'SELECT cloudsync_resolve(?, ?, ?)', id, 'name', 'y');
  expect(held(b)).toBe(0);
  expect(single(b, 'SELECT count(*) FROM child')).toBe(2n);
});

test('a parent inserted while its table is paused', () => {
  const { b } = orphans(TEXT_FAMILY, "'p'");
  single(b, "SELECT cloudsync_disable('parent')");
  at(b, 3, "INSERT INTO parent VALUES('p', 'mine')");
  at(b, 4, "INSERT INTO child VALUES('c3', 'p')");
  single(b, 'SELECT cloudsync_db_version()');
  expect(held(b)).toBe(0);
});

test('a parent whose table is not synchronised any more', () => {
  const { b } = orphans(TEXT_FAMILY, "'p'");
  single(b, "SELECT cloudsync_cleanup('parent')");
  expect(waiting(b)).toBe(0);
  at(b, 3, "INSERT INTO parent VALUES('p', 'mine'); INSERT INTO child VALUES('c3', 'p')");
  single(b, 'SELECT cloudsync_db_version()');
  expect(held(b)).toBe(0);
});

test('generations that arrive the youngest first', () => {
  const schema: Schema = {
    sql: `CREATE TABLE one(id TEXT PRIMARY KEY NOT NULL);
          CREATE TABLE two(id TEXT PRIMARY KEY NOT NULL, one TEXT REFERENCES one(id));
          CREATE TABLE three(id TEXT PRIMARY KEY NOT NULL, two TEXT REFERENCES two(id))`,
    tables: { one: 1, two: 1, three: 1 },
  };
  const [a, b] = devices(2, schema) as [Connection, Connection];
  at(
    a,
    1,
    "INSERT INTO one VALUES('a'); INSERT INTO two VALUES('b', 'a'); INSERT INTO three VALUES('c', 'b')",
  );
  const [grandparent, parent, child] = singleRows(a) as [Buffer, Buffer, Buffer];
  for (const packet of [child, parent]) applyPayload(b, packet);
  expect(waiting(b)).toBe(2);
  applyPayload(b, grandparent);
  expect(held(b)).toBe(0);
  expect(single(b, 'SELECT count(*) FROM three')).toBe(1n);
});
