/**
 * affinity.test.ts: devices whose columns have other types. A value that the column converts is stored as the column
 * wants it, under the stamp of its write, and the same packet once more says nothing new.
 */
import { describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

function tableOf(type: string) {
  const db = openDatabase();
  db.exec(`CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a ${type})`);
  initTable(db, 't');
  return db;
}

const CONVERTED: [string, string, string, string][] = [
  ['', "'22'", 'INTEGER', 'integer'],
  ['', "'22.5'", 'REAL', 'real'],
  ['', "'1e2'", 'NUMERIC', 'integer'],
  ['', '22', 'TEXT', 'text'],
  ['', '22.5', 'TEXT COLLATE NOCASE', 'text'],
  ['', '22', 'REAL', 'real'],
  ['REAL', '22', 'INTEGER', 'integer'],
];

describe('a packet that comes again', () => {
  test.each(CONVERTED)('from %s: %s, into %s', (from, value, to, stored) => {
    const [a, b] = [tableOf(from), tableOf(to)];
    a.exec(`INSERT INTO t VALUES('k', ${value})`);
    const packet = encodePayload(a);
    applyPayload(b, packet);
    expect(single(b, 'SELECT typeof(a) FROM t')).toBe(stored);
    const arrived = arrivalNumber(b);
    applyPayload(b, packet);
    expect(arrivalNumber(b)).toBe(arrived);
    // Back at its author the converted value is no news either, or is the larger one and stays for good.
    applyPayload(a, encodePayload(b));
    const returned = arrivalNumber(a);
    applyPayload(a, encodePayload(b));
    expect(arrivalNumber(a)).toBe(returned);
    for (const db of [a, b]) db.close();
  });

  test('a value that only differs in case is another one, whatever the collation', () => {
    const [a, b] = [tableOf('TEXT COLLATE NOCASE'), tableOf('TEXT COLLATE NOCASE')];
    a.exec("INSERT INTO t VALUES('k', 'x')");
    applyPayload(b, encodePayload(a));
    a.exec("UPDATE t SET a = 'X'");
    applyPayload(b, encodePayload(a));
    expect(single(b, 'SELECT a FROM t')).toBe('X');
    for (const db of [a, b]) db.close();
  });
});
