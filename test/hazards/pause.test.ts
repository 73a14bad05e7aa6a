/**
 * pause.test.ts: a table that is disabled takes no part in synchronisation, and nothing of it is lost to readers whose
 * cursor moves on meanwhile.
 */
import { afterEach, expect, it } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

const opened: Connection[] = [];

function replica(): Connection {
  const db = openDatabase();
  opened.push(db);
  db.exec(
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b); CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL)',
  );
  initTable(db, 't');
  initTable(db, 'other');
  return db;
}

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

const rows = (db: Connection) => db.prepare('SELECT * FROM t ORDER BY id').raw().all();

it('what was written before the pause is sent during it, what was written after it waits for the end', () => {
  const [from, to] = [replica(), replica()];
  from.exec("INSERT INTO t VALUES ('before', 1, 1)");
  single(from, "SELECT cloudsync_disable('t')");
  from.exec("INSERT INTO t VALUES ('during', 2, 2); INSERT INTO other VALUES ('x')");
  applyPayload(to, encodePayload(from, 0n));
  expect(rows(to)).toEqual([['before', 1n, 1n]]);
  const cursor = arrivalNumber(from);
  single(from, "SELECT cloudsync_enable('t')");
  applyPayload(to, encodePayload(from, cursor));
  expect(rows(to)).toEqual(rows(from));
});

it('a row that is changed before and during the pause reaches a reader of deltas whole', () => {
  const [from, to] = [replica(), replica()];
  from.exec("INSERT INTO t VALUES ('r', 1, 1)");
  applyPayload(to, encodePayload(from, 0n));
  let cursor = arrivalNumber(from);
  from.exec('UPDATE t SET a = 2');
  single(from, "SELECT cloudsync_disable('t')");
  from.exec('UPDATE t SET b = 2');
  applyPayload(to, encodePayload(from, cursor));
  cursor = arrivalNumber(from);
  single(from, "SELECT cloudsync_enable('t')");
  applyPayload(to, encodePayload(from, cursor));
  expect(rows(to)).toEqual([['r', 2n, 2n]]);
});
