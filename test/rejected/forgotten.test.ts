/**
 * forgotten.test.ts: a row that leaves is no deletion, whatever surrounds it: foreign keys, unique values, triggers of
 * the application, filters, logs of conflicts, tables that are paused, tables that are not synchronised.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Algorithm } from '../packet/packet.js';
import { integer, real } from '../packet/value.js';
import { row, ServerProcess, Stage } from './stage.js';

let server: ServerProcess;
const opened: Stage[] = [];

beforeAll(async () => {
  server = await ServerProcess.start();
});

afterAll(() => server.stop());

afterEach(() => {
  for (const stage of opened.splice(0)) stage.close();
});

async function open(schema: string, ...tables: (string | [string, Algorithm])[]): Promise<Stage> {
  const tracked = tables.map((table): [string, Algorithm] =>
    typeof table === 'string' ? [table, 'cls'] : table,
  );
  const stage = await Stage.open(server, schema, tracked);
  opened.push(stage);
  return stage;
}

/** Nothing is left to send, and nothing was given up. */
function expectCalm(stage: Stage): void {
  expect(stage.here('SELECT cloudsync_network_has_unsent_changes()')).toEqual(['0']);
  expect(stage.rejected()).toEqual([]);
  expect(stage.here('PRAGMA foreign_key_check')).toEqual([]);
}

const FAMILY = `CREATE TABLE p(id TEXT PRIMARY KEY NOT NULL, v);
  CREATE TABLE c(id TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES p(id) ON DELETE ACTION, v)`;

describe.each(['CASCADE', 'SET NULL', 'NO ACTION', 'RESTRICT'])('ON DELETE %s', (action) => {
  test('children are held while their parent is away', async () => {
    const stage = await open(FAMILY.replace('ACTION', action), 'p', 'c');
    stage.device.exec("INSERT INTO p VALUES('p', 1); INSERT INTO c VALUES('c', 'p', 1), ('d', NULL, 1)");
    stage.sync();
    await stage.tell({ hide: [row('p', 'p')] });
    stage.sync();
    expect(stage.here('SELECT id FROM p')).toEqual([]);
    expect(stage.here('SELECT id FROM c')).toEqual(['d']);
    expect(stage.here('SELECT tbl, reason FROM cloudsync_held')).toEqual([
      "c|FOREIGN KEY constraint failed: the row of 'p' that it refers to is not here",
    ]);
    stage.sync();
    expectCalm(stage);
    expect(await stage.there('SELECT id, p FROM c ORDER BY id')).toEqual(['c|p', 'd|']);
    await stage.tell({ show: [row('p', 'p')] });
    stage.sync();
    expect(stage.here('SELECT id, p FROM c ORDER BY id')).toEqual(['c|p', 'd|']);
    expect(stage.here('SELECT count(*) FROM cloudsync_held')).toEqual(['0']);
  });

  test('parent and child leave together, in any order', async () => {
    const stage = await open(FAMILY.replace('ACTION', action), 'p', 'c');
    stage.device.exec(
      "INSERT INTO p VALUES('p', 1), ('q', 1); INSERT INTO c VALUES('c', 'p', 1), ('d', 'q', 1)",
    );
    stage.sync();
    await stage.tell({ hide: [row('p', 'p'), row('c', 'c'), row('c', 'd'), row('p', 'q')] });
    stage.sync();
    for (const table of ['p', 'c', 'cloudsync_held', 'p_cloudsync', 'c_cloudsync'])
      expect(stage.here(`SELECT count(*) FROM ${table}`)).toEqual(['0']);
    expectCalm(stage);
    await stage.tell({ show: [row('p', 'p'), row('c', 'c'), row('c', 'd'), row('p', 'q')] });
    stage.sync();
    expect(stage.here('SELECT id, p FROM c ORDER BY id')).toEqual(['c|p', 'd|q']);
  });
});

describe('rows of tables that are not synchronised', () => {
  const local = (action: string) => `CREATE TABLE p(id TEXT PRIMARY KEY NOT NULL, v);
    CREATE TABLE mine(id TEXT PRIMARY KEY, p TEXT REFERENCES p(id) ON DELETE ${action})`;

  test.each([
    ['CASCADE', []],
    ['SET NULL', ['m|']],
  ])('follow by ON DELETE %s', async (action, left) => {
    const stage = await open(local(action), 'p');
    stage.device.exec("INSERT INTO p VALUES('p', 1); INSERT INTO mine VALUES('m', 'p')");
    stage.sync();
    await stage.tell({ hide: [row('p', 'p')] });
    stage.sync();
    expect([stage.here('SELECT * FROM p'), stage.here('SELECT * FROM mine')]).toEqual([[], left]);
    expectCalm(stage);
  });

  test.each(['RESTRICT', 'NO ACTION'])('keep the row by ON DELETE %s, and that is said', async (action) => {
    const stage = await open(local(action), 'p');
    stage.device.exec("INSERT INTO p VALUES('p', 1), ('q', 2); INSERT INTO mine VALUES('m', 'p')");
    stage.sync();
    await stage.tell({ hide: [row('p', 'p'), row('p', 'q')] });
    stage.sync();
    expect(stage.here('SELECT id FROM p')).toEqual(['p']);
    expect(stage.here('SELECT tbl, reason FROM cloudsync_held')).toEqual([
      expect.stringMatching(/^p\|the row is to leave this database, and rows of a table that is not synch/),
    ]);
  });
});

test('a held row leaves, and so does one that holds another', async () => {
  const stage = await open('CREATE TABLE u(id TEXT PRIMARY KEY NOT NULL, name UNIQUE)', 'u');
  await stage.tell({ schema: 'CREATE TABLE u(id TEXT PRIMARY KEY NOT NULL, name)', tables: [['u', 'cls']] });
  await stage.tell({ sql: "INSERT INTO u VALUES('a', 'same')" });
  stage.sync();
  await stage.tell({ sql: "INSERT INTO u VALUES('b', 'same'), ('c', 'same')" });
  stage.sync();
  expect(stage.here('SELECT id FROM u')).toEqual(['a']);
  await stage.tell({ hide: [row('u', 'b')] });
  stage.sync();
  expect(stage.here('SELECT count(*) FROM cloudsync_held')).toEqual(['1']);
  await stage.tell({ hide: [row('u', 'a')] });
  stage.sync();
  expect(stage.here('SELECT id FROM u')).toEqual(['c']);
  expect(stage.here('SELECT count(*) FROM cloudsync_held')).toEqual(['0']);
  expectCalm(stage);
});

test('what waits for a column leaves with its row', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', 't');
  const schema =
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b); CREATE TABLE far(id TEXT PRIMARY KEY NOT NULL)';
  await stage.tell({
    schema,
    tables: [
      ['t', 'cls'],
      ['far', 'cls'],
    ],
  });
  await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 'secret'), ('y', 1, 'mine')" });
  await stage.tell({ sql: "INSERT INTO far VALUES('f'), ('g')" });
  stage.sync();
  expect(stage.here('SELECT count(*) FROM cloudsync_held')).toEqual(['4']);
  await stage.tell({ hide: [row('t', 'x'), row('far', 'f')] });
  stage.sync();
  expect(stage.here('SELECT tbl FROM cloudsync_held ORDER BY tbl')).toEqual(['far', 't']);
  stage.device.exec('ALTER TABLE t ADD COLUMN b');
  stage.sync();
  expect(stage.here('SELECT * FROM t')).toEqual(['y|1|mine']);
  await stage.tell({ show: [row('t', 'x')] });
  stage.sync();
  expect(stage.here("SELECT b FROM t WHERE id = 'x'")).toEqual(['secret']);
});

test('triggers of the application: an index follows, what they do to synchronised rows is no edit', async () => {
  const schema = `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, words TEXT);
    CREATE TABLE log(id TEXT PRIMARY KEY NOT NULL, n INTEGER DEFAULT 0)`;
  const stage = await open(schema, 't', 'log');
  stage.device.exec(`CREATE VIRTUAL TABLE find USING fts5(words);
    CREATE TRIGGER t_in AFTER INSERT ON t BEGIN
      INSERT INTO find(rowid, words) VALUES(NEW.rowid, NEW.words);
    END;
    CREATE TRIGGER t_out AFTER DELETE ON t BEGIN
      DELETE FROM find WHERE rowid = OLD.rowid;
      UPDATE log SET n = n + 1;
    END`);
  stage.device.exec("INSERT INTO log(id) VALUES('l'); INSERT INTO t VALUES('x', 'apple'), ('y', 'pear')");
  stage.sync();
  await stage.tell({ hide: [row('t', 'x')] });
  stage.sync();
  expect(stage.here('SELECT words FROM find')).toEqual(['pear']);
  expect(stage.here('SELECT n FROM log')).toEqual(['0']);
  expectCalm(stage);
  await stage.tell({ show: [row('t', 'x')] });
  stage.sync();
  expect(stage.here("SELECT count(*) FROM find WHERE find MATCH 'apple'")).toEqual(['1']);
});

test.each<Algorithm>(['cls', 'dws', 'aws', 'gos'])(
  'a row of a %s table goes and comes',
  async (algorithm) => {
    const schema = `CREATE TABLE k(x INTEGER NOT NULL, y REAL NOT NULL, PRIMARY KEY(x, y));
    CREATE TABLE v(id INTEGER PRIMARY KEY NOT NULL, a, b)`;
    const stage = await open(schema, ['k', algorithm], ['v', algorithm]);
    stage.device.exec('INSERT INTO k VALUES(1, 2), (3, 4.5); INSERT INTO v VALUES(7, 1, 2)');
    stage.sync();
    const names = [row('k', integer(1), real(2)), row('k', integer(3), real(4.5)), row('v', integer(7))];
    for (const name of names) {
      await stage.tell({ hide: [name] });
      stage.sync();
      await stage.tell({ show: [name] });
      const before = stage.here('SELECT * FROM k, v').length;
      stage.sync();
      expect(stage.here('SELECT * FROM k, v').length).toBeGreaterThan(before);
    }
    expect(stage.here('SELECT x, y, a, b FROM k, v ORDER BY x')).toEqual(['1|2|1|2', '3|4.5|1|2']);
    expectCalm(stage);
  },
);

test('the log of conflicts has no values of rows that left', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', 't');
  stage.device.exec("SELECT cloudsync_set_table('t', 'conflicts', 'keep')");
  await stage.tell({ sql: "INSERT INTO t VALUES('x', 0), ('y', 0)" });
  stage.sync();
  stage.device.exec("UPDATE t SET a = 'mine'");
  stage.here('SELECT cloudsync_db_version()');
  await stage.tell({ sql: "SELECT cloudsync_set_table('t', 'conflicts', 'keep')" });
  await stage.tell({ sql: "UPDATE t SET a = 'theirs'" });
  stage.receive();
  expect(stage.here('SELECT count(*) FROM cloudsync_conflicts')).toEqual(['2']);
  await stage.tell({ hide: [row('t', 'x')] });
  stage.receive();
  expect(stage.here('SELECT loser FROM cloudsync_conflicts')).toEqual(['mine']);
  await stage.tell({ reset: true });
  stage.receive();
  expect(stage.here('SELECT count(*) FROM cloudsync_conflicts')).toEqual(['0']);
});

test('what never leaves this device stays with a reset, and is kept when its row leaves', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)', 't');
  await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 1)" });
  stage.device.exec("SELECT cloudsync_set_filter('t', 'a IS NOT ''private''')");
  stage.device.exec("INSERT INTO t VALUES('p', 'private', 'diary'), ('q', 'public', 1)");
  stage.sync();
  expect(await stage.there('SELECT id FROM t ORDER BY id')).toEqual(['q', 'x']);
  await stage.tell({ reset: true });
  stage.sync();
  expect(stage.here('SELECT id, b FROM t ORDER BY id')).toEqual(['p|diary', 'q|1', 'x|1']);
  expectCalm(stage);
  stage.device.exec("UPDATE t SET a = 'private', b = 'notes' WHERE id = 'x'");
  stage.sync();
  stage.device.exec("UPDATE t SET b = 'more' WHERE id = 'x'");
  await stage.tell({ hide: [row('t', 'x')] });
  stage.sync();
  expect(stage.here('SELECT id FROM t ORDER BY id')).toEqual(['p', 'q']);
  expect(stage.rejected()).toMatchObject([{ operation: 'update', columns: '{"b":"more"}', code: 'left' }]);
});

test('a paused table gives rows away too', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', 't');
  await stage.tell({ sql: "INSERT INTO t VALUES('x', 1), ('y', 1)" });
  stage.sync();
  stage.device.exec("SELECT cloudsync_disable('t'); UPDATE t SET a = 'paused' WHERE id = 'x'");
  await stage.tell({ hide: [row('t', 'x')] });
  stage.sync();
  expect(stage.here('SELECT id FROM t')).toEqual(['y']);
  expect(stage.rejected()).toMatchObject([{ columns: '{"a":"paused"}', code: 'left' }]);
  stage.here("SELECT cloudsync_enable('t')");
  stage.sync();
  expect(await stage.there('SELECT * FROM t ORDER BY id')).toEqual(['x|1', 'y|1']);
});

test('an edit made while a batch is on its way is kept when the batch is accepted and its row leaves', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)', 't');
  stage.device.exec("INSERT INTO t VALUES('x', 1, 1), ('y', 1, 1)");
  await stage.tell({ hide: [row('t', 'x'), row('t', 'y')], answers: [['push', 'c1']] });
  expect(() => stage.sync()).toThrow(/cannot be understood/);
  stage.device.exec("UPDATE t SET b = 2 WHERE id = 'x'");
  expect(stage.sync()).toMatchObject({ refused: 0, rejected: 1 });
  expect(stage.here('SELECT * FROM t')).toEqual([]);
  expect(stage.rejected()).toMatchObject([{ operation: 'update', columns: '{"b":2}', code: 'left' }]);
  expect(await stage.there('SELECT * FROM t ORDER BY id')).toEqual(['x|1|1', 'y|1|1']);
});

test('logout takes the rejected edits along', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', 't');
  await stage.tell({ deny: [[row('t', 'x'), 'clock']] });
  stage.device.exec("INSERT INTO t VALUES('x', 'diary')");
  expect(stage.sync()).toMatchObject({ refused: 1, rejected: 1 });
  stage.here('SELECT cloudsync_network_logout()');
  expect(stage.rejected()).toEqual([]);
});

test('a long cursor waits in a body', async () => {
  const stage = await open('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)', 't');
  const waits = async (bytes: number) => {
    await stage.tell({ cursorBytes: bytes });
    stage.here('SELECT cloudsync_network_sync(0, 0)');
    await stage.tell({});
    stage.here('SELECT cloudsync_network_sync(1000, 0)');
    const { requests } = await stage.tell({});
    return requests.filter(({ url }) => /\/wait/.test(url)).map(({ method, bytes: size }) => [method, size]);
  };
  expect(await waits(1024)).toEqual([['GET', 0]]);
  expect(await waits(1025)).toEqual([['POST', 1025 + 3 + 18 + 2]]);
  expect(await waits(1 << 20)).toEqual([['POST', (1 << 20) + 5 + 18 + 2]]);
});
