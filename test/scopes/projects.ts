/**
 * projects.ts: the application of the tests of scopes: projects with members, tasks in projects that may be shared one
 * by one, comments on tasks; with policies of every kind of link.
 */
export const SCHEMA = `
CREATE TABLE projects(id TEXT PRIMARY KEY NOT NULL, owner TEXT, name TEXT)
CREATE TABLE members(id TEXT PRIMARY KEY NOT NULL, project TEXT, person TEXT)
CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, project TEXT, owner TEXT, title TEXT, secret INTEGER)
CREATE TABLE shares(id TEXT PRIMARY KEY NOT NULL, task TEXT, person TEXT)
CREATE TABLE comments(id TEXT PRIMARY KEY NOT NULL, task TEXT, body TEXT)`;

export const IS_MEMBER = 'project IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid())';
export const IS_SHARED = 'id IN (SELECT s.task FROM shares AS s WHERE s.person = auth_userid())';
export const IS_OWN = 'owner = auth_userid()';

/** What a user sees of each table, as conditions. */
export type Visibility = Record<'projects' | 'members' | 'tasks' | 'shares' | 'comments', string>;

/** Policies that let users see that, and write what `mayWrite` says. */
export function policies(visible: Visibility, mayWrite = 'true'): string {
  return Object.entries(visible)
    .map(([table, condition]) => {
      const checks = ['INSERT', 'UPDATE', 'DELETE'].map((command) => {
        const check = command === 'INSERT' ? 'WITH CHECK' : 'USING';
        return `CREATE POLICY ${table}_${command} ON ${table} FOR ${command} ${check} (${mayWrite});`;
      });
      return [`CREATE POLICY ${table}_see ON ${table} FOR SELECT USING (${condition});`, ...checks].join(
        '\n',
      );
    })
    .join('\n');
}

const TASK = `(${IS_OWN} OR ${IS_MEMBER} OR ${IS_SHARED})`;

/** The policies between which a random history deploys. */
export const VARIANTS: readonly Visibility[] = [
  {
    projects: `${IS_OWN} OR id IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid())`,
    members: 'person = auth_userid()',
    tasks: TASK,
    shares: 'person = auth_userid()',
    comments: `task IN (SELECT t.id FROM tasks AS t WHERE t.${IS_OWN})`,
  },
  {
    projects: IS_OWN,
    members: `project IN (SELECT p.id FROM projects AS p WHERE p.${IS_OWN})`,
    tasks: `${IS_OWN} OR (secret = 0 AND ${IS_MEMBER})`,
    shares: `task IN (SELECT t.id FROM tasks AS t WHERE t.${IS_OWN})`,
    comments: `task IN (SELECT s.task FROM shares AS s WHERE s.person = auth_userid())`,
  },
  {
    projects: 'true',
    members: 'person = auth_userid()',
    tasks: `${IS_MEMBER} AND ${IS_OWN}`,
    shares: 'person = auth_userid()',
    comments: `task IN (SELECT t.id FROM tasks AS t WHERE t.${IS_MEMBER.replace('project IN', 'project IN')})`,
  },
];
