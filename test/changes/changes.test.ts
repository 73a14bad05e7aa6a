/**
 * changes.test.ts: the table cloudsync_changes shows what packets carry, its constraints narrow nothing
 * away, and packets of picked rows are what they say. Histories are random over tables of every algorithm
 * and two replicas.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { decodePayload } from '../packet/decode.js';
import {
  applyPayload,
  arrivalNumber,
  dumpMetadata,
  dumpTable,
  encodePayload,
  initTable,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';
import { closeAll, NAMES, open, replica, run, steps } from './history.js';
import { changeLines, ENCODE, packetLines, readChanges } from './rows.js';

afterEach(closeAll);

test('the rows are the changes that packets carry, also after any version', () => {
  fc.assert(
    fc.property(steps, fc.nat(30), (history, after) => {
      const [db] = run(history);
      const since = BigInt(after);
      expect(changeLines(readChanges(db))).toEqual(packetLines(decodePayload(encodePayload(db))));
      const newer = packetLines(decodePayload(encodePayload(db, since)));
      expect(changeLines(readChanges(db, 'WHERE db_version > ?', since))).toEqual(newer);
      expect(changeLines(readChanges(db, 'WHERE db_version >= ?', since + 1n))).toEqual(newer);
      closeAll();
    }),
    propertyOptions('rows are the changes of packets', 25),
  );
});

test('constraints find what a look at every row finds', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(...NAMES, 'nothing', 'TODOS'), fc.nat(20), (history, table, after) => {
      const [db, other] = run(history);
      const all = readChanges(db);
      const version = BigInt(after);
      const sites = [db, other].map((one) =>
        Buffer.from(String(single(one, 'SELECT cloudsync_siteid()')), 'hex'),
      );
      for (const site of [...sites, Buffer.alloc(16, 9), Buffer.from('no site')]) {
        const wanted = all.filter(
          (row) => row.tbl === table && row.db_version >= version && row.site_id.equals(site),
        );
        const where = 'WHERE tbl = ? AND db_version >= ? AND site_id = ?';
        expect(changeLines(readChanges(db, where, table, version, site))).toEqual(changeLines(wanted));
      }
      const equal = all.filter((row) => row.db_version === version);
      expect(changeLines(readChanges(db, 'WHERE db_version = ?', version))).toEqual(changeLines(equal));
      const folded = all.filter((row) => row.tbl === table.toLowerCase());
      expect(changeLines(readChanges(db, 'WHERE tbl = ? COLLATE NOCASE', table))).toEqual(
        changeLines(folded),
      );
      const padded = all.filter((row) => row.tbl === table);
      expect(changeLines(readChanges(db, 'WHERE tbl = ? COLLATE RTRIM', `${table} `))).toEqual(
        changeLines(padded),
      );
      closeAll();
    }),
    propertyOptions('constraints of cloudsync_changes', 20),
  );
});

test('a packet of all rows makes an equal replica; halves in any order too', () => {
  fc.assert(
    fc.property(steps, fc.nat(20), (history, cut) => {
      const [db] = run(history);
      const target = replica();
      const half = `SELECT ${ENCODE} FROM cloudsync_changes WHERE db_version`;
      applyPayload(target, single(db, `${half} > ?`, BigInt(cut)) as Buffer);
      applyPayload(target, single(db, `${half} <= ?`, BigInt(cut)) as Buffer);
      const whole = replica();
      applyPayload(whole, single(db, `SELECT ${ENCODE} FROM cloudsync_changes`) as Buffer);
      for (const one of [target, whole]) {
        for (const name of NAMES) expect(dumpTable(one, name)).toEqual(dumpTable(db, name));
        expect(dumpMetadata(one)).toEqual(dumpMetadata(db));
      }
      closeAll();
    }),
    propertyOptions('packets of picked changes', 25),
  );
});

describe('the rows', () => {
  test('numbers, deletions, key-only rows; ORDER BY db_version', () => {
    const db = replica();
    db.exec("INSERT INTO todos VALUES('a', 1, NULL), ('b', 'two', x'')");
    expect(readChanges(db)).toHaveLength(4);
    db.exec("UPDATE todos SET note = 9 WHERE id = 'a'; DELETE FROM todos WHERE id = 'b'");
    db.exec("INSERT INTO links VALUES('x', 5)");
    const rows = readChanges(db, 'ORDER BY db_version');
    const shown = rows.map((row) => [row.tbl, row.col_name, row.value, row.db_version, row.cl]);
    expect(shown).toEqual([
      ['todos', 'title', 1n, 1n, 1n],
      ['todos', 'note', 9n, 3n, 1n],
      ['todos', null, null, 4n, 2n],
      ['links', null, null, 5n, 1n],
    ]);
    expect(rows.map((row) => row.seq)).toEqual(rows.map((row) => row.db_version));
    expect(rows.map((row) => row.pk.toString('hex'))).toEqual(['a161', 'a161', 'a162', '05a178']);
    expect(new Set(rows.map((row) => row.site_id.toString('hex')))).toEqual(
      new Set([single(db, 'SELECT cloudsync_siteid()')]),
    );
  });

  test('several pages: every row once', () => {
    const db = replica();
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO todos SELECT 'k' || i, i, hex(randomblob(20)) FROM n`);
    const rows = readChanges(db);
    expect(rows).toHaveLength(10000);
    expect(new Set(rows.map((row) => `${row.pk.toString('hex')} ${row.col_name}`)).size).toBe(10000);
    const payload = single(db, `SELECT ${ENCODE} FROM cloudsync_changes`) as Buffer;
    expect(decodePayload(payload).length).toBeGreaterThan(1);
    const target = replica();
    applyPayload(target, payload);
    expect(dumpTable(target, 'todos')).toEqual(dumpTable(db, 'todos'));
  });

  test('what stays on this device is not shown', () => {
    const db = replica();
    db.exec("INSERT INTO todos VALUES('a', 1, 2); INSERT INTO docs VALUES('a', 1, 2)");
    db.exec("SELECT cloudsync_set_column('todos', 'note', 'send', 'off')");
    db.exec("SELECT cloudsync_set_table('docs', 'send', 'off')");
    expect(readChanges(db).map((row) => `${row.tbl}.${row.col_name}`)).toEqual(['todos.title']);
  });

  test('deletions and revived rows of a table of algorithm aws travel with what the deletions have seen', () => {
    const [db, other, target] = [replica(), replica(), replica()];
    db.exec("INSERT INTO docs VALUES('dead', 1, 2), ('revived', 3, 4)");
    exchangeAll([db, other]);
    applyPayload(target, encodePayload(db));
    db.exec('DELETE FROM docs');
    other.exec("UPDATE docs SET note = 5 WHERE id = 'revived'");
    exchangeAll([db, other]);
    applyPayload(target, single(db, `SELECT ${ENCODE} FROM cloudsync_changes`) as Buffer);
    expect(target.prepare('SELECT id FROM docs').raw().all()).toEqual([['revived']]);
    expect(dumpTable(target, 'docs')).toEqual(dumpTable(db, 'docs'));
    expect(dumpMetadata(target)).toEqual(dumpMetadata(db));
  });

  test('a packet has exactly the columns that were picked', () => {
    const [db, target] = [replica(), replica()];
    db.exec("INSERT INTO todos VALUES('a', 1, 2), ('b', 3, 4)");
    const payload = single(db, `SELECT ${ENCODE} FROM cloudsync_changes WHERE col_name = 'note'`) as Buffer;
    const [packet] = decodePayload(payload);
    expect([packet?.since, packet?.upto]).toEqual([0n, 0n]);
    applyPayload(target, payload);
    expect(target.prepare('SELECT * FROM todos ORDER BY id').raw().all()).toEqual([
      ['a', null, 2n],
      ['b', null, 4n],
    ]);
    expect(single(db, `SELECT ${ENCODE} FROM cloudsync_changes WHERE tbl = 'none'`)).toHaveLength(0);
  });
});

describe('while it is read', () => {
  test('two scans, and other calls between their rows, do not disturb each other', () => {
    const db = replica();
    for (let i = 0; i < 40; i++) db.exec(`INSERT INTO todos VALUES('k${i}', zeroblob(5000), ${i})`);
    const expected = changeLines(readChanges(db));
    const sql = 'SELECT tbl, col_name, db_version FROM cloudsync_changes';
    const [first, second] = [db.prepare(sql).iterate(), db.prepare(sql).iterate()];
    let count = 0;
    for (const row of first) {
      expect(second.next().value).toEqual(row);
      single(db, 'SELECT cloudsync_status()');
      count++;
    }
    expect(second.next().done).toBe(true);
    expect(count).toBe(expected.length);
  });

  test('a scan sees a state and ends, and its successor finds what was written meanwhile', () => {
    const db = open();
    db.unsafeMode(true);
    db.exec('CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title, note)');
    initTable(db, 'todos');
    for (let i = 0; i < 40; i++) db.exec(`INSERT INTO todos VALUES('k${i}', zeroblob(5000), ${i})`);
    const insert = db.prepare('INSERT INTO todos VALUES(?, 1, 1)');
    let count = 0;
    for (const _row of db.prepare('SELECT * FROM cloudsync_changes').iterate()) insert.run(`n${count++}`);
    expect(count).toBe(80);
    expect(readChanges(db, 'WHERE db_version > 40')).toHaveLength(160);
  });

  test('inside a transaction, and inside a statement that writes', () => {
    const db = replica();
    db.exec("BEGIN; INSERT INTO todos VALUES('a', 1, 2)");
    expect(readChanges(db)).toHaveLength(2);
    db.exec('ROLLBACK');
    expect(readChanges(db)).toHaveLength(0);
    db.exec("CREATE TABLE copies(tbl, version); INSERT INTO todos VALUES('a', 1, 2)");
    const copy = () => db.exec('INSERT INTO copies SELECT tbl, db_version FROM cloudsync_changes');
    expect(copy).toThrow(/run SELECT cloudsync_db_version\(\) before it/);
    arrivalNumber(db);
    copy();
    expect(single(db, 'SELECT count(*) FROM copies')).toBe(2n);
    expect(readChanges(db)).toHaveLength(2);
  });

  test('an error in the query is the error that is reported, and everything works afterwards', () => {
    const db = replica();
    db.exec("INSERT INTO todos VALUES('a', 1, 2), ('b', 3, 4)");
    const wrong = ENCODE.replace(
      'seq)',
      "abs(CASE WHEN col_name = 'note' THEN -9223372036854775808 ELSE 1 END))",
    );
    expect(() => single(db, `SELECT ${wrong} FROM cloudsync_changes`)).toThrow('integer overflow');
    expect(readChanges(db)).toHaveLength(4);
  });
});
