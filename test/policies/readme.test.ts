/**
 * readme.test.ts: the example of README.md's section on policies does what the section says.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SyncDatabase } from '../../src/server/store/database.js';
import { blockNamed } from '../readme/blocks.js';
import { runProgram } from '../support/server.js';

const directory = mkdtempSync(join(tmpdir(), 'cloudsync-policies-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ROWS = `
INSERT INTO projects VALUES ('p1', 'ann', 'garden'), ('p2', 'cat', 'house');
INSERT INTO members VALUES ('m1', 'p1', 'bob');
INSERT INTO tasks VALUES ('t1', 'p1', 'ann', 'water'), ('t2', 'p1', 'bob', 'weed'), ('t9', 'p2', 'cat', 'paint');
INSERT INTO comments VALUES ('c1', 't1', 'bob', 'done');`;

test('the policies of the example have no errors and warn of nothing, and its expectations hold', () => {
  runProgram('key', 'add', '--data', directory);
  const database = new SyncDatabase('app', join(directory, 'databases', 'app.db'));
  database.sqlite.exec(blockNamed('file', 'tables.sql').text + ROWS);
  for (const name of ['projects', 'members', 'tasks', 'comments']) {
    database.sqlite.prepare("SELECT cloudsync_init(?, 'cls', 1)").get(name);
  }
  database.close();
  const [policies, expectations] = [join(directory, 'policies.sql'), join(directory, 'expectations.json')];
  writeFileSync(policies, blockNamed('file', 'policies.sql').text);
  writeFileSync(expectations, blockNamed('file', 'expectations.json').text);
  const run = (action: string, file: string) =>
    runProgram('policy', action, '--data', directory, '--db', 'app', file);
  const deployed = run('deploy', policies);
  expect(deployed.output).toContain('10 policies, 0 errors, 0 warnings\nversion 1 is in force');
  const tried = run('test', expectations);
  expect(tried.output).toBe('5 expectations, 0 failed\n');
});
