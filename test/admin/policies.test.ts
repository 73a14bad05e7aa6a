/**
 * policies.test.ts: what an administrator is told about policies and refused writes, over real HTTP: the text in force,
 * what a user sees (compared with SQLite's own answer to the policies), and the writes that were refused.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DatabaseSummary, Inspections, Viewer } from '../../src/server/administration.js';
import { type RunningServer, startServer } from '../support/server.js';
import { deploy, makeTeam, POLICIES, writeWhatIsRefused } from './team.js';
import { HOSTILE } from './world.js';

type View = Inspections['view']['result'];

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ arguments: ['--log-level', 'warn'] });
  makeTeam(server);
});
afterAll(async () => {
  await server.stop();
});

async function ask<Body>(path: string, body?: unknown, type = 'application/json'): Promise<[number, Body]> {
  const response = await fetch(`${server.url}/admin/v1/databases/team${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${server.key}`,
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return [response.status, (await response.json()) as Body];
}

async function viewOf(user: string | null, claims: Viewer['claims'] = {}): Promise<View> {
  const role = user === null ? 'anon' : 'user';
  const [status, view] = await ask<View>('/view', { user, role, claims } satisfies Viewer);
  expect(status).toBe(200);
  return view;
}

function keysSeen({ tables }: View): Record<string, string[]> {
  return Object.fromEntries(tables.map(({ table, keys }) => [table, keys.toSorted()]));
}

describe('view as user', () => {
  test('shows the rows that the policies show', async () => {
    expect(keysSeen(await viewOf('ada'))).toEqual({
      projects: ["'ada''s'", "'bob''s'"],
      members: ["'bob''s', 'ada'"],
      tasks: ['2', '3'],
      drafts: [],
    });
    expect(keysSeen(await viewOf('bob'))).toMatchObject({ projects: ["'bob''s'", "'cy''s'"], tasks: [] });
    expect(keysSeen(await viewOf(null))).toEqual({ projects: [], members: [], tasks: [], drafts: [] });
  });

  test('goes by the claims too', async () => {
    const { tasks } = keysSeen(await viewOf('bob', { boss: 1 }));
    expect(tasks).toEqual(['1', '2', '3']);
  });

  test('counts rows once, names scopes, and tells tables without a policy', async () => {
    const view = await viewOf('ada', { boss: 1 });
    expect(view.isRestricted).toBe(true);
    const tasks = view.tables.find(({ table }) => table === 'tasks');
    expect(tasks).toMatchObject({ rows: { value: 3, isLeast: false }, hasPolicies: true });
    expect(view.tables.find(({ table }) => table === 'drafts')?.hasPolicies).toBe(false);
    expect(view.scopes).toBe(view.scopeList.length);
    const shared = view.scopeList.find(({ key }) => key === "'bob''s'");
    expect(shared?.tables).toEqual([{ table: 'tasks', rows: { value: 2, isLeast: false } }]);
  });

  test('sees at once what another program has changed in the file', async () => {
    const file = new Database(join(server.dataDirectory, 'databases', 'team.db'));
    file.exec("INSERT INTO members VALUES ('ada''s', 'dora')");
    file.close();
    expect(keysSeen(await viewOf('dora'))).toMatchObject({ projects: ["'ada''s'"], tasks: ['1'] });
  });

  test('names at most 100 keys, and counts all', async () => {
    const file = new Database(join(server.dataDirectory, 'databases', 'team.db'));
    file.exec(
      'WITH n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1499)' +
        " INSERT INTO projects SELECT i, 'eve' FROM n",
    );
    file.close();
    const { tables } = await viewOf('eve');
    const projects = tables.find(({ table }) => table === 'projects');
    expect([projects?.rows.value, projects?.keys.length]).toEqual([500, 100]);
  });

  const ADA = { user: 'ada', role: 'user', claims: {} };

  test.each([
    ['without a user', { ...ADA, user: undefined }, /user/],
    ['with a role that is not restricted', { ...ADA, role: 'admin' }, /role/],
    ['with a list of claims', { ...ADA, claims: [] }, /claims/],
    ['with more than is known', { ...ADA, more: 1 }, /additional/],
    ['with a long user', { ...ADA, user: 'x'.repeat(1025) }, /user/],
    ['with half a body', '{"user": "ada", "role"', /JSON/],
    ['with a prototype', '{"__proto__": {}, "user": null, "role": "anon", "claims": {}}', /JSON/],
    ['with a large body', { ...ADA, claims: { x: 'x'.repeat(70_000) } }, /large/],
  ])('a question %s is refused', async (_kind, body, words) => {
    const [status, { detail }] = await ask<{ detail: string }>('/view', body);
    expect([status, detail]).toEqual([400, expect.stringMatching(words)]);
  });

  test('a body of another type is refused', async () => {
    const [status, { detail }] = await ask<{ detail: string }>('/view', 'x', 'text/plain');
    expect([status, detail]).toEqual([415, 'the body must be of type application/json']);
  });
});

describe('refused writes', () => {
  test('are listed with device, row and reason, and without the values', async () => {
    expect((await ask('/refusals'))[1]).toEqual({ total: 0, refusals: [] });
    const site = await writeWhatIsRefused(server, 'one', HOSTILE);
    const [, { total, refusals }] = await ask<Inspections['refusals']['result']>('/refusals');
    expect(total).toBe(2);
    expect(refusals.map(({ key }) => key).sort()).toEqual(
      [`'${HOSTILE.replaceAll("'", "''")}'`, "'one'"].sort(),
    );
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ site, subject: 'a stranger', table: 'projects', code: 'denied' });
      expect(Math.abs(refusal.at - Date.now())).toBeLessThan(60_000);
    }
    const [, summary] = await ask<DatabaseSummary>('');
    expect(summary.refused).toBe(2);
  });
});

describe('policies', () => {
  test('the text in force, and all versions', async () => {
    deploy(server, 'team', `${POLICIES}-- second\n`);
    const [, { text, problems, versions }] = await ask<Inspections['policies']['result']>('/policies');
    expect(text).toBe(`${POLICIES}-- second\n`);
    expect(problems).toEqual([]);
    expect(versions.map(({ version }) => version)).toEqual([2, 1]);
    expect((await ask<DatabaseSummary>(''))[1].policies).toBe(2);
  });

  test('what does not fit the tables is named with its place', async () => {
    deploy(server, 'team', `${POLICIES}CREATE POLICY lost ON missing FOR SELECT USING (true);\n`);
    const [, { problems }] = await ask<Inspections['policies']['result']>('/policies');
    expect(problems).toEqual([expect.objectContaining({ line: POLICIES.split('\n').length })]);
    expect(problems[0]?.message).toMatch(/missing/);
  });
});
