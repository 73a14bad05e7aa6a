/**
 * clock-ahead.test.ts: a device whose clock was years ahead while its user wrote. The server refuses such stamps; the
 * device stamps what it has not sent anew and goes on, and nobody's later edit is outvoted.
 */
import { expect, test } from 'vitest';
import { expectEqual } from './compare.js';
import { Device } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();
const YEAR_DAYS = 365;

const TABLES = [
  ['notes', 'cls'],
  ['added', 'aws'],
  ['tags', 'cls'],
] as const;

const SCHEMA = `
  CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b UNIQUE);
  CREATE TABLE added(id TEXT PRIMARY KEY NOT NULL, a, b);
  CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL)`;

function device(name: string, database: string): Device {
  const made = new Device(workspace.path(name)).run(SCHEMA).connect(workspace.server, database);
  for (const [table, algorithm] of TABLES) made.value('SELECT cloudsync_init(?, ?)', table, algorithm);
  return made;
}

/** Writes as an application does, on a device whose clock is that many days ahead. */
function writeAhead(target: Device, days: number, sql: string): void {
  target.run(sql);
  for (const [table] of TABLES) target.run(`UPDATE ${table}_cloudsync_log SET at = at + ${days}`);
}

function settle(...devices: Device[]): void {
  for (let round = 0; round < 6; round++) {
    const reports = devices.map((one) => one.sync());
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the devices keep changing each other');
}

function clocksOf(target: Device): bigint {
  const clocks = TABLES.map(([table]) => `SELECT max(clock) AS clock FROM ${table}_cloudsync`);
  return BigInt(target.value(`SELECT max(clock) FROM (${clocks.join(' UNION ALL ')})`) as number);
}

test('what was written years ahead is stamped anew and reaches everybody, in its order', () => {
  const [ahead, other] = [device('ahead', 'clocks'), device('other', 'clocks')];
  other.run(
    "INSERT INTO notes VALUES('n1', 'first', 'one'), ('n2', 'first', 'two'), ('n3', 'first', 'three')",
  );
  other.run("INSERT INTO added VALUES('a1', 'first', 0), ('a2', 'first', 0); INSERT INTO tags VALUES('t1')");
  settle(other, ahead);
  writeAhead(
    ahead,
    YEAR_DAYS,
    "UPDATE notes SET a = 'second' WHERE id = 'n1'; DELETE FROM notes WHERE id = 'n2'",
  );
  writeAhead(ahead, 2 * YEAR_DAYS, "INSERT INTO notes VALUES('n4', 'new', 'four')");
  ahead.run("UPDATE notes SET a = 'third' WHERE id = 'n1'");
  writeAhead(ahead, 0, "UPDATE added SET a = 'second' WHERE id = 'a1'; DELETE FROM added WHERE id = 'a2'");
  ahead.run("DELETE FROM tags WHERE id = 't1'; INSERT INTO tags VALUES('t2')");
  const report = ahead.sync();
  expect(report.sent.batches).toBeGreaterThan(0);
  expect(report.refused).toBe(0);
  settle(other, ahead);
  expect(ahead.rows('SELECT id, a FROM notes ORDER BY id')).toEqual(['n1|third', 'n3|first', 'n4|new']);
  expect(ahead.rows('SELECT id, a FROM added')).toEqual(['a1|second']);
  expect(ahead.rows('SELECT id FROM tags')).toEqual(['t2']);
  const now = BigInt(Date.now()) * 1000n;
  for (const one of [ahead, other]) expect(clocksOf(one)).toBeLessThan(now + 60_000_000n);

  other.run("UPDATE notes SET a = 'later' WHERE id IN ('n1', 'n4')");
  settle(other, ahead);
  expect(ahead.rows('SELECT id, a FROM notes ORDER BY id')).toEqual(['n1|later', 'n3|first', 'n4|later']);
  for (const one of [ahead, other]) one.close();
  const files = [ahead.file, other.file, workspace.serverFile('clocks')];
  expectEqual(
    files,
    TABLES.map(([table]) => table),
  );
});

test('a wrong clock that stays wrong does no harm either', () => {
  const [ahead, other] = [device('stays', 'stays'), device('watches', 'stays')];
  for (let round = 1; round <= 3; round++) {
    writeAhead(ahead, round * YEAR_DAYS, `INSERT OR REPLACE INTO notes VALUES('n', ${round}, 'one')`);
    settle(ahead, other);
    expect(other.rows('SELECT a FROM notes')).toEqual([String(round)]);
    other.run(`UPDATE notes SET a = 'reply ${round}'`);
    settle(other, ahead);
    expect(ahead.rows('SELECT a FROM notes')).toEqual([`reply ${round}`]);
  }
  for (const one of [ahead, other]) one.close();
});

test('stamps that the server has taken stay, and what is written afterwards is newer than they are', () => {
  const [ahead, other] = [device('hour', 'taken'), device('sees', 'taken')];
  const HOUR = 1 / 24;
  writeAhead(ahead, HOUR, "INSERT INTO notes VALUES('n', 'an hour ahead', 'one')");
  settle(ahead, other);
  writeAhead(ahead, YEAR_DAYS, "UPDATE notes SET b = 'two'");
  settle(ahead, other);
  ahead.run("UPDATE notes SET a = 'the clock is right'");
  settle(ahead, other);
  for (const one of [ahead, other]) {
    expect(one.rows('SELECT * FROM notes')).toEqual(['n|the clock is right|two']);
    one.close();
  }
});
