/**
 * refusals.test.ts: what cannot be compiled is refused with a reason, at its place; and a table with a mistake in its
 * policies is denied as a whole.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilePolicies } from '../../src/server/policies/compile.js';
import { type Application, makeApplication } from './fixture.js';

let application: Application;
beforeAll(() => {
  application = makeApplication();
});
afterAll(() => {
  application.db.close();
});

function messages(text: string): string[] {
  return compilePolicies(application.db, text).errors.map(({ message }) => message);
}

const MEMBERS = 'SELECT project FROM members WHERE user = auth_userid()';

describe('reading', () => {
  test.each([
    [`project NOT IN (${MEMBERS})`, /NOT before a query/],
    ['NOT owner = auth_userid()', /NOT before a comparison with the principal/],
    ['NOT EXISTS (SELECT 1 FROM members m WHERE m.project = tasks.project)', /NOT before a query/],
    ['owner > auth_userid()', /no equality/],
    ['owner IS auth_userid()', /no equality/],
    ['coalesce(owner, auth_userid()) = 1', /no equality/],
    ["(SELECT owner FROM projects WHERE id = project) = 'ann'", /no equality/],
    ['(SELECT count(*) FROM shares WHERE task = tasks.id) > 1', /no equality/],
    [
      'project IN (SELECT project FROM members WHERE user = auth_userid() AND role = tasks.state LIMIT 1)',
      /LIMIT/,
    ],
    ["owner = auth_userid() AND date('now') > '2026'", /changes without any change of the data/],
    ["owner = auth_userid() AND CURRENT_DATE > '2026'", /changes without any change/],
    ['random() = owner', /changes without any change/],
    ['abs(owner) = auth_userid()', /function abs cannot be used/],
    ['nothing(owner) = auth_userid()', /function nothing cannot be used/],
    ['owner LIKE auth_userid()', /must be a constant/],
    ["json_extract(extra, '$[') = auth_userid()", /path/],
    ["owner = auth_claim('$[')", /path/],
    ["extra -> '[x' = auth_userid()", /path/],
    ["owner IN (SELECT value FROM json_each(extra, '$x'))", /path/],
    ["owner = auth_userid() AND state LIKE 'a' ESCAPE 'bc'", /one character/],
    [
      'id IN (SELECT shares.task FROM shares LEFT JOIN local ON TRUE WHERE user = auth_userid())',
      /local is not synced/,
    ],
    ['owner = auth_userid(1)', /takes no operand/],
    ['lower(owner, 1) = auth_userid()', /wrong number of arguments/],
    ['owner = NEW.owner', /no NEW in a SELECT policy/],
    ['missing = auth_userid()', /no column missing/],
    ['id IN (SELECT id FROM missing)', /no table missing/],
    ['id IN (SELECT name FROM sqlite_schema)', /cannot be used in policies/],
    ['id IN (SELECT tbl FROM cloudsync_tables)', /cannot be used in policies/],
    ['id IN (SELECT task FROM local)', /not synced/],
    ['id IN (SELECT name FROM pragma_table_list)', /no table pragma_table_list/],
    ["id IN (SELECT name FROM pragma_table_info('x'))", /cannot be used in FROM/],
    ['CAST(owner COLLATE NOCASE AS TEXT) = auth_userid()', /collation other than BINARY/],
    ['owner = auth_userid() COLLATE NOCASE', /collation other than BINARY/],
    ['VISIBLE(project, pairs)', /key of one column/],
    ['id = shares.task', /no column shares.task/],
    ['user IN (SELECT user FROM members JOIN shares ON TRUE)', /no column user/],
    ['EXISTS (SELECT 1 FROM members m JOIN shares s ON TRUE WHERE user = auth_userid())', /several tables/],
    ['(project, id) IN (SELECT project FROM members)', /2 values are compared with 1 columns/],
    ['EXISTS (SELECT 1 FROM shares s WHERE s.task > tasks.id AND s.user = auth_userid())', /no equality/],
  ])('%s', (using, message) => {
    const text = `CREATE POLICY p ON tasks FOR SELECT USING (${using});`;
    expect(messages(text)).toEqual([expect.stringMatching(message)]);
  });

  test('a circle of tables', () => {
    const text = `CREATE POLICY p ON tasks FOR SELECT USING (VISIBLE(project, projects));
      CREATE POLICY p ON projects FOR SELECT USING (VISIBLE(owner, tasks));`;
    expect(messages(text)).toEqual([
      'the policies lead in a circle: tasks -> projects -> tasks',
      'the policies lead in a circle: projects -> tasks -> projects',
    ]);
  });

  test('more alternatives than anybody can read', () => {
    const choice = "(owner = auth_userid() OR owner = auth_role() OR owner = auth_claim('x'))";
    const using = Array.from({ length: 4 }, () => choice).join(' AND ');
    expect(messages(`CREATE POLICY p ON tasks FOR SELECT USING (${using});`)).toEqual([
      'the policies of the table have more than 64 alternatives',
    ]);
  });
});

describe('writing', () => {
  test.each([
    ['FOR INSERT WITH CHECK (OLD.owner = auth_userid())', /no OLD for this command/],
    ['FOR DELETE USING (NEW.owner = auth_userid())', /no NEW for this command/],
    ['FOR INSERT WITH CHECK (load_extension(owner))', /load_extension cannot be used/],
    ['FOR INSERT WITH CHECK (cloudsync_cleanup(owner))', /cloudsync_cleanup cannot be used/],
  ])('%s', (rest, message) => {
    expect(messages(`CREATE POLICY p ON tasks ${rest};`)).toEqual([expect.stringMatching(message)]);
  });
});

describe('a policy for', () => {
  test.each([
    ['missing', /no table missing/],
    ['local', /not synced/],
    ['cloudsync_tables', /not synced/],
  ])('%s', (table, message) => {
    expect(messages(`CREATE POLICY p ON ${table} USING (TRUE);`)).toEqual([expect.stringMatching(message)]);
  });

  test('a table that has one of the same name', () => {
    const text = 'CREATE POLICY p ON tasks USING (TRUE); CREATE POLICY P ON Tasks USING (TRUE);';
    expect(messages(text)).toEqual(['the table Tasks has two policies called P']);
  });
});

test('a table with a mistake in one of its policies is denied, the others are not', () => {
  const text = `CREATE POLICY p ON tasks USING (TRUE);
    CREATE POLICY q ON tasks AS RESTRICTIVE USING (missing = auth_userid());
    CREATE POLICY p ON projects USING (TRUE);`;
  const { policies } = compilePolicies(application.db, text);
  expect(policies.tables.get('tasks')).toMatchObject({ branches: [], insertCheck: null, deleteUsing: null });
  expect(policies.tables.get('projects')?.branches).toHaveLength(1);
  expect(compilePolicies(application.db, `${text} CREATE POLICY`).policies.tables.size).toBe(0);
});
