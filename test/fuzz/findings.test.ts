/**
 * findings.test.ts: what the fuzzers have found, each reduced to the few lines that show it.
 */
import { describe, expect, test } from 'vitest';
import { encodePacket } from '../packet/encode.js';
import { row, SITES, stamp } from '../packet/samples.js';
import { text } from '../packet/value.js';
import {
  applyPayload,
  type Connection,
  encodePayload,
  heldChanges,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE)';

function device(schema: string, ...tables: string[]): Connection {
  const db = openDatabase();
  db.exec(schema);
  for (const table of tables) initTable(db, table);
  return db;
}

/** Writes are dated in milliseconds: what is written after this call is later than what was before. */
function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() <= now + 1);
}

describe('fuzz-apply', () => {
  test('a deletion stamp with clock 0 in a row that has to be held says nothing', () => {
    const revived = row([text('r')], stamp(5000), { value: text('v') });
    revived.deleted.set('value', stamp(0));
    const table = {
      name: 'far',
      algorithm: 'aws' as const,
      keyColumns: ['id'],
      columns: ['value'],
      rows: [revived],
    };
    const db = device(NOTES, 'notes');
    expect(applyPayload(db, encodePacket({ site: SITES[0], since: 0n, upto: 1n, tables: [table] }))).toBe(1n);
    expect(heldChanges(db).map(({ tbl }) => tbl)).toEqual(['far']);
    db.exec('CREATE TABLE far(id TEXT PRIMARY KEY NOT NULL, value)');
    initTable(db, 'far', 'aws');
    expect(single(db, 'SELECT value FROM far')).toBe('v');
  });

  test('several held rows return, and a trigger writes to a table that the merge has not looked at', () => {
    const schema = `${NOTES}; CREATE TABLE pairs(p TEXT NOT NULL, q TEXT NOT NULL, PRIMARY KEY(p, q))`;
    const [first, second] = [device(schema, 'notes', 'pairs'), device(schema, 'notes', 'pairs')];
    const titles = Array.from({ length: 6 }, (_, i) => `title ${i}`);
    for (const title of titles) first.prepare('INSERT INTO notes VALUES(?, ?)').run(`first ${title}`, title);
    encodePayload(first);
    nextMillisecond();
    for (const title of titles)
      second.prepare('INSERT INTO notes VALUES(?, ?)').run(`second ${title}`, title);
    applyPayload(first, encodePayload(second));
    expect(heldChanges(first).length).toBe(titles.length);
    first.exec(
      `CREATE TRIGGER echo AFTER INSERT ON notes BEGIN INSERT OR IGNORE INTO pairs VALUES(new.id, 'echo'); END`,
    );
    first.exec("UPDATE notes SET title = NULL WHERE id GLOB 'first*'");
    encodePayload(first);
    expect(heldChanges(first).map(({ reason }) => reason)).toEqual([]);
    expect(single(first, "SELECT count(*) FROM notes WHERE id GLOB 'second*'")).toBe(BigInt(titles.length));
    // Showing a row is no edit: what the trigger did to tracked rows is undone.
    expect(single(first, 'SELECT count(*) FROM pairs')).toBe(0n);
  });
});

describe('fuzz-database', () => {
  test('a number of a column beyond 31 bits in the clocks of a row is an error', () => {
    const db = device(NOTES, 'notes');
    db.exec("INSERT INTO notes VALUES('a', 'b')");
    encodePayload(db);
    db.unsafeMode(true);
    for (const cols of ['000180808080080101000000', '00000180808080080101', '0001ffffffff0f01010000']) {
      db.exec(`UPDATE notes_cloudsync SET cols = x'${cols}'`);
      expect(attempt(db)).not.toMatch(/internal error/);
    }
  });

  test('a held packet that is none is an error', () => {
    const other = device('CREATE TABLE far(id TEXT PRIMARY KEY NOT NULL, v)', 'far');
    other.exec("INSERT INTO far VALUES('x', 1)");
    const db = device(NOTES, 'notes');
    applyPayload(db, encodePayload(other));
    db.exec('CREATE TABLE far(id TEXT PRIMARY KEY NOT NULL, v)');
    for (const content of [
      "x''",
      "x'00'",
      'zeroblob(24)',
      "x'435350010000000000ffffff00ffffff' || zeroblob(8)",
    ]) {
      db.exec(`UPDATE cloudsync_held SET content = CAST(${content} AS BLOB)`);
      expect(() => initTable(db, 'far')).toThrow(
        /^cloudsync: (this is not a cloudsync packet|the packet is damaged)/,
      );
    }
  });
});

describe('fuzz-sql', () => {
  test('a logout ends on a connection whose writes return their counts', () => {
    const db = device(NOTES, 'notes');
    db.exec(
      "CREATE TRIGGER noted AFTER INSERT ON notes BEGIN SELECT 1; END; INSERT INTO notes VALUES('a', 'b')",
    );
    db.pragma('count_changes = ON');
    expect(single(db, 'SELECT cloudsync_network_logout(1)')).toBe(1n);
    expect(single(db, 'SELECT count(*) FROM notes')).toBe(0n);
  });
});

/** The message of the error, or what is returned. */
function attempt(db: Connection): string {
  try {
    return String(encodePayload(db).length);
  } catch (error) {
    return (error as Error).message;
  }
}
