/**
 * writing.test.ts: what a restricted principal may write, row by row: the problems of writing under policies, each as a
 * test of its own.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { Replica, SERVICE, Server, user } from './replica.ts';

const SCHEMA = `
CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, owner TEXT, text TEXT, code TEXT UNIQUE)
CREATE TABLE members(id TEXT PRIMARY KEY NOT NULL, project TEXT, person TEXT, role TEXT)
CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, project TEXT, title TEXT)`;

const IS_MEMBER = 'project IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid())';
const POLICIES = `
CREATE POLICY notes_own ON notes FOR SELECT USING (owner = auth_userid());
CREATE POLICY notes_new ON notes FOR INSERT WITH CHECK (NEW.owner = auth_userid());
CREATE POLICY notes_change ON notes FOR UPDATE
  USING (OLD.owner = auth_userid()) WITH CHECK (NEW.text IS NULL OR NEW.text <> 'forbidden');
CREATE POLICY notes_remove ON notes FOR DELETE USING (OLD.owner = auth_userid() AND OLD.text <> 'keep');
CREATE POLICY members_see ON members FOR SELECT USING (person = auth_userid());
CREATE POLICY members_join ON members FOR INSERT WITH CHECK (NEW.person = auth_userid() AND NEW.role = 'guest');
CREATE POLICY members_leave ON members FOR DELETE USING (OLD.person = auth_userid());
CREATE POLICY tasks_all ON tasks FOR ALL USING (${IS_MEMBER});`;

let server: Server;

function start(): { ann: Replica; bob: Replica } {
  server = new Server(SCHEMA);
  server.deploy(POLICIES);
  return { ann: new Replica(server, user('ann')), bob: new Replica(server, user('bob')) };
}

function onServer(table: string): unknown[] {
  return server.database.sqlite.prepare(`SELECT * FROM ${table} ORDER BY id`).raw().all();
}

function codes(device: Replica): string[] {
  return device.verdicts.map(({ table, key, code }) => `${table} ${key[0]} ${code}`);
}

afterEach(() => server.close());

describe('a push of a restricted principal', () => {
  test('denies a row and takes the others of the packet', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'mine', NULL), ('2', 'bob', 'not mine', NULL)");
    ann.sync();
    expect(codes(ann)).toEqual(['notes 2 denied']);
    expect(onServer('notes')).toEqual([['1', 'ann', 'mine', null]]);
    expect(ann.rows('notes')).toEqual(onServer('notes'));
  });

  test('gives back what was denied as the server has it, although the device wrote later', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'fine', NULL)");
    ann.sync();
    ann.sql("UPDATE notes SET text = 'forbidden' WHERE id = '1'");
    ann.push();
    expect(codes(ann)).toEqual(['notes 1 denied']);
    expect(ann.rows('notes')).toEqual([['1', 'ann', 'fine', null]]);
    ann.sql("UPDATE notes SET text = 'later' WHERE id = '1'");
    ann.sync();
    expect(onServer('notes')).toEqual([['1', 'ann', 'later', null]]);
  });

  test('denies a row whole, also where only one of its columns is not allowed', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'fine', NULL)");
    ann.sync();
    ann.sql("UPDATE notes SET text = 'forbidden', code = 'x' WHERE id = '1'");
    ann.sync();
    expect(onServer('notes')).toEqual([['1', 'ann', 'fine', null]]);
    const clocks = 'SELECT count(DISTINCT col_version) FROM cloudsync_changes';
    expect(server.database.sqlite.prepare(clocks).pluck().get()).toBe(1);
  });

  test('judges what would be there after the merge, not what loses against newer changes', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'fine', NULL)");
    ann.sync();
    ann.sql("UPDATE notes SET text = 'forbidden' WHERE id = '1'");
    // The second one is newer even where all of it happens within the same millisecond.
    server.sql("UPDATE notes SET text = 'newer' WHERE id = '1'");
    server.sql("UPDATE notes SET text = 'newest' WHERE id = '1'");
    ann.sync();
    expect(codes(ann)).toEqual([]);
    expect(ann.rows('notes')).toEqual([['1', 'ann', 'newest', null]]);
  });

  test('brings a deletion back that was denied', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'keep', NULL), ('2', 'ann', 'drop', NULL)");
    ann.sync();
    ann.sql('DELETE FROM notes');
    ann.sync();
    expect(codes(ann)).toEqual(['notes 1 denied']);
    expect(ann.rows('notes')).toEqual([['1', 'ann', 'keep', null]]);
    expect(onServer('notes')).toEqual(ann.rows('notes'));
  });

  test('classifies by its own state: an insert over a row of somebody else is an update of it', () => {
    const { ann, bob } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'hers', NULL)");
    ann.sync();
    bob.sql("INSERT INTO notes VALUES ('1', 'bob', 'his', NULL)");
    bob.sync();
    expect(codes(bob)).toEqual(['notes 1 denied']);
    expect(bob.rows('notes')).toEqual([]);
    ann.sync();
    expect(ann.rows('notes')).toEqual([['1', 'ann', 'hers', null]]);
  });

  test('answers the same for a row that is invisible and for one that may not be made', () => {
    const { ann, bob } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'hers', NULL)");
    ann.sync();
    bob.sql("INSERT INTO notes VALUES ('1', 'cyd', 'x', NULL), ('2', 'cyd', 'x', NULL)");
    bob.sync();
    const [first, second] = bob.verdicts;
    expect([first?.code, first?.detail]).toEqual([second?.code, second?.detail]);
    expect(codes(bob)).toEqual(['notes 1 denied', 'notes 2 denied']);
  });

  test('answers the same also when the packet has no effect on the invisible row', () => {
    const { ann, bob } = start();
    bob.sql("INSERT INTO notes VALUES ('1', 'cyd', 'older', NULL)");
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'newer', NULL)");
    ann.sync();
    bob.sync();
    expect(codes(bob)).toEqual(['notes 1 denied']);
    expect(bob.rows('notes')).toEqual([]);
  });

  test('is judged by OLD and by NEW: a row that moves to another owner is gone for the one who gave it', () => {
    const { ann, bob } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'a gift', NULL)");
    ann.sync();
    ann.sql("UPDATE notes SET owner = 'bob'");
    ann.sync();
    bob.sync();
    expect(codes(ann)).toEqual(['notes 1 gone']);
    expect(ann.rows('notes')).toEqual([]);
    expect(bob.rows('notes')).toEqual([['1', 'bob', 'a gift', null]]);
  });

  test('is judged at receipt: an edit made while it was allowed is denied after the revocation', () => {
    const { ann } = start();
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann', 'guest')");
    ann.sync();
    ann.sql("INSERT INTO tasks VALUES ('1', 'p', 'in time')");
    server.sql("DELETE FROM members WHERE id = 'm'");
    ann.sync();
    expect(codes(ann)).toEqual(['tasks 1 denied']);
    expect(ann.rows('tasks')).toEqual([]);
  });

  test('takes a row that an other row of the packet allows, in whatever order they were written', () => {
    const { ann } = start();
    ann.sql("INSERT INTO tasks VALUES ('1', 'p', 'before the membership')");
    ann.sql("INSERT INTO members VALUES ('m', 'p', 'ann', 'guest')");
    ann.sync();
    expect(codes(ann)).toEqual([]);
    expect(onServer('tasks')).toEqual([['1', 'p', 'before the membership']]);
  });

  test('grants nothing by a membership that is denied', () => {
    const { ann } = start();
    ann.sql("INSERT INTO members VALUES ('m', 'p', 'ann', 'chief')");
    ann.sql("INSERT INTO tasks VALUES ('1', 'p', 'without one')");
    ann.sync();
    expect(codes(ann).sort()).toEqual(['members m denied', 'tasks 1 denied']);
  });

  test('leaves a membership and writes by it in one packet', () => {
    const { ann } = start();
    ann.sql("INSERT INTO members VALUES ('m', 'p', 'ann', 'guest')");
    ann.sync();
    ann.sql("INSERT INTO tasks VALUES ('1', 'p', 'a last one')");
    ann.sql("DELETE FROM members WHERE id = 'm'");
    ann.sync();
    expect(codes(ann)).toEqual(['tasks 1 gone']);
    expect(ann.rows('tasks')).toEqual([]);
    expect(onServer('tasks')).toEqual([['1', 'p', 'a last one']]);
  });

  test('counts a denied batch as processed, and repeats its answer', () => {
    const { ann } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'bob', 'x', NULL)");
    ann.push(true);
    ann.push();
    expect(codes(ann)).toEqual(['notes 1 denied']);
    expect(ann.hasUnsent()).toBe(false);
  });
});

describe('a constraint of the server', () => {
  test('denies the row that would drive another one out of its table', () => {
    const { ann, bob } = start();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'older', 'x')");
    bob.sql("INSERT INTO notes VALUES ('2', 'bob', 'newer', 'x'), ('3', 'bob', 'other', 'y')");
    bob.sync();
    ann.sync();
    expect([...codes(ann), ...codes(bob)]).toEqual(['notes 1 constraint']);
    expect(onServer('notes')).toEqual([
      ['2', 'bob', 'newer', 'x'],
      ['3', 'bob', 'other', 'y'],
    ]);
  });

  test('denies the row that it keeps out', () => {
    const { ann, bob } = start();
    bob.sql("INSERT INTO notes VALUES ('2', 'bob', 'older', 'x')");
    bob.sync();
    ann.sql("INSERT INTO notes VALUES ('1', 'ann', 'newer', 'x'), ('4', 'ann', 'fine', 'z')");
    ann.sync();
    expect(codes(ann)).toEqual(['notes 1 constraint']);
    expect(ann.rows('notes')).toEqual([['4', 'ann', 'fine', 'z']]);
    expect(server.database.sqlite.prepare('SELECT count(*) FROM cloudsync_held').pluck().get()).toBe(0);
  });
});

describe('bounds', () => {
  test('a row with changes under the name of another device is denied', () => {
    const { ann, bob } = start();
    bob.sql("INSERT INTO notes VALUES ('1', 'ann', 'written by bob', NULL)");
    const all = bob.sqlite.prepare('SELECT cloudsync_payload_encode(0)').pluck().get() as Buffer;
    expect(ann.pushPacket(all).map(({ code }) => code)).toEqual(['denied']);
    expect(onServer('notes')).toEqual([]);
  });

  test('a table that the server does not have yet takes nothing that could come in later unjudged', () => {
    const { ann } = start();
    ann.createTable('CREATE TABLE later(id TEXT PRIMARY KEY NOT NULL, x TEXT)');
    ann.sql("INSERT INTO later VALUES ('1', 'x')");
    ann.push();
    expect(codes(ann)).toEqual(['later 1 denied']);
    expect(server.database.sqlite.prepare('SELECT count(*) FROM cloudsync_held').pluck().get()).toBe(0);
  });
});

describe('other principals', () => {
  test('a service key is not judged, and gets the short answer', () => {
    start();
    const service = new Replica(server, SERVICE);
    service.sql("INSERT INTO notes VALUES ('1', 'zoe', 'x', NULL)");
    service.sync();
    expect(service.verdicts).toEqual([]);
    expect(service.lastAnswerLength).toBe(2);
    expect(onServer('notes')).toEqual([['1', 'zoe', 'x', null]]);
  });

  test('an anonymous key is judged as nobody', () => {
    start();
    const nobody = new Replica(server, { subject: 'key', role: 'anon', databases: '*' });
    server.sql("INSERT INTO notes VALUES ('1', NULL, 'x', NULL)");
    nobody.sql("INSERT INTO notes VALUES ('2', NULL, 'x', NULL)");
    nobody.sync();
    expect(codes(nobody)).toEqual(['notes 2 denied']);
    expect(nobody.rows('notes')).toEqual([]);
  });

  test('without policies nobody is restricted', () => {
    server = new Server(SCHEMA);
    const ann = new Replica(server, user('ann'));
    server.sql("INSERT INTO notes VALUES ('1', 'bob', 'x', NULL)");
    ann.sql("INSERT INTO notes VALUES ('2', 'cyd', 'x', NULL)");
    ann.sync();
    expect(ann.rows('notes')).toHaveLength(2);
    expect(onServer('notes')).toHaveLength(2);
  });
});
