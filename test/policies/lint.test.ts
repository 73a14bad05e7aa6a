/**
 * lint.test.ts: what `policy check` says about policies that can be compiled.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compilePolicies } from '../../src/server/policies/compile.js';
import { findingsOf } from '../../src/server/policies/lint.js';
import { type Application, makeApplication } from './fixture.js';

let application: Application;
beforeAll(() => {
  application = makeApplication();
});
afterAll(() => {
  application.db.close();
});

function findings(text: string): string[] {
  const found = findingsOf(application.db, text, compilePolicies(application.db, text));
  return found.map(({ kind, line, column, message }) => `${line}:${column} ${kind} ${message}`);
}

const P = 'CREATE POLICY p ON';

test.each([
  ['nothing', `${P} tasks FOR SELECT USING (owner = auth_userid());`, []],
  [
    'an update without WITH CHECK',
    `${P} tasks FOR UPDATE USING (owner = auth_userid());`,
    ['1:1 note policy p has no WITH CHECK: USING counts for the row as it will be as well'],
  ],
  [
    'rows for everybody',
    `${P} projects FOR SELECT USING (public = 1);`,
    ['1:20 warning these rows are shown to everybody who may use the database: projects.public = 1'],
  ],
  [
    'memberships: scopes, an index, and who may write them',
    `${P} tasks FOR SELECT USING (project IN (SELECT project FROM members WHERE user = auth_userid()));`,
    [
      '1:20 note somebody gets one scope for each of his rows of members: ' +
        'tasks.project = members.project AND members.user = auth_userid(), joined with members',
      '1:20 warning an index on members(user) would help: members is read as a whole whenever somebody syncs',
      '1:20 note members decides who sees rows of tasks, and has no policy for writing: ' +
        'only keys that bypass the policies can change it',
    ],
  ],
  [
    'shares: keys of a row, and an index',
    `${P} tasks FOR SELECT USING (id IN (SELECT task FROM shares WHERE user = auth_userid()));
${P} shares FOR INSERT WITH CHECK (user = auth_userid());`,
    [
      '1:20 note a row gets one key for each row of shares that belongs to it: ' +
        'shares.user = auth_userid() AND tasks.id = shares.task, joined with shares',
      '1:20 warning an index on shares(task) would help: shares is read as a whole for every changed row of tasks',
      '1:20 note shares decides who sees rows of tasks: ' +
        'see to it that its own policies let nobody write a row for himself who should not',
    ],
  ],
])('%s', (_name, text, expected) => {
  expect(findings(text)).toEqual(expected);
});

test('two memberships multiply, and the index of a foreign key is missed', () => {
  const text = `${P} comments FOR SELECT USING (VISIBLE(task, tasks)
      AND task IN (SELECT task FROM shares WHERE user = auth_userid()));
${P} tasks FOR SELECT USING (project IN (SELECT project FROM members WHERE user = auth_userid()));`;
  const found = findings(text).join('\n');
  expect(found).toContain('one scope for each combination of rows of members and shares');
  expect(found).toContain(
    'an index on comments(task) would help: comments is read as a whole for every changed row',
  );
});

test('an index that is there is not asked for', () => {
  const text = `${P} tasks FOR SELECT USING (project IN (SELECT project FROM members WHERE user = auth_userid()));`;
  expect(findings(text).join()).toContain('an index on members(user)');
  application.db.exec('CREATE INDEX by_user ON members(user)');
  expect(findings(text).join()).not.toContain('an index on');
  application.db.exec('DROP INDEX by_user');
});
