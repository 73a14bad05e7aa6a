/**
 * links.test.ts: each kind of link: who sees what by it, and on which side the scopes lie.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { principalOf } from '../../src/server/policies/expectations.js';
import { type Application, compiled, makeApplication, seen } from './fixture.js';

let application: Application;
beforeAll(() => {
  application = makeApplication();
});
afterAll(() => {
  application.db.close();
});

function policy(table: string, using: string): string {
  return `CREATE POLICY p_${table} ON ${table} FOR SELECT USING (${using});`;
}

/** How many keys the row has, and how many scopes the user, in the only branch of a table. */
function sizes(text: string, table: string, row: string, user: string): [number, number] {
  const [branch, ...more] = compiled(application, text).policies.tables.get(table)?.branches ?? [];
  expect(more).toEqual([]);
  const { db, auth } = application;
  const keys = db.prepare(branch?.rowKeys ?? '').all(row).length;
  const scopes = auth.asPrincipal(
    principalOf(user),
    () => db.prepare(branch?.principalKeys ?? '').all().length,
  );
  return [keys, scopes];
}

describe('who sees what', () => {
  const MEMBER = 'project IN (SELECT project FROM members WHERE user = auth_userid())';
  const OWNER = policy('projects', 'owner = auth_userid()');
  const cases: [string, string, string, string | undefined, Record<string, unknown>, string][] = [
    ['a column', policy('tasks', 'owner = auth_userid()'), 'tasks', 'bob', {}, 't2 t3'],
    ['a column, for nobody', policy('tasks', 'owner = auth_userid()'), 'tasks', undefined, {}, ''],
    ['a claim', policy('tasks', "state = auth_claim('$.s')"), 'tasks', 'x', { s: 'done' }, 't3'],
    ['a claim by its name', policy('tasks', "state = auth_claim('s')"), 'tasks', 'x', { s: 'done' }, 't3'],
    [
      'a list of claims',
      policy('tasks', "owner IN (SELECT value FROM json_each(auth_claim('$.of')))"),
      'tasks',
      'x',
      { of: ['ann', 'zoe'] },
      't1',
    ],
    [
      'a list that is none',
      policy('tasks', 'id IN (SELECT value FROM json_each(auth_userid()))'),
      'tasks',
      'x',
      {},
      '',
    ],
    ['a role', policy('tasks', "auth_role() = 'boss'"), 'tasks', 'x', { role: 'boss' }, 't1 t2 t3'],
    ['another role', policy('tasks', "auth_role() = 'boss'"), 'tasks', 'x', { role: 'clerk' }, ''],
    [
      'a condition on the row',
      policy('tasks', "state = 'done' AND owner = auth_userid()"),
      'tasks',
      'bob',
      {},
      't3',
    ],
    [
      'JSON in a row',
      policy('tasks', "extra ->> 'team' = auth_claim('$.team')"),
      'tasks',
      'x',
      { team: 'red' },
      't1',
    ],
    ['a membership', policy('tasks', MEMBER), 'tasks', 'bob', {}, 't1'],
    [
      'a membership by EXISTS',
      policy(
        'tasks',
        'EXISTS (SELECT 1 FROM members m WHERE m.project = tasks.project AND m.user = auth_userid())',
      ),
      'tasks',
      'cat',
      {},
      't2 t3',
    ],
    [
      'a share',
      policy('tasks', 'id IN (SELECT task FROM shares WHERE user = auth_userid())'),
      'tasks',
      'dan',
      {},
      't1 t3',
    ],
    [
      'a parent',
      policy('comments', 'task IN (SELECT id FROM tasks WHERE owner = auth_userid())'),
      'comments',
      'bob',
      {},
      'c2 c3',
    ],
    [
      'a condition on the parent alone',
      policy('comments', "EXISTS (SELECT 1 FROM tasks t WHERE t.id = task AND t.state = 'done')"),
      'comments',
      'x',
      {},
      'c3',
    ],
    [
      'VISIBLE',
      policy('comments', 'VISIBLE(task, tasks)') + policy('tasks', MEMBER),
      'comments',
      'cat',
      {},
      'c2 c3',
    ],
    [
      'VISIBLE twice',
      policy('comments', 'VISIBLE(task, tasks)') + policy('tasks', 'VISIBLE(project, projects)') + OWNER,
      'comments',
      'ann',
      {},
      'c1',
    ],
    [
      'VISIBLE of a table without policy',
      policy('comments', 'VISIBLE(task, tasks)'),
      'comments',
      'ann',
      {},
      '',
    ],
    [
      'two memberships',
      policy('tasks', `${MEMBER} AND id IN (SELECT task FROM shares WHERE user = auth_userid())`),
      'tasks',
      'bob',
      {},
      '',
    ],
    [
      'an aggregate about the user',
      policy('comments', 'at IN (SELECT max(at) FROM comments WHERE auth_userid() IS NOT NULL)'),
      'comments',
      'x',
      {},
      'c3',
    ],
    ['a key of two columns', policy('pairs', 'user = auth_userid()'), 'pairs', 'ann', {}, 'x y'],
    [
      'NOT EXISTS about the user',
      policy(
        'tasks',
        'owner = auth_userid() AND NOT EXISTS (SELECT 1 FROM members WHERE user = auth_userid())',
      ),
      'tasks',
      'ann',
      {},
      't1',
    ],
    [
      'a collation that was taken off',
      policy('projects', 'lower(email) = auth_userid()'),
      'projects',
      'ann@x',
      {},
      'p1',
    ],
  ];
  test.each(cases)('%s', (_name, text, table, user, claims, expected) => {
    expect(seen(application, compiled(application, text), table, user, claims).join(' ')).toBe(expected);
  });
});

describe('several policies', () => {
  test('of one table: one must agree, and every restrictive one', () => {
    const text = `${policy('tasks', "owner = 'ann'")}
      CREATE POLICY q ON tasks FOR ALL USING (owner = auth_userid());
      CREATE POLICY r ON tasks AS RESTRICTIVE FOR SELECT USING (state = 'open' OR auth_role() = 'boss');`;
    const compilation = compiled(application, text);
    expect(seen(application, compilation, 'tasks', 'bob')).toEqual(['t1', 't2']);
    expect(seen(application, compilation, 'tasks', 'bob', { role: 'boss' })).toEqual(['t1', 't2', 't3']);
  });

  test('a restrictive one alone shows nothing', () => {
    const text = 'CREATE POLICY r ON tasks AS RESTRICTIVE FOR SELECT USING (TRUE);';
    expect(compiled(application, text).policies.tables.get('tasks')?.branches).toEqual([]);
  });

  test('that ask the same of the principal share scopes', () => {
    const text = policy('tasks', 'owner = auth_userid()') + policy('projects', 'owner = auth_userid()');
    const { tables } = compiled(application, text).policies;
    expect(tables.get('tasks')?.branches[0]?.id).toBe(tables.get('projects')?.branches[0]?.id);
  });
});

describe('the scopes lie', () => {
  test('at the project, for a membership: the task has one key', () => {
    const text = policy('tasks', 'project IN (SELECT project FROM members WHERE user = auth_userid())');
    expect(sizes(text, 'tasks', 't1', 'bob')).toEqual([1, 1]);
    expect(compiled(application, text).policies.tables.get('tasks')?.branches[0]?.dependencies).toEqual([]);
  });

  test('at the user, for shares: the task has a key for each', () => {
    const text = policy('tasks', 'id IN (SELECT task FROM shares WHERE user = auth_userid())');
    expect(sizes(text, 'tasks', 't1', 'dan')).toEqual([2, 1]);
  });

  test('at the user, for a parent: comments follow the owner of the task', () => {
    const text = policy('comments', 'task IN (SELECT id FROM tasks WHERE owner = auth_userid())');
    expect(sizes(text, 'comments', 'c2', 'bob')).toEqual([1, 1]);
    const [branch] = compiled(application, text).policies.tables.get('comments')?.branches ?? [];
    expect(branch?.dependencies.map(({ table, columns }) => [table, columns])).toEqual([['tasks', ['id']]]);
    const affected = application.db
      .prepare(branch?.dependencies[0]?.affected ?? '')
      .pluck()
      .all('t2');
    expect(affected).toEqual(['c2']);
  });

  test('at the principal as a whole, when the row side was tried first and cannot be', () => {
    const inner = 'SELECT m.user FROM members m WHERE m.id = s.user';
    const text = policy(
      'tasks',
      `id IN (SELECT s.task FROM shares s WHERE s.user IN (${inner}) AND s.id > auth_userid())`,
    );
    const [branch] = compiled(application, text).policies.tables.get('tasks')?.branches ?? [];
    expect(branch?.dependencies).toEqual([]);
    // Nothing of the first attempt is left: the inner query has stayed what it is.
    expect(branch?.principalKeys).toContain('IN (SELECT');
  });

  test('at the project, for comments of tasks of members', () => {
    const member = policy('tasks', 'project IN (SELECT project FROM members WHERE user = auth_userid())');
    expect(sizes(policy('comments', 'VISIBLE(task, tasks)') + member, 'comments', 'c1', 'bob')).toEqual([
      1, 1,
    ]);
  });
});
