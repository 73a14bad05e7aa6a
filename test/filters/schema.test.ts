/**
 * Filters, and columns that are not sent, on tables that change: renames, cloudsync_begin_alter, rebuilds,
 * another key, pauses. What was outside before stays outside, and the other way round.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';

const CREATE = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT)';

let here: Connection;
let cursor: bigint;

beforeEach(() => {
  here = openDatabase();
  here.exec(CREATE);
  initTable(here, 'notes');
  cursor = 0n;
});

afterEach(() => {
  here.close();
});

const call = (sql: string, ...values: unknown[]) => single(here, `SELECT ${sql}`, ...values);
const setFilter = (expression: string, table = 'notes') =>
  call('cloudsync_set_filter(?, ?)', table, expression);
interface Status {
  tables: { name: string; filter?: string; filter_error?: string }[];
}
const statusOf = (table = 'notes') =>
  (JSON.parse(String(call('cloudsync_status()'))) as Status).tables.find(({ name }) => name === table);
const filterOf = (table = 'notes') => statusOf(table)?.filter;

/** What is sent to somebody with a table like ours, after `since`: rows by their key. */
function sent(since: bigint, table = 'notes', create = CREATE): unknown[][] {
  const there = openDatabase();
  there.exec(create);
  initTable(there, table);
  applyPayload(there, encodePayload(here, since));
  const rows = there.prepare(`SELECT * FROM "${table}" ORDER BY 1`).raw().all();
  there.close();
  return rows as unknown[][];
}

/** Fills the table: `a` is inside, `b` outside, `c` went outside before its body was changed. */
function fill(): void {
  setFilter("state = 'open'");
  here.exec("INSERT INTO notes VALUES('a', 'open', 'a1'), ('b', 'shut', 'secret'), ('c', 'open', 'c1')");
  arrivalNumber(here);
  cursor = arrivalNumber(here);
  here.exec("UPDATE notes SET state = 'shut' WHERE id = 'c'");
  arrivalNumber(here);
  here.exec("UPDATE notes SET body = 'secret' WHERE id = 'c'");
  arrivalNumber(here);
}

describe('a filter follows names', () => {
  test.each([
    ['state', "state = 'open'", `"phase" = 'open'`],
    ['state', 'STATE=\'open\' OR "state" = [state]', `"phase"='open' OR "phase" = "phase"`],
    ['state', "notes.state = 'state' AND `state` <> body", `notes."phase" = 'state' AND "phase" <> body`],
    ['state', "main.notes.state LIKE '%state%' ESCAPE '!'", `main.notes."phase" LIKE '%state%' ESCAPE '!'`],
    ['body', 'CAST(state AS body) = CAST(body AS TEXT)', `CAST(state AS body) = CAST("phase" AS TEXT)`],
    ['id', "id || state = 'b' COLLATE NOCASE", `"phase" || state = 'b' COLLATE NOCASE`],
    ['id', "max(id, 'x') > lower(id)", `max("phase", 'x') > lower("phase")`],
  ])('%s in %s', (column, expression, expected) => {
    setFilter(expression);
    here.exec(`ALTER TABLE notes RENAME COLUMN ${column} TO phase`);
    expect(filterOf()).toBe(expected);
    expect(() => encodePayload(here)).not.toThrow();
  });

  test('a column called x beside a blob literal', () => {
    here.exec('ALTER TABLE notes ADD COLUMN x BLOB');
    setFilter("x = x'00' OR X = 1");
    here.exec('ALTER TABLE notes RENAME COLUMN x TO y');
    expect(filterOf()).toBe(`"y" = x'00' OR "y" = 1`);
  });

  test('names that are exchanged', () => {
    setFilter("state = 'open' AND body <> ''");
    here.exec(`ALTER TABLE notes RENAME COLUMN state TO other; ALTER TABLE notes RENAME COLUMN body TO state;
      ALTER TABLE notes RENAME COLUMN other TO body`);
    expect(filterOf()).toBe(`"body" = 'open' AND "state" <> ''`);
  });

  test('the name of the table', () => {
    fill();
    setFilter("notes.state = 'open' AND main.notes.id <> 'notes.'");
    here.exec('ALTER TABLE notes RENAME TO "my notes"');
    expect(filterOf('my notes')).toBe(`"my notes".state = 'open' AND main."my notes".id <> 'notes.'`);
    const create = 'CREATE TABLE "my notes"(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT)';
    expect(sent(0n, 'my notes', create)).toEqual([['a', 'open', 'a1']]);
  });

  test('inside of a change, where one column takes the place of another', () => {
    fill();
    here.exec('BEGIN');
    call("cloudsync_begin_alter('notes')");
    here.exec(
      'ALTER TABLE notes RENAME COLUMN state TO phase; ALTER TABLE notes RENAME COLUMN id TO "the id"',
    );
    call("cloudsync_commit_alter('notes')");
    here.exec('COMMIT');
    expect(filterOf()).toBe(`"phase" = 'open'`);
    setFilter(`"the id" < 'c' AND phase = 'open'`);
    here.exec('ALTER TABLE notes RENAME COLUMN "the id" TO k');
    expect(filterOf()).toBe(`"k" < 'c' AND phase = 'open'`);
  });

  test('but not to another table, and not through a rename that is rolled back', () => {
    setFilter("state = 'open'");
    here.exec('CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL, state TEXT)');
    initTable(here, 'other');
    here.exec(
      'ALTER TABLE other RENAME COLUMN state TO phase; BEGIN; ALTER TABLE notes RENAME state TO phase',
    );
    expect(filterOf()).toBe(`"phase" = 'open'`);
    here.exec('ROLLBACK');
    expect(filterOf()).toBe("state = 'open'");
    expect(filterOf('other')).toBe(undefined);
  });
});

describe('what is outside stays outside', () => {
  const alter = (statements: string) => {
    here.exec('BEGIN');
    call("cloudsync_begin_alter('notes')");
    here.exec(statements);
    call("cloudsync_commit_alter('notes')");
    here.exec('COMMIT');
  };
  const REBUILD = `CREATE TABLE fresh(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT);
    INSERT INTO fresh SELECT * FROM notes; DROP TABLE notes; ALTER TABLE fresh RENAME TO notes`;

  test.each([
    ['a change that nobody saw', () => alter(REBUILD)],
    [
      'a change that others passed over',
      () => {
        call("cloudsync_begin_alter('notes')");
        here.exec('BEGIN');
        arrivalNumber(here);
        here.exec(`${REBUILD}; COMMIT`);
        call("cloudsync_commit_alter('notes')");
      },
    ],
    [
      'a change that was never committed',
      () => {
        call("cloudsync_begin_alter('notes')");
        here.exec(REBUILD);
      },
    ],
    ['a rebuild without cloudsync_begin_alter', () => here.exec(REBUILD)],
    [
      'a column that is renamed and renamed back',
      () => {
        here.exec('ALTER TABLE notes RENAME state TO phase');
        arrivalNumber(here);
        here.exec('ALTER TABLE notes RENAME phase TO state');
      },
    ],
    [
      'a pause',
      () => {
        call("cloudsync_disable('notes')");
        here.exec("UPDATE notes SET body = 'secret' WHERE id <> 'a'");
        arrivalNumber(here);
        call("cloudsync_enable('notes')");
      },
    ],
    [
      'a table that is not sent for a while',
      () => {
        call("cloudsync_set_table('notes', 'send', 'off')");
        here.exec("UPDATE notes SET body = 'secret' WHERE id <> 'a'");
        arrivalNumber(here);
        call("cloudsync_set_table('notes', 'send', 'on')");
      },
    ],
    [
      'a column that is not sent for a while',
      () => {
        call("cloudsync_set_column('notes', 'body', 'send', 'off')");
        arrivalNumber(here);
        call("cloudsync_set_column('notes', 'body', 'send', 'on')");
      },
    ],
  ])('through %s', (_, change) => {
    fill();
    change();
    expect(sent(0n)).toEqual([['a', 'open', 'a1']]);
    const told = sent(cursor).find(([id]) => id === 'c');
    expect(told).toEqual(['c', 'shut', expect.not.stringMatching('secret')]);
    expect(JSON.stringify(sent(cursor))).not.toContain('secret');
    here.exec("UPDATE notes SET state = 'open'");
    const rows = sent(cursor).filter(([id]) => id !== 'a');
    expect(rows.map(([, , body]) => body)).toEqual(['secret', 'secret']);
  });

  test('through a change of the key, after which all rows enter anew', () => {
    fill();
    alter(`CREATE TABLE fresh(id TEXT NOT NULL, state TEXT, body TEXT NOT NULL, PRIMARY KEY(body, id));
      INSERT INTO fresh SELECT * FROM notes; DROP TABLE notes; ALTER TABLE fresh RENAME TO notes`);
    const create =
      'CREATE TABLE notes(id TEXT NOT NULL, state TEXT, body TEXT NOT NULL, PRIMARY KEY(body, id))';
    expect(sent(cursor, 'notes', create)).toEqual([['a', 'open', 'a1']]);
    here.exec("UPDATE notes SET state = 'open' WHERE id = 'b'");
    expect(sent(cursor, 'notes', create)).toHaveLength(2);
  });

  test('what the change itself writes is judged', () => {
    fill();
    alter("ALTER TABLE notes DROP COLUMN body; UPDATE notes SET state = 'open' WHERE id = 'b'");
    const create = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, state TEXT)';
    expect(sent(cursor, 'notes', create)).toContainEqual(['b', 'open']);
    expect(sent(0n, 'notes', create)).toEqual([
      ['a', 'open'],
      ['b', 'open'],
    ]);
  });
});

describe('a filter whose column is dropped', () => {
  beforeEach(() => {
    fill();
    here.exec('BEGIN');
    call("cloudsync_begin_alter('notes')");
    expect(() => setFilter('1')).toThrow(/'notes' is being altered; call cloudsync_commit_alter first/);
    here.exec('ALTER TABLE notes DROP COLUMN state');
    call("cloudsync_commit_alter('notes')");
  });

  test('lets nothing out, and says why, until there is another one', () => {
    here.exec("COMMIT; INSERT INTO notes VALUES('d', 'd1')");
    const why =
      /the filter of table 'notes' cannot be evaluated: no such column: state; .*cloudsync_set_filter/;
    expect(() => encodePayload(here)).toThrow(why);
    expect(() => here.prepare('SELECT * FROM cloudsync_changes').all()).toThrow(why);
    expect(statusOf()?.filter_error).toBe('no such column: state');
    setFilter("body = 'd1'");
    expect(statusOf()).toMatchObject({ filter: "body = 'd1'" });
    expect(statusOf()).not.toHaveProperty('filter_error');
    const create = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, body TEXT)';
    expect(sent(0n, 'notes', create)).toEqual([['d', 'd1']]);
  });

  test('can get another one in the same transaction', () => {
    setFilter("body = 'c1'");
    here.exec('COMMIT');
    expect(() => encodePayload(here)).not.toThrow();
  });
});

describe('a column that is not sent', () => {
  const NOTHING_OF_BODY = [['a', 'open', null]];

  beforeEach(() => {
    here.exec("INSERT INTO notes VALUES('a', 'open', 'secret')");
    call("cloudsync_set_column('notes', 'body', 'send', 'off')");
  });

  test('stays so under another name, and in a table of another name', () => {
    here.exec('ALTER TABLE notes RENAME COLUMN body TO words; ALTER TABLE notes RENAME TO memos');
    const create = 'CREATE TABLE memos(id TEXT PRIMARY KEY NOT NULL, state TEXT, words TEXT)';
    expect(sent(0n, 'memos', create)).toEqual(NOTHING_OF_BODY);
    here.exec("UPDATE memos SET words = 'secret2'");
    cursor = arrivalNumber(here);
    call("cloudsync_set_column('memos', 'words', 'send', 'on')");
    expect(sent(cursor, 'memos', create)).toEqual([['a', null, 'secret2']]);
  });

  test('stays so through a rebuild, and is announced after it', () => {
    call("cloudsync_begin_alter('notes')");
    here.exec(`CREATE TABLE fresh(id TEXT PRIMARY KEY NOT NULL, body BLOB, state TEXT);
      INSERT INTO fresh SELECT id, body, state FROM notes; DROP TABLE notes; ALTER TABLE fresh RENAME TO notes`);
    call("cloudsync_commit_alter('notes')");
    expect(sent(0n)).toEqual(NOTHING_OF_BODY);
    cursor = arrivalNumber(here);
    call("cloudsync_set_column('notes', 'body', 'send', 'on')");
    expect(sent(cursor)).toEqual([['a', null, 'secret']]);
  });

  test('is not shown by cloudsync_changes', () => {
    const columns = () => here.prepare('SELECT col_name FROM cloudsync_changes ORDER BY 1').pluck().all();
    expect(columns()).toEqual(['state']);
    call("cloudsync_set_column('notes', 'body', 'send', 'on')");
    expect(columns()).toEqual(['body', 'state']);
  });

  test('switched on while the table is being altered, it is announced at the end, and no clock is lost', () => {
    arrivalNumber(here);
    here.exec("UPDATE notes SET state = 'shut'");
    cursor = arrivalNumber(here);
    const clocks = () =>
      here.prepare("SELECT col_version FROM cloudsync_changes WHERE col_name = 'state'").pluck().all();
    const before = clocks();
    here.exec('BEGIN');
    call("cloudsync_begin_alter('notes')");
    here.exec('ALTER TABLE notes RENAME COLUMN state TO phase');
    call("cloudsync_set_column('notes', 'body', 'send', 'on')");
    here.exec('ALTER TABLE notes RENAME COLUMN phase TO state');
    call("cloudsync_commit_alter('notes')");
    here.exec('COMMIT');
    expect(sent(cursor)).toEqual([['a', 'shut', 'secret']]);
    expect(clocks()).toEqual(before);
  });

  test('a new column of its name is sent', () => {
    call("cloudsync_begin_alter('notes')");
    here.exec('ALTER TABLE notes DROP COLUMN body');
    call("cloudsync_commit_alter('notes')");
    here.exec("ALTER TABLE notes ADD COLUMN body TEXT; UPDATE notes SET body = 'public'");
    expect(sent(0n)).toEqual([['a', 'open', 'public']]);
  });
});
