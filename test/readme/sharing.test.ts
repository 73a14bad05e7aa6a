/**
 * sharing.test.ts: runs "Two people and a project" of README.md as it is printed there: files, server, policies,
 * tokens, and three sqlite3 programs with somebody typing. Only port, key and tokens are replaced by the real ones.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqlite } from '../native/programs.js';
import { blockNamed, exchanges } from './blocks.js';
import { ShownServer } from './shown-server.js';
import { typeBlocks } from './terminal.js';

const server = new ShownServer(['jose']);
const FILES = ['tables.sql', 'policies.sql', 'team.json', 'token.mjs', 'setup.sql'];

beforeAll(async () => {
  const shown = blockNamed('run', 'team');
  for (const name of FILES.filter((file) => file !== 'setup.sql')) writeFile(name);
  await server.start(shown);
  expect(server.printed).toBe(exchanges(shown)[0]?.printed);
  writeFile('setup.sql');
});

afterAll(() => server.stop());

function writeFile(name: string): void {
  writeFileSync(join(server.folder, name), server.real(blockNamed('file', name).text));
}

/** Runs a line of the shell. @returns what it prints on both outputs */
function run(line: string): string {
  const { stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: server.folder, encoding: 'utf8' });
  // Without what npm says about its own settings.
  return stdout + stderr.replace(/^npm (warn|notice).*\n/gm, '');
}

test.skipIf(sqlite === undefined)(
  'two people and a project (skipped without the sqlite3 program)',
  async () => {
    expect(await typeBlocks(server, ['office'])).toBeGreaterThan(2);
    const tokens = new Map<string, string>();
    for (const { typed, printed } of exchanges(blockNamed('run', 'shell'))) {
      const answer = run(typed);
      if (printed.startsWith('eyJ')) tokens.set(printed.trim(), answer.trim());
      else expect(answer, typed).toBe(printed);
    }
    expect(tokens.size).toBe(2);
    expect(await typeBlocks(server, ['ann', 'bob'], tokens)).toBeGreaterThan(20);
  },
);
