/**
 * application.mjs: what the benchmark of policies synchronises: tasks in projects that have members, and the policies
 * that are compared.
 */

export const DEFINITIONS = {
  members: 'CREATE TABLE members(id TEXT PRIMARY KEY NOT NULL, project TEXT, person TEXT)',
  tasks:
    'CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, project TEXT, owner TEXT, title TEXT, status TEXT, ' +
    'priority INTEGER)',
};

export const ADD_MEMBER = 'INSERT INTO members VALUES (?, ?, ?)';
export const REMOVE_MEMBER = 'DELETE FROM members WHERE id = ?';
export const ADD_TASK = "INSERT INTO tasks VALUES (?, ?, ?, ?, 'open', 3)";
export const COUNT_TASKS = 'SELECT count(*) FROM tasks';

/** Makes a number of tasks in a project without bringing each of them from outside. */
export const FILL_TASKS =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ' +
  "INSERT INTO tasks SELECT cloudsync_uuid(), ?, 'the owner', 'task number ' || i, 'open', i % 5 FROM n";

function policiesWhere(condition) {
  return `CREATE POLICY see_members ON members FOR SELECT USING (person = auth_userid());
CREATE POLICY use_tasks ON tasks FOR ALL USING (${condition}) WITH CHECK (${condition});
`;
}

/** A row policy: everybody has rows of his own. */
export const OWN_ROWS = policiesWhere('owner = auth_userid()');

/** A membership policy: the rows of a project belong to its members. */
export const MEMBERSHIP = policiesWhere(
  'project IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid())',
);
