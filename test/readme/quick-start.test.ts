/**
 * quick-start.test.ts: runs the lines of README.md as they are printed there: the server by npx, two sqlite3 programs
 * with somebody typing, Python, Node. Only the port and the key are replaced by what the server prints. The folder in
 * which they run has what the README promises after a build: `build`, and this package and better-sqlite3 installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { python, sqlite } from '../native/programs.js';
import { type Block, exchanges, namedBlocks, root } from './blocks.js';
import { Terminal } from './terminal.js';

const blocks = namedBlocks();
const SHOWN_PORT = '8080';
const SHOWN_KEY = 'csk_...';
const SITE_ID = /^[0-9a-f]{32}$/gm;

let folder: string;
let server: ChildProcess;
let port: string;
let key: string;

/** The line with the real port and key. */
function real(line: string): string {
  return line.replaceAll(SHOWN_PORT, port).replaceAll(SHOWN_KEY, key);
}

/** What is printed, with everything that differs from run to run as the README shows it. */
function asShown(text: string): string {
  return text.replaceAll(port, SHOWN_PORT).replaceAll(key, SHOWN_KEY).replace(SITE_ID, 'SITE');
}

function block(kind: string, name: string): Block {
  const found = blocks.find((one) => one.kind === kind && one.name === name);
  if (found === undefined) throw new Error(`README.md has no block "${kind}: ${name}"`);
  return found;
}

function serverLog(): string {
  return readFileSync(join(folder, 'server.log'), 'utf8');
}

/** Starts the server by the printed line, on a free port. Returns what it prints until it listens. */
async function startShownServer(): Promise<string> {
  const [first] = exchanges(block('run', 'server'));
  const line = (first?.typed ?? '').replace(SHOWN_PORT, '0');
  // A process group of its own, because npx starts the server as a child.
  server = spawn('sh', ['-c', `exec ${line}`], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  server.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (!/^listening on .*\n/m.test(output)) {
    if (server.exitCode !== null) throw new Error(`the server of the README ended: ${output}${serverLog()}`);
    await Promise.race([once(server.stdout as NodeJS.ReadableStream, 'data'), once(server, 'exit')]);
  }
  return output;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-readme-'));
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(join(root, 'build'), join(folder, 'build'));
  symlinkSync(root, join(folder, 'node_modules', 'cloudsync'));
  symlinkSync(join(root, 'node_modules', 'better-sqlite3'), join(folder, 'node_modules', 'better-sqlite3'));
  symlinkSync(
    join('..', 'cloudsync', 'dist', 'server', 'main.js'),
    join(folder, 'node_modules', '.bin', 'cloudsync'),
  );
  const output = await startShownServer();
  port = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(output)?.[1] ?? '';
  key = /^admin key .*: (csk_\S+)$/m.exec(output)?.[1] ?? '';
  const [first] = exchanges(block('run', 'server'));
  expect(asShown(output)).toBe(first?.printed);
});

afterAll(async () => {
  if (server.pid !== undefined && server.exitCode === null) {
    const ended = once(server, 'exit');
    process.kill(-server.pid, 'SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

test.skipIf(sqlite === undefined)('the terminals (skipped without the sqlite3 program)', async () => {
  const terminals = new Map<string, Terminal>();
  let lines = 0;
  for (const shown of blocks.filter(({ name }) => ['phone', 'laptop'].includes(name))) {
    for (const { typed, printed } of exchanges(shown)) {
      const terminal = terminals.get(shown.name);
      if (terminal === undefined) {
        expect(typed).toBe(`sqlite3 ${shown.name}.db`);
        const opened = new Terminal(typed, folder);
        await opened.open();
        terminals.set(shown.name, opened);
        continue;
      }
      const answer = await terminal.type(real(typed));
      expect(asShown(answer), `${shown.name}: ${typed}`).toBe(printed.replace(SITE_ID, 'SITE'));
      lines++;
    }
  }
  for (const terminal of terminals.values()) await terminal.close();
  expect(lines).toBeGreaterThan(20);
});

/** Runs a program on the printed source text in a file. */
function runSource(program: string, fileName: string, source: string): string {
  writeFileSync(join(folder, fileName), real(source));
  const result = spawnSync(program, [fileName], { cwd: folder, encoding: 'utf8' });
  expect(result.stderr).toBe('');
  return result.stdout;
}

describe.skipIf(sqlite === undefined)('the same from (after the terminals)', () => {
  test.skipIf(python === undefined)('Python (skipped when its sqlite3 cannot load extensions)', () => {
    const output = runSource(python ?? '', 'example.py', block('run', 'python').text);
    expect(output).toBe(block('output', 'python').text);
  });

  test.skipIf(python === undefined)('Node, which sees the row from Python too', () => {
    const output = runSource(process.execPath, 'example.mjs', block('run', 'node').text);
    expect(output).toBe(block('output', 'node').text);
  });
});

test('npx finds the program in the folder of the repository itself', () => {
  const result = spawnSync('npx', ['cloudsync', '--help'], { cwd: root, encoding: 'utf8' });
  expect(result.stdout).toContain('usage: cloudsync serve --data DIR --port N');
  expect(result.status).toBe(0);
});
