/**
 * programs.ts: compiles the C programs of the kill tests into build/test: SQLite's amalgamation once, the library that
 * kills at named points, and the client process. The names carry a fingerprint of what went in, so nothing is compiled
 * twice and two test files that compile at the same moment do no harm.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const FOLDER = resolve(import.meta.dirname, '../../build/test');
const SQLITE = join(
  dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json')),
  'deps/sqlite3',
);
const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-I', SQLITE];
const STRICT = ['-Wall', '-Wextra', '-Werror'];

export interface KillPrograms {
  /** The library of points.c. */
  points: string;
  /** The program of victim.c. */
  victim: string;
}

/** Compiles what is not there yet. Throws with the compiler's words. */
export function buildKillPrograms(): KillPrograms {
  const source = (name: string) => join(import.meta.dirname, name);
  const sqlite = compile('sqlite3.o', [join(SQLITE, 'sqlite3.c')], ['-c', '-DSQLITE_THREADSAFE=1']);
  return {
    points: compile('points.so', [source('points.c')], [...STRICT, '-fPIC', '-shared']),
    victim: compile('victim', [source('victim.c'), sqlite], STRICT, ['-lm', '-ldl', '-lpthread']),
  };
}

function compile(
  name: string,
  sources: readonly string[],
  options: readonly string[],
  libraries: readonly string[] = [],
): string {
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, options, libraries]));
  for (const file of sources) hash.update(readFileSync(file));
  // SQLite takes the name of an extension's entry from the letters of its file name, so the fingerprint is a folder.
  const folder = join(FOLDER, hash.digest('hex').slice(0, 16));
  const output = join(folder, name);
  if (existsSync(output)) return output;
  mkdirSync(folder, { recursive: true });
  const unfinished = `${output}.${process.pid}`;
  execFileSync('cc', [...FLAGS, ...options, ...sources, ...libraries, '-o', unfinished], { stdio: 'pipe' });
  renameSync(unfinished, output);
  return output;
}
