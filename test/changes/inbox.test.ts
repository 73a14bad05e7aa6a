/**
 * inbox.test.ts: when the rows inserted into cloudsync_changes are merged: with the next call, by whichever connection,
 * within the transaction that inserted them; and what constraints do to them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { extensionFile } from '../native/programs.js';
import {
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  heldChanges,
  initTable,
  single,
  snapshot,
} from '../support/database.js';
import { closeAll, expectEqual, NAMES, open, replica } from './history.js';
import { type ChangeRow, inboxSize, insertChanges, offerChanges, readChanges } from './rows.js';
import { rowWith } from './wrong_rows.js';

afterEach(closeAll);

/** Another process: inserts the rows of one file into another one, each in a transaction of its own. */
const INSERTER = `const [file, rows, extension] = process.argv.slice(1);
  const db = require('better-sqlite3')(file, { timeout: 30000 });
  db.loadExtension(extension);
  const source = require('better-sqlite3')(rows);
  const insert = db.prepare('INSERT INTO cloudsync_changes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const row of source.prepare('SELECT * FROM rows').safeIntegers().raw().all()) insert.run(row);`;

describe('when it is merged', () => {
  let db: Connection;
  let target: Connection;
  let rows: ChangeRow[];

  beforeEach(() => {
    [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2)");
    rows = readChanges(db);
  });

  const insertOnly = () => offerChanges(target, rows);
  const titles = () => target.prepare('SELECT title FROM todos').pluck().all();

  test.each([
    ['cloudsync_db_version', 'SELECT cloudsync_db_version()'],
    ['cloudsync_status', 'SELECT cloudsync_status()'],
    ['a query of the table', 'SELECT * FROM cloudsync_changes'],
    ['cloudsync_payload_encode', 'SELECT cloudsync_payload_encode()'],
    ['cloudsync_payload_apply', "SELECT cloudsync_payload_apply(x'')"],
    ['cloudsync_disable', "SELECT cloudsync_disable('tickets')"],
    ['cloudsync_network_has_unsent_changes', 'SELECT cloudsync_network_has_unsent_changes()'],
  ])('with the next call: %s', (_name, sql) => {
    insertOnly();
    expect(titles()).toEqual([]);
    expect(inboxSize(target)).toBe(2n);
    target.prepare(sql).all();
    expect(titles()).toEqual([1n]);
    expect(inboxSize(target)).toBe(0n);
  });

  test('within the transaction; a rollback takes the rows back, merged or not', () => {
    const before = snapshot(target, NAMES);
    for (const merged of [false, true]) {
      target.exec('BEGIN');
      insertOnly();
      if (merged) arrivalNumber(target);
      expect(titles()).toEqual(merged ? [1n] : []);
      target.exec('ROLLBACK');
      expect(inboxSize(target)).toBe(0n);
      expect(snapshot(target, NAMES)).toBe(before);
    }
  });

  test('a statement that fails inserts nothing, a savepoint takes back what came after it', () => {
    target.exec(
      'CREATE TABLE source(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)',
    );
    const add = target.prepare('INSERT INTO source VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)');
    for (const cl of [1n, 1n, 0n]) add.run(...rowWith(rows[0]?.site_id as Buffer, { 7: cl }));
    for (const begin of ['', 'BEGIN']) {
      if (begin) target.exec(begin);
      expect(() => target.exec('INSERT INTO cloudsync_changes SELECT * FROM source')).toThrow(
        /cl of a change/,
      );
      expect(inboxSize(target)).toBe(0n);
    }
    target.exec('SAVEPOINT inner; INSERT INTO cloudsync_changes SELECT * FROM source WHERE cl = 1');
    expect(inboxSize(target)).toBe(2n);
    target.exec('ROLLBACK TO inner; COMMIT');
    expect(inboxSize(target)).toBe(0n);
  });

  test('by another connection, and after the file was closed', () => {
    insertOnly();
    const other = open({ source: target.serialize() });
    expect(inboxSize(other)).toBe(2n);
    arrivalNumber(other);
    expect(other.prepare('SELECT title FROM todos').pluck().all()).toEqual([1n]);
    expect(dumpMetadata(other)).toEqual(dumpMetadata(db));
  });

  test('while another process inserts: every change once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloudsync-inbox-'));
    const file = join(folder, 'app.db');
    try {
      target.exec(`VACUUM INTO '${file.replaceAll("'", "''")}'`);
      const shared = open({ source: file });
      db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
        INSERT INTO todos SELECT 'k' || i, i, i FROM n`);
      const packets = join(folder, 'rows.db');
      db.exec(`ATTACH '${packets.replaceAll("'", "''")}' AS out; SELECT cloudsync_db_version()`);
      db.exec('CREATE TABLE out.rows AS SELECT * FROM cloudsync_changes; DETACH out');
      const child = spawn(process.execPath, ['-e', INSERTER, file, packets, extensionFile]);
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
      });
      let ended = false;
      const end = once(child, 'close').finally(() => {
        ended = true;
      });
      while (!ended) {
        arrivalNumber(shared);
        await new Promise(setImmediate);
      }
      const [code] = await end;
      expect([code, errors]).toEqual([0, '']);
      arrivalNumber(shared);
      expectEqual(shared, db);
      expect(inboxSize(shared)).toBe(0n);
      closeAll();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('not by a statement that writes, which says what to do', () => {
    insertOnly();
    target.exec('CREATE TABLE copies(tbl)');
    const copy = () => target.exec('INSERT INTO copies SELECT tbl FROM cloudsync_changes');
    expect(copy).toThrow(/inserted or schema changes .* run SELECT cloudsync_db_version\(\) before it/);
    arrivalNumber(target);
    copy();
    expect(single(target, 'SELECT count(*) FROM copies')).toBe(2n);
  });

  test('not by a connection that may only read', () => {
    insertOnly();
    target.pragma('query_only = ON');
    expect(() => insertOnly()).toThrow(/readonly/);
    target.pragma('query_only = OFF');
    arrivalNumber(target);
    expect(titles()).toEqual([1n]);
  });

  test('cleanup and logout leave nothing in the inbox', () => {
    insertOnly();
    single(target, "SELECT cloudsync_cleanup('todos')");
    expect([inboxSize(target), titles()]).toEqual([0n, [1n]]);
    initTable(target, 'todos');
    insertOnly();
    expect(() => single(target, 'SELECT cloudsync_network_logout()')).toThrow(/have not been sent/);
    single(target, 'SELECT cloudsync_network_logout(1)');
    expect([inboxSize(target), titles(), heldChanges(target)]).toEqual([0n, [], []]);
  });

  test('rows of the same database, read and inserted by one statement', () => {
    arrivalNumber(db);
    const before = snapshot(db, NAMES);
    db.exec('INSERT INTO cloudsync_changes SELECT * FROM cloudsync_changes');
    expect(inboxSize(db)).toBe(2n);
    expect(snapshot(db, NAMES)).toBe(before);
  });
});

describe('with constraints', () => {
  function shop(): Connection {
    const db = open({ foreignKeys: true });
    db.exec(`CREATE TABLE orders(id TEXT PRIMARY KEY NOT NULL, number INTEGER NOT NULL UNIQUE);
      CREATE TABLE lines(id TEXT PRIMARY KEY NOT NULL, amount INTEGER NOT NULL CHECK(amount > 0),
        orders TEXT NOT NULL REFERENCES orders ON DELETE CASCADE)`);
    initTable(db, 'orders');
    initTable(db, 'lines');
    return db;
  }

  test('children come before their parents, columns of a row one by one, in transactions of the application', () => {
    const [db, target] = [shop(), shop()];
    db.exec("INSERT INTO orders VALUES('o', 1); INSERT INTO lines VALUES('l', 5, 'o'), ('m', 6, 'o')");
    const rows = readChanges(db).reverse();
    expect(rows[0]?.tbl).toBe('lines');
    for (const row of rows) insertChanges(target, [row]);
    for (const name of ['orders', 'lines']) expect(dumpTable(target, name)).toEqual(dumpTable(db, name));
    expect(heldChanges(target)).toEqual([]);
    db.exec("DELETE FROM orders WHERE id = 'o'");
    target.exec('BEGIN');
    insertChanges(target, readChanges(db));
    target.exec('COMMIT');
    expect(dumpTable(target, 'lines')).toEqual([]);
    expect(dumpMetadata(target)).toEqual(dumpMetadata(db));
  });

  test('a row without its parent is held, and shown when the parent comes', () => {
    const [db, target] = [shop(), shop()];
    db.exec("INSERT INTO orders VALUES('o', 1); INSERT INTO lines VALUES('l', 5, 'o')");
    const rows = readChanges(db);
    const of = (name: string) => rows.filter((row) => row.tbl === name);
    insertChanges(target, of('lines'));
    expect(heldChanges(target).map(({ tbl }) => tbl)).toEqual(['lines']);
    expect(dumpTable(target, 'lines')).toEqual([]);
    insertChanges(target, of('orders'));
    expect(heldChanges(target)).toEqual([]);
    expect(dumpTable(target, 'lines')).toEqual(dumpTable(db, 'lines'));
  });
});
