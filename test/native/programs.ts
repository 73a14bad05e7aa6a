/**
 * programs.ts: finds the programs of this machine with which SQLite users load extensions. Each may be missing,
 * or built without extension loading: tests that need one are skipped then, visibly.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const EXTENSIONS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'dylib', win32: 'dll' };

/** The loadable extension that `npm run build` has made. */
export const extensionFile = resolve(
  import.meta.dirname,
  '../../build/Release',
  `cloudsync.${EXTENSIONS[process.platform] ?? 'so'}`,
);

/** Does the program run these arguments successfully? */
function works(program: string, args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

const CHECK = 'import sqlite3; sqlite3.connect(":memory:").enable_load_extension(True)';

/** A Python whose sqlite3 module can load extensions. */
export const python = ['/usr/bin/python3', 'python3'].find((program) => works(program, ['-c', CHECK]));

/** SQLite's command line. */
export const sqlite = ['sqlite3'].find((program) => works(program, ['-version']));

/** Runs a program with this text on stdin and returns its trimmed stdout; throws when it fails. */
export function runProgram(program: string, args: string[], input = ''): string {
  const result = spawnSync(program, args, { input, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${program} failed (${result.status}): ${result.stderr}`);
  return result.stdout.trim();
}
