/**
 * fixture.ts: one small application for the tests of policies: projects with members, tasks in projects, shares of
 * single tasks, comments on tasks.
 */
import { AuthFunctions } from '../../src/server/policies/auth-functions.js';
import { type Compilation, compilePolicies } from '../../src/server/policies/compile.js';
import { principalOf } from '../../src/server/policies/expectations.js';
import { visibleRows } from '../../src/server/policies/visible-rows.js';
import { type Connection, initTable, openDatabase } from '../support/database.js';

const TABLES = `
CREATE TABLE projects(id TEXT PRIMARY KEY NOT NULL, owner TEXT, public INTEGER, email TEXT COLLATE NOCASE);
CREATE TABLE members(id TEXT PRIMARY KEY NOT NULL, project TEXT, user TEXT, role TEXT, UNIQUE(project, user));
CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, project TEXT, owner TEXT, state TEXT, extra TEXT);
CREATE TABLE shares(id TEXT PRIMARY KEY NOT NULL, task TEXT, user TEXT);
CREATE TABLE comments(id TEXT PRIMARY KEY NOT NULL, task TEXT, body TEXT, at INTEGER);
CREATE TABLE pairs(a TEXT NOT NULL, b TEXT NOT NULL, user TEXT, PRIMARY KEY(a, b));
INSERT INTO projects VALUES ('p1', 'ann', 0, 'Ann@x'), ('p2', 'bob', 1, 'Bob@x');
INSERT INTO members VALUES ('m1', 'p1', 'bob', 'writer'), ('m2', 'p2', 'cat', 'reader');
INSERT INTO tasks VALUES ('t1', 'p1', 'ann', 'open', '{"team":"red"}'), ('t2', 'p2', 'bob', 'open', 'no JSON'),
  ('t3', 'p2', 'bob', 'done', NULL);
INSERT INTO shares VALUES ('s1', 't1', 'dan'), ('s2', 't1', 'eve'), ('s3', 't3', 'dan');
INSERT INTO comments VALUES ('c1', 't1', 'first', 1), ('c2', 't2', 'second', 2), ('c3', 't3', 'third', 3);
INSERT INTO pairs VALUES ('x', 'y', 'ann'), ('x', 'z', 'bob');`;

export interface Application {
  db: Connection;
  auth: AuthFunctions;
}

export function makeApplication(): Application {
  const db = openDatabase();
  // As on the server.
  db.defaultSafeIntegers(false);
  db.exec(TABLES);
  for (const name of ['projects', 'members', 'tasks', 'shares', 'comments', 'pairs'])
    initTable(db, name, 'cls', true);
  db.exec('CREATE TABLE local(id TEXT PRIMARY KEY NOT NULL, task TEXT)');
  return { db, auth: new AuthFunctions(db) };
}

export function compiled({ db }: Application, text: string): Compilation {
  const compilation = compilePolicies(db, text);
  const [error] = compilation.errors;
  if (error !== undefined) throw error;
  return compilation;
}

/** The keys of the rows of a table that a user sees, in order, each as text. */
export function seen(
  application: Application,
  { policies, schema }: Compilation,
  table: string,
  user: string | undefined,
  claims: Record<string, unknown> = {},
): string[] {
  const [view, of] = [schema.table(table), policies.tables.get(table)];
  const sql = view && of && visibleRows(of, view);
  if (sql === undefined) return [];
  return application.auth.asPrincipal(principalOf(user, claims), () => {
    const rows = application.db.prepare(sql).raw().all() as unknown[][];
    return rows.map((key) => key.join(' ')).sort();
  });
}
