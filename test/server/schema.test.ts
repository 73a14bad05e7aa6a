/**
 * schema.test.ts: registration and publishing of tables: what the server finds missing, creates, extends and
 * refuses. The definitions run in a real server database with the real extension.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../support/server.js';
import { Client, newSite } from './client.js';
import { Device, NOTES } from './device.js';

let server: RunningServer;
let databases = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** A client and a registered site on a new database. */
async function freshDatabase(): Promise<{ client: Client; site: Buffer; file: string }> {
  databases += 1;
  const name = `schema-${databases}`;
  const client = new Client(server.url, server.key, name);
  const site = newSite();
  await client.register(site);
  return { client, site, file: join(server.dataDirectory, 'databases', `${name}.db`) };
}

describe('missing tables', () => {
  test('unknown tables and columns are missing; letter case does not matter', async () => {
    const { client, site } = await freshDatabase();
    await client.publish(site, [['notes', 0, NOTES]]);
    const shapes = [
      ['NOTES', 0, ['ID', 'Title']],
      ['notes', 0, ['id', 'title', 'body', 'color']],
      ['other', 0, ['id']],
    ];
    expect((await client.register(site, shapes)).missing).toEqual(['notes', 'other']);
  });

  test('a table that nobody tracks yet is missing, and publishing tracks it', async () => {
    const { client, site, file } = await freshDatabase();
    const database = new Database(file);
    database.exec(NOTES);
    database.close();
    const shapes = [['notes', 0, ['id', 'title', 'body']]];
    expect((await client.register(site, shapes)).missing).toEqual(['notes']);
    expect(await client.publish(site, [['notes', 0, NOTES]])).toEqual([['notes', 'altered']]);
    expect((await client.register(site, shapes)).missing).toEqual([]);
  });
});

describe('outcomes', () => {
  test('created, unchanged, altered', async () => {
    const { client, site, file } = await freshDatabase();
    const wider = `CREATE TABLE Notes(id TEXT PRIMARY KEY NOT NULL, title TEXT, body TEXT,
      stars INTEGER NOT NULL DEFAULT -1, color TEXT DEFAULT 'it''s red',
      half REAL DEFAULT (1.0/2), made TEXT DEFAULT NULL,
      upper TEXT GENERATED ALWAYS AS (upper(title)))`;
    expect(await client.publish(site, [['notes', 0, NOTES]])).toEqual([['notes', 'created']]);
    expect(await client.publish(site, [['notes', 0, NOTES]])).toEqual([['notes', 'unchanged']]);
    expect(await client.publish(site, [['Notes', 0, wider]])).toEqual([['Notes', 'altered']]);
    expect(await client.publish(site, [['notes', 0, NOTES]])).toEqual([['notes', 'unchanged']]);
    const database = new Database(file);
    database.exec("INSERT INTO notes(id) VALUES ('a')");
    const row = database.prepare('SELECT * FROM notes').get();
    database.close();
    expect(row).toEqual({
      id: 'a',
      title: null,
      body: null,
      stars: -1,
      color: "it's red",
      half: 0.5,
      made: null,
    });
  });

  const accepted: [string, string, string][] = [
    ['composite key', 'pair', 'CREATE TABLE pair(a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY(b, a))'],
    [
      'WITHOUT ROWID, STRICT',
      'w',
      'CREATE TABLE w(id TEXT PRIMARY KEY NOT NULL, n INT) STRICT, WITHOUT ROWID',
    ],
    ['integer key', 'numbers', 'CREATE TABLE numbers(id INTEGER PRIMARY KEY AUTOINCREMENT, n)'],
    ['odd name', 'a "b" c', 'CREATE TABLE "a ""b"" c"(id TEXT PRIMARY KEY NOT NULL)'],
    ['single quotes', "it's", "CREATE TABLE 'it''s'(id TEXT PRIMARY KEY NOT NULL)"],
    ['emoji', '🙂', 'CREATE TABLE 🙂(id TEXT PRIMARY KEY NOT NULL)'],
    ['brackets', 'in [it', 'CREATE TABLE [in [it](id TEXT PRIMARY KEY NOT NULL)'],
    ['comments', 'c', '/* a */ create -- b\n table/**/if not exists c(id TEXT PRIMARY KEY NOT NULL) -- d'],
    [
      'reference to a table that is not there',
      'r',
      'CREATE TABLE r(id TEXT PRIMARY KEY NOT NULL REFERENCES x(y))',
    ],
    [
      'name that ends like metadata',
      'my_cloudsync',
      'CREATE TABLE my_cloudsync(id TEXT PRIMARY KEY NOT NULL)',
    ],
  ];
  test.each(accepted)('%s is created', async (_name, table, sql) => {
    const { client, site } = await freshDatabase();
    expect(await client.publish(site, [[table, 0, sql]])).toEqual([[table, 'created']]);
    expect((await client.register(site, [[table, 0, []]])).missing).toEqual([]);
  });

  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n';
  const refusals: [string, string, string, RegExp][] = [
    ['a query that never ends', 't', `CREATE TABLE t AS ${endless}`, /no plain CREATE TABLE/],
    ['a view', 't', 'CREATE VIEW t(a) AS SELECT 1', /no plain CREATE TABLE/],
    ['a trigger', 't', 'CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END', /no plain CREATE TABLE/],
    ['a virtual table', 't', 'CREATE VIRTUAL TABLE t USING fts5(a)', /no plain CREATE TABLE/],
    ['a temporary table', 't', 'CREATE TEMP TABLE t(id TEXT PRIMARY KEY NOT NULL)', /no plain CREATE TABLE/],
    ['a schema name', 't', 'CREATE TABLE main.t(id TEXT PRIMARY KEY NOT NULL)', /no plain CREATE TABLE/],
    ['another statement', 't', 'DROP TABLE notes', /no plain CREATE TABLE/],
    ['no statement', 't', '', /no plain CREATE TABLE/],
    [
      'two statements',
      't',
      'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL); DROP TABLE notes',
      /more than one/,
    ],
    ['another name', 't', 'CREATE TABLE u(id TEXT PRIMARY KEY NOT NULL)', /defines u, not t/],
    ['wrong SQL', 't', 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL,,)', /syntax error/],
    [
      'an unknown function',
      't',
      'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL CHECK(f(id)))',
      /no such function/,
    ],
    ['a reserved name', 'sqlite_t', 'CREATE TABLE sqlite_t(id TEXT PRIMARY KEY NOT NULL)', /reserved/],
    ['a name of ours', 'CLOUDSYNC_server_sites', 'CREATE TABLE CLOUDSYNC_server_sites(id)', /reserved/],
    [
      'metadata of a table',
      'notes_cloudsync',
      'CREATE TABLE notes_cloudsync(id TEXT PRIMARY KEY NOT NULL)',
      /metadata/,
    ],
    ['a log of a table', 'Notes_CloudSync_Log', 'CREATE TABLE Notes_CloudSync_Log(id)', /metadata/],
    ['no key', 't', 'CREATE TABLE t(a, b)', /PRIMARY KEY/],
    [
      'another key',
      'notes',
      'CREATE TABLE notes(title TEXT PRIMARY KEY NOT NULL, id TEXT)',
      /primary key differs/,
    ],
    ['NOT NULL without default', 'notes', `${NOTES.slice(0, -1)}, n INT NOT NULL)`, /NOT NULL/],
    [
      'a default that SQLite cannot add',
      'notes',
      `${NOTES.slice(0, -1)}, n DEFAULT CURRENT_TIME)`,
      /default/,
    ],
  ];
  test.each(refusals)('%s is refused', async (_name, table, sql, reason) => {
    const { client, site, file } = await freshDatabase();
    await client.publish(site, [['notes', 0, NOTES]]);
    const database = new Database(file);
    database.exec("INSERT INTO notes(id) VALUES ('present')");
    const schema = database.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name');
    const before = schema.all();
    const outcomes = await client.publish(site, [
      [table, 0, sql],
      ['other', 0, 'CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL)'],
    ]);
    expect(outcomes[0]?.[1]).toMatch(/^refused: /);
    expect(outcomes[0]?.[1]).toMatch(reason);
    expect(outcomes[1], 'the next definition is in force').toEqual(['other', 'created']);
    const rest = (schema.all() as { name: string }[]).filter((row) => !row.name.includes('other'));
    database.close();
    expect(rest, 'nothing is left of the refused one').toEqual(before);
  });

  test('an unknown algorithm is refused', async () => {
    const { client, site } = await freshDatabase();
    expect(await client.publish(site, [['notes', 4, NOTES]])).toEqual([
      ['notes', 'refused: this server does not know the row algorithm 4'],
    ]);
  });
});

test('a column that one device got later reaches the server and the other device', async () => {
  const client = new Client(server.url, server.key, 'columns');
  const [ada, bob] = [new Device(client, NOTES), new Device(client, NOTES)];
  await ada.register();
  await bob.register();
  for (const device of [ada, bob]) device.database.exec('ALTER TABLE notes ADD COLUMN color TEXT');
  expect((await ada.register()).missing).toEqual(['notes']);
  ada.database.exec("INSERT INTO notes(id, color) VALUES ('n', 'red')");
  await ada.sync();
  await bob.sync();
  expect(bob.database.prepare('SELECT id, color FROM notes').all()).toEqual([{ id: 'n', color: 'red' }]);
});
