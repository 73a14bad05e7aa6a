/**
 * team.ts: a database with policies, for the tests of what an administrator is told about them: projects with members
 * and tasks, and a table without any policy.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { deployPolicies } from '../../src/server/policies/active-policies.js';
import { Device } from '../end-to-end/device.js';
import { Client } from '../server/client.js';
import { Device as HandDevice } from '../server/device.js';
import { addKey, type RunningServer } from '../support/server.js';

const TABLES = {
  projects: 'CREATE TABLE projects(id TEXT PRIMARY KEY NOT NULL, owner TEXT)',
  members: 'CREATE TABLE members(project TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY(project, person))',
  tasks: 'CREATE TABLE tasks(id INTEGER PRIMARY KEY NOT NULL, project TEXT, title TEXT)',
  drafts: 'CREATE TABLE drafts(id TEXT PRIMARY KEY NOT NULL, body TEXT)',
};

export const POLICIES = `-- Who sees what in the database team.
CREATE POLICY own ON projects FOR SELECT
  USING (owner = auth_userid() OR id IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid()));
CREATE POLICY self ON members FOR SELECT USING (person = auth_userid());
CREATE POLICY inside ON tasks FOR SELECT
  USING (project IN (SELECT m.project FROM members AS m WHERE m.person = auth_userid()) OR auth_claim('boss') = 1);
CREATE POLICY write ON projects FOR INSERT WITH CHECK (NEW.owner = auth_userid());
`;

/** Puts policies into force in a database of a running server. */
export function deploy(server: RunningServer, name: string, text: string): void {
  const sqlite = new Database(join(server.dataDirectory, 'databases', `${name}.db`));
  deployPolicies(sqlite, text, createHash('sha256').update(text).digest('hex'), Date.now());
  sqlite.close();
}

/** Makes the database "team": Ada owns one project and is a member of Bob's. */
export function makeTeam(server: RunningServer): void {
  const device = new Device();
  for (const [name, sql] of Object.entries(TABLES)) {
    device.run(sql).value("SELECT cloudsync_init(?, 'cls', 1)", name);
  }
  device.run(`
    INSERT INTO projects VALUES ('ada''s', 'ada'), ('bob''s', 'bob'), ('cy''s', 'cy');
    INSERT INTO members VALUES ('bob''s', 'ada'), ('cy''s', 'bob');
    INSERT INTO tasks VALUES (1, 'ada''s', 'secret title'), (2, 'bob''s', 'secret title'), (3, 'bob''s', '');
    INSERT INTO drafts VALUES ('d', 'secret body');`);
  device.connect(server, 'team').sync();
  device.close();
  deploy(server, 'team', POLICIES);
}

/** Lets a device of an anonymous key write projects into "team", which it may not. Returns its site. */
export async function writeWhatIsRefused(server: RunningServer, ...projects: string[]): Promise<string> {
  const key = addKey(server.dataDirectory, '--role', 'anon', '--subject', 'a stranger');
  const device = new HandDevice(new Client(server.url, key, 'team'), TABLES.projects);
  await device.register();
  for (const id of projects) device.database.prepare("INSERT INTO projects VALUES (?, 'ada')").run(id);
  const answer = await device.push(device.packet());
  if (answer.status !== 200) throw new Error(`the push was answered ${answer.status}`);
  return device.site.toString('hex');
}
