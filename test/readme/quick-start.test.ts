/**
 * quick-start.test.ts: runs the lines of README.md as they are printed there: the server by npx, two sqlite3 programs
 * with somebody typing, Python, Node. Only the port and the key are replaced by what the server prints.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { python, sqlite } from '../native/programs.js';
import { blockNamed, exchanges, root } from './blocks.js';
import { ShownServer } from './shown-server.js';
import { typeBlocks } from './terminal.js';

const server = new ShownServer(['better-sqlite3']);

beforeAll(async () => {
  const shown = blockNamed('run', 'server');
  await server.start(shown);
  expect(server.printed).toBe(exchanges(shown)[0]?.printed);
});

afterAll(() => server.stop());

test.skipIf(sqlite === undefined)('the terminals (skipped without the sqlite3 program)', async () => {
  expect(await typeBlocks(server, ['phone', 'laptop'])).toBeGreaterThan(20);
});

/** Runs a program on the printed source text in a file. */
function runSource(program: string, fileName: string, source: string): string {
  writeFileSync(join(server.folder, fileName), server.real(source));
  const result = spawnSync(program, [fileName], { cwd: server.folder, encoding: 'utf8' });
  expect(result.stderr).toBe('');
  return result.stdout;
}

describe.skipIf(sqlite === undefined)('the same from (after the terminals)', () => {
  test.skipIf(python === undefined)('Python (skipped when its sqlite3 cannot load extensions)', () => {
    const output = runSource(python ?? '', 'example.py', blockNamed('run', 'python').text);
    expect(output).toBe(blockNamed('output', 'python').text);
  });

  test.skipIf(python === undefined)('Node, which sees the row from Python too', () => {
    const output = runSource(process.execPath, 'example.mjs', blockNamed('run', 'node').text);
    expect(output).toBe(blockNamed('output', 'node').text);
  });
});

test('npx finds the program in the folder of the repository itself', () => {
  const result = spawnSync('npx', ['cloudsync', '--help'], { cwd: root, encoding: 'utf8' });
  expect(result.stdout).toContain('usage: cloudsync serve --data DIR --port N');
  expect(result.status).toBe(0);
});
