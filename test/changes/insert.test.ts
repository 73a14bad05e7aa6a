/**
 * insert.test.ts: INSERT into cloudsync_changes merges a change. What rows of one database do to another one is what
 * packets of the same changes do, in data and metadata; what cannot be merged is refused at once or held, and never
 * stops anything; an INSERT lives and dies with its transaction.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { extensionFile } from '../native/programs.js';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  single,
  snapshot,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { type ChangeRow, insertChanges, readChanges } from './rows.js';
import { rowWith, WRONG } from './wrong_rows.js';

const TABLES = {
  todos: 'cls',
  tickets: 'dws',
  docs: 'aws',
  marks: 'aws',
  events: 'gos',
  links: 'cls',
} as const;
const NAMES = Object.keys(TABLES) as Array<keyof typeof TABLES>;
const KEY_ONLY = ['links', 'marks'];
const VALUES = ['NULL', '7', '-0.5', "'seven'", "CAST(x'ff00' AS TEXT)", "x'0007'"];

const opened: Connection[] = [];

function open(options: Parameters<typeof openDatabase>[0] = {}): Connection {
  const db = openDatabase(options);
  opened.push(db);
  return db;
}

function replica(): Connection {
  const db = open();
  for (const name of NAMES) {
    if (KEY_ONLY.includes(name))
      db.exec(`CREATE TABLE ${name}(a TEXT NOT NULL, b INTEGER NOT NULL, PRIMARY KEY(b, a))`);
    else db.exec(`CREATE TABLE ${name}(id TEXT PRIMARY KEY NOT NULL, title, note)`);
    initTable(db, name, TABLES[name]);
  }
  return db;
}

/** A copy with the same site, for the same merge in two ways. */
function copyOf(db: Connection): Connection {
  arrivalNumber(db);
  return open({ source: db.serialize() });
}

function closeAll(): void {
  for (const db of opened.splice(0)) db.close();
}

afterEach(closeAll);

const INSERT = 'INSERT INTO cloudsync_changes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)';
const inboxSize = (db: Connection) => single(db, 'SELECT count(*) FROM cloudsync_inbox');

/** Another process: inserts the rows of one file into another one, each in a transaction of its own. */
const INSERTER = `const [file, rows, extension] = process.argv.slice(1);
  const db = require('better-sqlite3')(file, { timeout: 30000 });
  db.loadExtension(extension);
  const source = require('better-sqlite3')(rows);
  const insert = db.prepare('INSERT INTO cloudsync_changes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const row of source.prepare('SELECT * FROM rows').safeIntegers().raw().all()) insert.run(row);`;

/** Rows about one data row stay together; the others are shuffled. */
function shuffleRows(rows: readonly ChangeRow[], order: readonly number[]): ChangeRow[] {
  const groups = new Map<string, ChangeRow[]>();
  for (const row of rows) {
    const key = `${row.tbl} ${row.pk.toString('hex')}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const ranked = [...groups.values()].map((group, i) => ({ group, rank: order[i % order.length] ?? 0 }));
  return ranked.sort((a, b) => a.rank - b.rank).flatMap(({ group }) => group);
}

interface Step {
  at: number;
  table: keyof typeof TABLES;
  key: number;
  write: 'insert' | 'title' | 'note' | 'delete' | 'exchange';
  value: string;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    at: fc.nat(1),
    table: fc.constantFrom(...NAMES),
    key: fc.nat(2),
    write: fc.constantFrom('insert', 'insert', 'title', 'note', 'delete', 'exchange'),
    value: fc.constantFrom(...VALUES),
  }),
  { minLength: 1, maxLength: 50 },
);

function sqlOf({ table, key, write, value }: Step): string {
  if (KEY_ONLY.includes(table)) {
    if (write === 'delete') return `DELETE FROM ${table} WHERE a = 'k${key}'`;
    return `INSERT OR IGNORE INTO ${table} VALUES('k${key}', ${key})`;
  }
  if (write === 'insert') return `INSERT OR IGNORE INTO ${table} VALUES('k${key}', ${value}, ${value})`;
  if (write === 'delete') return `DELETE FROM ${table} WHERE id = 'k${key}'`;
  return `UPDATE ${table} SET ${write} = ${value} WHERE id = 'k${key}'`;
}

/** Two replicas with a history; what a grow-only or delete-wins table refuses is no write. */
function run(history: readonly Step[]): [Connection, Connection] {
  const pair: [Connection, Connection] = [replica(), replica()];
  for (const step of history) {
    if (step.write === 'exchange') {
      exchangeAll(pair);
      continue;
    }
    try {
      pair[step.at === 0 ? 0 : 1].exec(sqlOf(step));
    } catch (error) {
      expect((error as Error).message).toMatch(/grow-only|deleted|cannot/i);
    }
  }
  return pair;
}

function expectEqual(db: Connection, other: Connection): void {
  for (const name of NAMES) expect(dumpTable(db, name)).toEqual(dumpTable(other, name));
  expect(dumpMetadata(db)).toEqual(dumpMetadata(other));
  expect(heldChanges(db)).toEqual(heldChanges(other));
}

describe('rows do what packets of the same changes do', () => {
  test('in an empty database and in one with a history of its own, in any order', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (history, order) => {
        const [db, other] = run(history);
        const payload = encodePayload(db);
        const rows = readChanges(db);
        for (const target of [replica(), other]) {
          const [expected, inserted, shuffled] = [copyOf(target), copyOf(target), copyOf(target)];
          applyPayload(expected, payload);
          insertChanges(inserted, rows);
          insertChanges(shuffled, shuffleRows(rows, order));
          for (const one of [inserted, shuffled]) {
            expect(inboxSize(one)).toBe(0n);
            expectEqual(one, expected);
          }
        }
        closeAll();
      }),
      propertyOptions('inserted rows are packets', 25),
    );
  });

  test('also one at a time', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (history, order) => {
        // A dead row of an aws table forgets what its columns said: its rows belong together.
        const [db, other] = run(history.filter(({ table }) => TABLES[table] !== 'aws'));
        const [expected, single] = [copyOf(other), copyOf(other)];
        applyPayload(expected, encodePayload(db));
        for (const row of shuffleRows(readChanges(db), order)) insertChanges(single, [row]);
        expectEqual(single, expected);
        closeAll();
      }),
      propertyOptions('one inserted row at a time', 12),
    );
  });

  test('two databases that exchange rows both ways become equal', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const pair = run(history);
        for (let round = 0; round < 3; round++) {
          insertChanges(pair[1], readChanges(pair[0]));
          insertChanges(pair[0], readChanges(pair[1]));
        }
        expectEqual(pair[0], pair[1]);
        closeAll();
      }),
      propertyOptions('rows both ways', 12),
    );
  });

  test('what is outvoted or known already changes nothing, not even the number of arrival', () => {
    const [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2); INSERT INTO docs VALUES('a', 1, 2); DELETE FROM docs");
    const rows = readChanges(db);
    insertChanges(target, rows);
    target.exec("UPDATE todos SET title = 'newer' WHERE id = 'a'");
    const before = snapshot(target, NAMES);
    insertChanges(target, rows);
    expect(snapshot(target, NAMES)).toBe(before);
  });

  test('more rows than are merged together', () => {
    const [db, target] = [replica(), replica()];
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 800)
      INSERT INTO todos SELECT 'k' || i, randomblob(3000), i FROM n`);
    insertChanges(target, readChanges(db));
    expectEqual(target, db);
  });

  test('merged changes go to the server too, also those that were held at first', () => {
    const [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2)");
    insertChanges(target, readChanges(db));
    const everything = "SELECT value FROM cloudsync_settings WHERE key = 'network.everything'";
    expect(single(target, everything)).toBe(arrivalNumber(target));
  });
});

describe('when it is merged', () => {
  let db: Connection;
  let target: Connection;
  let rows: ChangeRow[];

  beforeEach(() => {
    [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2)");
    rows = readChanges(db);
  });

  const insertOnly = () => {
    const cells = (row: ChangeRow) => [
      row.tbl,
      row.pk,
      row.col_name,
      row.value,
      row.col_version,
      null,
      row.site_id,
    ];
    for (const row of rows) target.prepare(INSERT).run(...cells(row), row.cl, null);
  };
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
    insertChangesInside(target, readChanges(db));
    arrivalNumber(target);
    target.exec('COMMIT');
    expect(dumpTable(target, 'lines')).toEqual([]);
    expect(dumpMetadata(target)).toEqual(dumpMetadata(db));
  });

  function insertChangesInside(db: Connection, rows: readonly ChangeRow[]): void {
    for (const row of rows)
      db.prepare(INSERT).run(
        row.tbl,
        row.pk,
        row.col_name,
        row.value,
        row.col_version,
        1,
        row.site_id,
        row.cl,
        1,
      );
  }

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

describe('what cannot be merged', () => {
  let db: Connection;
  let site: Buffer;

  beforeEach(() => {
    db = open();
    db.exec(
      'CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title); CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL)',
    );
    site = Buffer.from(initTable(db, 'todos'), 'hex');
    initTable(db, 'tags');
  });

  const insert = (changed: Record<number, unknown> = {}) => db.prepare(INSERT).run(...rowWith(site, changed));

  test.each(WRONG)('is refused at once: %s', (_name, changed, message) => {
    const before = snapshot(db, ['todos', 'tags']);
    expect(() => insert(changed)).toThrow(message);
    expect(inboxSize(db)).toBe(0n);
    expect(snapshot(db, ['todos', 'tags'])).toBe(before);
    insert();
    expect(inboxSize(db)).toBe(1n);
  });

  test.each<[string, Record<number, unknown>, RegExp]>([
    ['a stamp far ahead', { 4: 2n ** 53n - 1n }, /more than a day ahead/],
    [
      'together too large',
      {
        1: Buffer.concat([Buffer.from('db01000000', 'hex'), Buffer.alloc(2 ** 24, 97)]),
        3: Buffer.alloc(2 ** 23),
      },
      /larger than a packet can carry/,
    ],
    ['too many key values', { 0: 'none', 1: Buffer.alloc(65, 1) }, /pk of a change/],
  ])('nor is %s', (_name, changed, message) => {
    expect(() => insert(changed)).toThrow(message);
    expect(inboxSize(db)).toBe(0n);
  });

  test('a database without tracked tables says what to do', () => {
    const empty = open();
    expect(() => empty.prepare(INSERT).run(...rowWith(site, {}))).toThrow(
      /call cloudsync_init\('table'\) first/,
    );
  });

  test('db_version and seq do not matter, nor does the order of columns in the statement', () => {
    insert({ 5: 'ignored', 8: Buffer.alloc(100) });
    db.prepare(`INSERT INTO cloudsync_changes(cl, tbl, pk, site_id, col_version, col_value, col_name)
      VALUES(1, 'todos', ?, ?, 11, 'second', 'title')`).run(Buffer.from('a162', 'hex'), site);
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([
      ['a', 5n],
      ['b', 'second'],
    ]);
  });

  test('a site that nobody has met is met', () => {
    insert({ 6: Buffer.alloc(16, 7) });
    expect(readChanges(db).map((row) => row.site_id)).toEqual([Buffer.alloc(16, 7)]);
  });

  test('a table that is not there yet: held, once, shown when it is there', () => {
    for (const version of [1n, 2n]) insert({ 0: 'later', 5: version });
    insert({ 0: 'later', 2: 'note', 3: 'x' });
    expect(arrivalNumber(db)).toBe(0n);
    const held = [
      {
        tbl: 'later',
        columns: 'title',
        reason: "table 'later' is not synchronised: call cloudsync_init('later') first",
      },
      {
        tbl: 'later',
        columns: 'note',
        reason: "table 'later' is not synchronised: call cloudsync_init('later') first",
      },
    ];
    expect(heldChanges(db)).toMatchObject(held);
    expect(inboxSize(db)).toBe(0n);
    db.exec('CREATE TABLE later(id TEXT PRIMARY KEY NOT NULL, title, note)');
    initTable(db, 'later', 'aws');
    expect(db.prepare('SELECT * FROM later').raw().all()).toEqual([['a', 5n, 'x']]);
    expect(heldChanges(db)).toEqual([]);
    const everything = "SELECT value FROM cloudsync_settings WHERE key = 'network.everything'";
    expect(single(db, everything)).toBe(arrivalNumber(db));
  });

  test('a column that is not there yet: held, shown when it is there', () => {
    insert();
    insert({ 2: 'note', 3: 'x' });
    insert({ 0: 'tags', 2: 'colour', 3: 'red' });
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' does not have yet: note",
      "table 'tags' does not have yet: colour",
    ]);
    db.exec('ALTER TABLE todos ADD COLUMN note; ALTER TABLE tags ADD COLUMN colour');
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n, 'x']]);
    expect(db.prepare('SELECT * FROM tags').raw().all()).toEqual([['a', 'red']]);
    expect(heldChanges(db)).toEqual([]);
  });

  test('a table that is being altered or paused: held until that is over', () => {
    db.exec('BEGIN');
    single(db, "SELECT cloudsync_begin_alter('todos')");
    insert();
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' is being altered on this device: call cloudsync_commit_alter first",
    ]);
    single(db, "SELECT cloudsync_commit_alter('todos')");
    db.exec('COMMIT');
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n]]);
    single(db, "SELECT cloudsync_disable('todos')");
    insert({ 1: Buffer.from('a162', 'hex') });
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual(["table 'todos' is disabled on this device"]);
    single(db, "SELECT cloudsync_enable('todos')");
    expect(db.prepare('SELECT id FROM todos').pluck().all()).toEqual(['a', 'b']);
    expect(heldChanges(db)).toEqual([]);
  });

  test('what the merge refuses is held with its reason and stops nothing else', () => {
    insert({ 7: 2n ** 40n - 1n });
    insert({ 1: Buffer.from('a162', 'hex') });
    arrivalNumber(db);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['b', 5n]]);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      'the packet has a causal length that no sequence of deletes and inserts can have reached',
    ]);
    expect(inboxSize(db)).toBe(0n);
    db.exec("INSERT INTO todos VALUES('c', 1)");
    expect(readChanges(db)).toHaveLength(2);
  });

  test('rows that fit no more when they are merged are held', () => {
    insert();
    insert({ 1: Buffer.from('a162', 'hex') });
    db.exec('ALTER TABLE todos RENAME COLUMN title TO caption');
    arrivalNumber(db);
    expect(heldChanges(db).map(({ reason }) => reason)).toEqual([
      "table 'todos' does not have yet: title",
      "table 'todos' does not have yet: title",
    ]);
  });

  test('a damaged inbox stops nothing', () => {
    db.exec("INSERT INTO cloudsync_inbox(change) VALUES(x''), (x'03'), (zeroblob(500))");
    insert();
    arrivalNumber(db);
    expect(inboxSize(db)).toBe(0n);
    expect(db.prepare('SELECT * FROM todos').raw().all()).toEqual([['a', 5n]]);
  });

  test.each([0, 1])('triggers and views of a file cannot insert, trusted_schema = %i', (trusted) => {
    db.pragma(`trusted_schema = ${trusted}`);
    db.exec('CREATE TABLE plain(a); CREATE VIEW shown AS SELECT 1 AS a');
    const into = "INSERT INTO cloudsync_changes(tbl, cl) VALUES('todos', 1)";
    db.exec(`CREATE TRIGGER reach AFTER INSERT ON plain BEGIN ${into}; END;
      CREATE TRIGGER instead INSTEAD OF INSERT ON shown BEGIN ${into}; END;
      CREATE TEMP TRIGGER temporary AFTER UPDATE ON plain BEGIN ${into}; END`);
    for (const sql of [
      'INSERT INTO plain VALUES(1)',
      'INSERT INTO shown VALUES(1)',
      'UPDATE plain SET a = 2',
    ])
      expect(() => db.exec(sql)).toThrow(/unsafe use of virtual table "cloudsync_changes"/);
    db.exec("CREATE TRIGGER direct AFTER DELETE ON plain BEGIN SELECT cloudsync_changes_insert(x''); END");
    expect(() => db.exec('DELETE FROM plain')).toThrow(/unsafe use of cloudsync_changes_insert/);
  });
});
