/**
 * application_triggers.test.ts: triggers of the application run during a merge, because indexes and derived tables have
 * to follow it, and still every replica shows the merged rows (DESIGN.md sections 5 and 11, invariant 9).
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  applyPayload,
  type Connection,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';

const opened: Connection[] = [];

function replica(
  schema: string,
  recursiveTriggers: boolean,
  tables: readonly string[] = ['notes'],
): Connection {
  const db = openDatabase({ recursiveTriggers });
  opened.push(db);
  db.exec('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, body TEXT, updated_at TEXT)');
  db.exec(schema);
  for (const table of tables) initTable(db, table);
  return db;
}

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

function rows(db: Connection, table = 'notes'): unknown[] {
  return db.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all();
}

const FULL_TEXT = `
  CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='rowid');
  CREATE TRIGGER fts_insert AFTER INSERT ON notes BEGIN
    INSERT INTO notes_fts(rowid, body) VALUES (NEW.rowid, NEW.body); END;
  CREATE TRIGGER fts_delete AFTER DELETE ON notes BEGIN
    INSERT INTO notes_fts(notes_fts, rowid, body) VALUES ('delete', OLD.rowid, OLD.body); END;
  CREATE TRIGGER fts_update AFTER UPDATE ON notes BEGIN
    INSERT INTO notes_fts(notes_fts, rowid, body) VALUES ('delete', OLD.rowid, OLD.body);
    INSERT INTO notes_fts(rowid, body) VALUES (NEW.rowid, NEW.body); END;`;

describe.each([false, true])('recursive_triggers %s', (recursive) => {
  it('a full-text index follows merged inserts, updates and deletes', () => {
    const [a, b] = [replica(FULL_TEXT, recursive), replica(FULL_TEXT, recursive)];
    a.exec("INSERT INTO notes VALUES ('1', 'apple pie', NULL), ('2', 'pear', NULL)");
    exchangeAll([a, b]);
    const found = (word: string) =>
      b
        .prepare('SELECT id FROM notes WHERE rowid IN (SELECT rowid FROM notes_fts WHERE notes_fts MATCH ?)')
        .pluck()
        .all(word);
    expect(found('apple')).toEqual(['1']);
    a.exec("UPDATE notes SET body = 'cherry pie' WHERE id = '1'; DELETE FROM notes WHERE id = '2'");
    exchangeAll([a, b]);
    expect([found('apple'), found('cherry'), found('pear')]).toEqual([[], ['1'], []]);
    b.exec("INSERT INTO notes_fts(notes_fts) VALUES ('integrity-check')");
    expect(single(b, 'SELECT count(*) FROM notes_cloudsync_log')).toBe(0n);
  });

  it('updated_at = now on the merged row is undone: equal rows, no endless exchange', () => {
    const stamp = (device: string) => `CREATE TRIGGER touch AFTER UPDATE OF body ON notes BEGIN
      UPDATE notes SET updated_at = '${device} ' || hex(randomblob(4)) WHERE id = NEW.id; END`;
    const [a, b] = [replica(stamp('a'), recursive), replica(stamp('b'), recursive)];
    a.exec("INSERT INTO notes VALUES ('1', 'one', NULL)");
    exchangeAll([a, b]);
    a.exec("UPDATE notes SET body = 'two'");
    exchangeAll([a, b]);
    expect(rows(b)).toEqual(rows(a));
    expect(single(b, 'SELECT updated_at FROM notes')).toMatch(/^a /);
    const resting = [a, b].map((db) => single(db, 'SELECT cloudsync_db_version()'));
    exchangeAll([a, b]);
    expect([a, b].map((db) => single(db, 'SELECT cloudsync_db_version()'))).toEqual(resting);
  });

  it('a trigger that deletes or re-keys the merged row does not win over the merge', () => {
    const hostile = `
      CREATE TRIGGER vanish AFTER INSERT ON notes WHEN NEW.body = 'vanish' BEGIN
        DELETE FROM notes WHERE id = NEW.id; END;
      CREATE TRIGGER rekey AFTER INSERT ON notes WHEN NEW.body = 'rekey' BEGIN
        UPDATE notes SET id = 'moved' WHERE id = NEW.id; END;`;
    const [a, b] = [replica('', recursive), replica(hostile, recursive)];
    a.exec("INSERT INTO notes VALUES ('1', 'vanish', NULL), ('2', 'rekey', NULL), ('3', 'plain', NULL)");
    applyPayload(b, encodePayload(a, 0n));
    expect(b.prepare("SELECT id, body FROM notes WHERE id < '9' ORDER BY id").raw().all()).toEqual([
      ['1', 'vanish'],
      ['2', 'rekey'],
      ['3', 'plain'],
    ]);
    exchangeAll([a, b]);
    expect(rows(b)).toEqual(rows(a));
  });

  it('rows that a trigger writes elsewhere count as local changes, and everything converges', () => {
    const audit = `CREATE TABLE audit(id TEXT PRIMARY KEY NOT NULL, what TEXT);
      CREATE TRIGGER audit_insert AFTER INSERT ON notes BEGIN
        INSERT OR IGNORE INTO audit VALUES (NEW.id || ' inserted', NEW.body); END;`;
    const tables = ['notes', 'audit'];
    const replicas = [1, 2, 3].map(() => replica(audit, recursive, tables));
    for (const [i, db] of replicas.entries()) db.exec(`INSERT INTO notes VALUES ('${i}', 'from ${i}', NULL)`);
    exchangeAll(replicas);
    for (const db of replicas) {
      expect(rows(db)).toEqual(rows(replicas[0] as Connection));
      expect(rows(db, 'audit')).toEqual(rows(replicas[0] as Connection, 'audit'));
      expect(single(db, 'SELECT count(*) FROM audit')).toBe(3n);
    }
  });

  it('cloudsync_is_sync() tells a trigger that a merge is running', () => {
    const guarded = `CREATE TABLE local_log(what TEXT);
      CREATE TRIGGER remember AFTER INSERT ON notes WHEN NOT cloudsync_is_sync('notes') BEGIN
        INSERT INTO local_log VALUES (NEW.id || cloudsync_is_sync()); END;`;
    const [a, b] = [replica(guarded, recursive), replica(guarded, recursive)];
    a.exec("INSERT INTO notes VALUES ('mine', 'x', NULL)");
    b.exec("INSERT INTO notes VALUES ('theirs', 'x', NULL)");
    exchangeAll([a, b]);
    expect(a.prepare('SELECT what FROM local_log').pluck().all()).toEqual(['mine0']);
    expect(b.prepare('SELECT what FROM local_log').pluck().all()).toEqual(['theirs0']);
  });
});
