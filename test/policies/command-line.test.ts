/**
 * command-line.test.ts: `cloudsync policy` as people type it, on the database of a running server.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ActivePolicies } from '../../src/server/policies/active-policies.js';
import { AuthFunctions } from '../../src/server/policies/auth-functions.js';
import { SyncDatabase } from '../../src/server/store/database.js';
import { type RunningServer, runProgram, startServer } from '../support/server.js';

const TABLES = `
CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, project TEXT, owner TEXT);
CREATE TABLE members(id TEXT PRIMARY KEY NOT NULL, project TEXT, user TEXT);
INSERT INTO tasks VALUES ('t1', 'p1', 'ann'), ('t2', 'p2', 'bob'), ('t3', 'p2', 'bob');
INSERT INTO members VALUES ('m1', 'p2', 'ann');`;

const POLICIES = `CREATE POLICY own ON tasks USING (owner = auth_userid());
CREATE POLICY member ON tasks FOR SELECT USING (
  project IN (SELECT project FROM members WHERE user = auth_userid()));
`;

let server: RunningServer;
let database: string;
beforeAll(async () => {
  server = await startServer();
  database = join(server.dataDirectory, 'databases', 'app.db');
  const made = new SyncDatabase('app', database);
  made.sqlite.exec(TABLES);
  made.sqlite.exec("SELECT cloudsync_init('tasks', 'cls', 1), cloudsync_init('members', 'cls', 1)");
  made.close();
});
afterAll(async () => {
  await server.stop();
});

function file(name: string, text: string): string {
  const path = join(server.dataDirectory, name);
  writeFileSync(path, text);
  return path;
}

function policy(action: string, ...words: string[]) {
  return runProgram('policy', action, '--data', server.dataDirectory, '--db', 'app', ...words);
}

describe('usage', () => {
  const here = () => ['--data', server.dataDirectory];
  test.each<[string, () => string[], RegExp]>([
    ['no action', () => ['policy'], /needs one of the words/],
    ['no data directory', () => ['policy', 'check', 'x'], /needs --data DIR/],
    ['no database', () => ['policy', 'check', ...here(), 'x'], /needs --db NAME/],
    [
      'a database that is not there',
      () => ['policy', 'check', ...here(), '--db', 'no', 'x'],
      /no database no/,
    ],
    ['no file', () => ['policy', 'check', ...here(), '--db', 'app'], /needs a FILE/],
    [
      'a file that is not there',
      () => ['policy', 'check', ...here(), '--db', 'app', 'no.sql'],
      /no file no.sql/,
    ],
    ['a surplus word', () => ['policy', 'explain', ...here(), '--db', 'app', 'now'], /no argument "now"/],
    ['no policies yet', () => ['policy', 'explain', ...here(), '--db', 'app'], /has no policies/],
    [
      'claims that are no JSON',
      () => [
        'policy',
        'explain',
        ...here(),
        '--db',
        'app',
        '--claims',
        '{',
        '--policies',
        file('p.sql', POLICIES),
      ],
      /--claims is no JSON/,
    ],
  ])('%s', (_name, words, message) => {
    const result = runProgram(...words());
    expect(result.errors).toMatch(message);
    expect(result.code).toBe(2);
  });

  test('--help', () => {
    expect(runProgram('policy', '--help').output).toContain('cloudsync policy explain');
    expect(runProgram('--help').output).toContain('cloudsync policy deploy');
  });
});

describe('check', () => {
  test('says where and why, and ends with 1', () => {
    const path = file(
      'bad.sql',
      `${POLICIES}CREATE POLICY x ON tasks FOR SELECT USING (\n  owner <> auth_userid());`,
    );
    const { code, output } = policy('check', path);
    expect(output).toContain(`${path}:5:9: error: a condition about both row and principal`);
    expect(output).toContain('3 policies, 1 errors');
    expect(code).toBe(1);
  });

  test('ends with 0 when there are only warnings, and changes nothing', () => {
    const { code, output } = policy('check', file('p.sql', POLICIES));
    expect(output).toMatch(/warning: an index on members\(user\)/);
    expect(output).toContain('2 policies, 0 errors, 1 warnings');
    expect(code).toBe(0);
    expect(policy('explain').code).toBe(2);
  });
});

test('explain shows who sees what, and why', () => {
  const { code, output } = policy('explain', '--user', 'ann', '--policies', file('p.sql', POLICIES));
  expect(output.split('\n')).toEqual([
    "tasks: 3 of 3 rows: ('t1'), ('t2'), ('t3')",
    '  rows 1, scopes 1: tasks.owner = auth_userid()',
    '  rows 2, scopes 1: tasks.project = members.project AND members.user = auth_userid(), joined with members',
    '',
  ]);
  expect(code).toBe(0);
});

describe('test', () => {
  test('tries reading and writing, and says what is different', () => {
    const expectations = [
      { user: 'ann', table: 'tasks', rows: ['t3', 't2', 't1'] },
      { user: 'eve', table: 'tasks', count: 0 },
      { table: 'members', rows: [] },
      { user: 'bob', table: 'tasks', update: { id: 't2', project: 'p1' }, allowed: true },
      { user: 'ann', table: 'tasks', update: { id: 't2', project: 'p1' }, allowed: false },
      { user: 'ann', table: 'tasks', insert: { id: 't9', owner: 'ann' }, allowed: true },
      { user: 'ann', table: 'members', insert: { id: 'm9', user: 'ann' }, allowed: false },
      { user: 'bob', table: 'tasks', delete: 't2', allowed: true },
    ];
    const policies = file('p.sql', POLICIES);
    const good = policy('test', '--policies', policies, file('good.json', JSON.stringify(expectations)));
    expect(good.output).toBe('8 expectations, 0 failed\n');
    expect(good.code).toBe(0);
    const wrong = [
      { user: 'bob', table: 'tasks', rows: ['t1', 't2'] },
      { user: 'bob', table: 'tasks', delete: 't1', allowed: true },
    ];
    const bad = policy('test', '--policies', policies, file('bad.json', JSON.stringify(wrong)));
    expect(bad.output).toContain('not visible: ["t1"]; visible as well: ["t3"]');
    expect(bad.output).toContain('it is denied');
    expect(bad.output).toContain('2 expectations, 2 failed');
    expect(bad.code).toBe(1);
  });

  test.each([
    ['no list', '{}', /a list of expectations/],
    ['an entry without a table', '[{"count": 1}]', /expectation 1 needs table/],
    ['a write without an outcome', '[{"table": "tasks", "delete": 1}]', /with allowed/],
  ])('%s is wrong usage', (_name, text, message) => {
    const { code, errors } = policy('test', '--policies', file('p.sql', POLICIES), file('e.json', text));
    expect(errors).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('deploy', () => {
  test('refuses a file with errors', () => {
    expect(policy('deploy', file('bad.sql', 'CREATE POLICY')).code).toBe(1);
    expect(policy('explain').errors).toContain('has no policies');
  });

  test('puts policies into force for connections that are open, and counts versions', () => {
    const sqlite = new Database(database);
    new AuthFunctions(sqlite);
    const active = new ActivePolicies(sqlite);
    expect(active.current()).toBeUndefined();
    expect(policy('deploy', file('p.sql', POLICIES)).output).toContain('version 1 is in force');
    const first = active.current();
    expect(first?.tables.get('tasks')?.branches).toHaveLength(2);
    expect(active.current()).toBe(first);
    expect(policy('deploy', file('p.sql', POLICIES)).output).toContain('version 1 is in force');
    expect(policy('deploy', file('q.sql', `${POLICIES}-- more`)).output).toContain('version 2 is in force');
    expect(active.current()?.hash).not.toBe(first?.hash);
    expect(active.current()?.tables).toEqual(first?.tables);
    expect(policy('explain', '--user', 'ann').output).toContain('tasks: 3 of 3 rows');
    sqlite.close();
  });

  test('a policy that fits the schema no more denies its table', () => {
    const sqlite = new Database(database);
    new AuthFunctions(sqlite);
    const active = new ActivePolicies(sqlite);
    expect(active.current()?.tables.get('tasks')?.branches).toHaveLength(2);
    sqlite.exec('ALTER TABLE members RENAME COLUMN user TO person');
    expect(active.current()?.tables.get('tasks')).toMatchObject({ branches: [], insertCheck: null });
    sqlite.exec('ALTER TABLE members RENAME COLUMN person TO user');
    expect(active.current()?.tables.get('tasks')?.branches).toHaveLength(2);
    sqlite.close();
  });
});
