/**
 * judge.test.ts: what may be written: insert, update and delete by OLD and NEW, with the types and collations of the
 * real columns, and nothing where an expression fails.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { principalOf } from '../../src/server/policies/expectations.js';
import { type Write, WriteJudge } from '../../src/server/policies/judge.js';
import { type Application, compiled, makeApplication } from './fixture.js';

let application: Application;
let judge: WriteJudge;
beforeEach(() => {
  application = makeApplication();
  judge = new WriteJudge(application.db);
});
afterEach(() => {
  application.db.close();
});

function allows(text: string, table: string, user: string, write: Write, claims = {}): boolean {
  const policies = compiled(application, text).policies.tables.get(table);
  if (policies === undefined) throw new Error(`there is no policy for ${table}`);
  return application.auth.asPrincipal(principalOf(user, claims), () => judge.allows(policies, write));
}

const task = (owner: string, project = 'p1', extra: unknown = null) => ['t1', project, owner, 'open', extra];
const insert = (...values: Parameters<typeof task>): Write => ({ command: 'insert', image: task(...values) });
const update = (...values: Parameters<typeof task>): Write => ({
  command: 'update',
  key: ['t1'],
  image: task(...values),
});
const remove: Write = { command: 'delete', key: ['t1'] };

describe('which policy counts for which write', () => {
  const own = 'owner = auth_userid()';
  test.each([
    ['INSERT', `FOR INSERT WITH CHECK (${own})`, [true, false, false]],
    ['UPDATE', `FOR UPDATE USING (${own})`, [false, true, false]],
    ['DELETE', `FOR DELETE USING (${own})`, [false, false, true]],
    ['ALL', `FOR ALL USING (${own})`, [true, true, true]],
    ['SELECT', `FOR SELECT USING (${own})`, [false, false, false]],
  ])('%s', (_name, rest, expected) => {
    const text = `CREATE POLICY p ON tasks ${rest};`;
    const writes = [insert('ann'), update('ann'), remove];
    expect(writes.map((write) => allows(text, 'tasks', 'ann', write))).toEqual(expected);
    expect(writes.map((write) => allows(text, 'tasks', 'eve', write))).toEqual([false, false, false]);
  });

  test('a restrictive one must agree as well', () => {
    const text = `CREATE POLICY p ON tasks USING (TRUE);
      CREATE POLICY r ON tasks AS RESTRICTIVE FOR UPDATE USING (OLD.state = 'done') WITH CHECK (TRUE);`;
    expect(allows(text, 'tasks', 'ann', update('ann'))).toBe(false);
    expect(allows(text, 'tasks', 'ann', remove)).toBe(true);
  });
});

describe('an update', () => {
  test('without WITH CHECK can neither give a row away nor take one', () => {
    const text = 'CREATE POLICY p ON tasks FOR UPDATE USING (OLD.owner = auth_userid());';
    expect(allows(text, 'tasks', 'ann', update('ann', 'p2'))).toBe(true);
    expect(allows(text, 'tasks', 'ann', update('eve'))).toBe(false);
    expect(allows(text, 'tasks', 'eve', update('eve'))).toBe(false);
  });

  test('may be compared with what was there', () => {
    const text = `CREATE POLICY p ON tasks FOR UPDATE USING (TRUE)
      WITH CHECK (NEW.owner IS OLD.owner AND tasks.state <> 'done');`;
    expect(allows(text, 'tasks', 'x', update('ann', 'p9'))).toBe(true);
    expect(allows(text, 'tasks', 'x', update('eve'))).toBe(false);
  });

  test('is judged by the whole policies of a parent', () => {
    const text = `CREATE POLICY p ON tasks FOR UPDATE USING (VISIBLE(project, projects));
      CREATE POLICY p ON projects FOR SELECT USING (owner = auth_userid());`;
    expect(allows(text, 'tasks', 'ann', update('ann', 'p1'))).toBe(true);
    expect(allows(text, 'tasks', 'ann', update('ann', 'p2'))).toBe(false);
  });

  test('of a row that is not there is denied', () => {
    const text = 'CREATE POLICY p ON tasks USING (TRUE);';
    expect(allows(text, 'tasks', 'x', { ...update('ann'), key: ['t9'] } as Write)).toBe(false);
  });
});

describe('values are compared as in the real table', () => {
  test('by collation', () => {
    const text = 'CREATE POLICY p ON projects FOR INSERT WITH CHECK (email = auth_userid());';
    const write = (email: string): Write => ({ command: 'insert', image: ['p9', 'x', 0n, email] });
    expect(allows(text, 'projects', 'ANN@X', write('ann@x'))).toBe(true);
    expect(allows(text, 'projects', 'ANN@X', write('ann@y'))).toBe(false);
  });

  test('by affinity', () => {
    const text = 'CREATE POLICY p ON comments FOR INSERT WITH CHECK (at = auth_userid());';
    const write = (at: unknown): Write => ({ command: 'insert', image: ['c9', 't1', 'x', at] });
    expect(allows(text, 'comments', '5', write(5n))).toBe(true);
    expect(allows(text, 'comments', '05', write(5n))).toBe(true);
    expect(allows(text, 'comments', '5x', write(5n))).toBe(false);
  });
});

test('an expression that fails allows nothing', () => {
  const check = 'json_array(1) <> json(extra) AND owner = auth_userid()';
  const text = `CREATE POLICY p ON tasks FOR INSERT WITH CHECK (${check});`;
  expect(allows(text, 'tasks', 'ann', insert('ann', 'p1', '{}'))).toBe(true);
  expect(allows(text, 'tasks', 'ann', insert('ann', 'p1', 'no JSON'))).toBe(false);
});

test('it follows the schema, and what a transaction undoes', () => {
  const text = 'CREATE POLICY p ON tasks FOR INSERT WITH CHECK (owner = auth_userid());';
  application.db.exec('BEGIN');
  expect(allows(text, 'tasks', 'ann', insert('ann'))).toBe(true);
  application.db.exec('ROLLBACK');
  expect(allows(text, 'tasks', 'ann', insert('ann'))).toBe(true);
  application.db.exec('ALTER TABLE tasks ADD COLUMN more TEXT');
  const more = text.replace('owner =', 'more =');
  const image = [...task('x'), 'ann'];
  expect(allows(more, 'tasks', 'ann', { command: 'insert', image })).toBe(true);
  expect(allows(more, 'tasks', 'eve', { command: 'insert', image })).toBe(false);
});

describe('auth functions', () => {
  const ask = (sql: string) => application.db.prepare(`SELECT ${sql}`).pluck().safeIntegers().get();

  test('answer for nobody outside of work for somebody', () => {
    expect([ask('auth_userid()'), ask('auth_role()'), ask('auth_json()'), ask("auth_claim('$.x')")]).toEqual([
      null,
      'none',
      '{}',
      null,
    ]);
  });

  test('answer for each principal when a statement is used again', () => {
    const statement = application.db.prepare('SELECT id FROM tasks WHERE owner = auth_userid()').pluck();
    const rowsOf = (user: string) => application.auth.asPrincipal(principalOf(user), () => statement.all());
    expect([rowsOf('ann'), rowsOf('bob'), rowsOf('ann')]).toEqual([['t1'], ['t2', 't3'], ['t1']]);
  });

  test('answer for the innermost principal, and for the one before when its work fails', () => {
    const { auth } = application;
    auth.asPrincipal(principalOf('ann', { n: 1, role: 'boss', list: [1], deep: { a: 'b' } }), () => {
      expect(() =>
        auth.asPrincipal(principalOf('bob'), () => {
          expect(ask('auth_userid()')).toBe('bob');
          expect(ask('auth_role()')).toBe('user');
          throw new Error('the work failed');
        }),
      ).toThrow('the work failed');
      expect(ask('auth_userid()')).toBe('ann');
      expect(ask('auth_role()')).toBe('boss');
      expect(ask("auth_claim('$.n')")).toBe(1n);
      expect(ask("auth_claim('list')")).toBe('[1]');
      expect(ask("auth_claim('deep.a')")).toBe('b');
      expect(ask("json_extract(auth_json(), '$.sub')")).toBe('ann');
    });
  });
});
