/**
 * build.ts: compiles the C programs of the tests into build/test, each only when its inputs have changed. Several
 * vitest workers may ask at the same time: each compiles into a file of its own and renames it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { filesBelow, fingerprint } from '../../scripts/tools.mjs';

const root = resolve(import.meta.dirname, '../..');
const output = join(root, 'build/test');

/** Where SQLite's amalgamation and headers are. */
export const sqliteFolder = join(
  dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json')),
  'deps/sqlite3',
);

/** The C files of a folder, by their paths. */
export function sourcesOf(...folder: string[]): string[] {
  return filesBelow(join(root, ...folder)).filter((file) => file.endsWith('.c'));
}

export interface Compilation {
  /** Name of the result in build/test. */
  name: string;
  /** Files that the compiler gets. */
  sources: string[];
  /** Files and folders that the sources include. */
  includes: string[];
  /** Options; -I for each folder of headers among them. */
  options: string[];
}

/** Compiles, unless the result is there and its inputs are the same as then. @returns its path */
export function compile({ name, sources, includes, options }: Compilation): string {
  const file = join(output, name);
  const stamp = `${file}.fingerprint`;
  const inputs = fingerprint([...sources, ...includes], options);
  if (existsSync(file) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return file;
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  execFileSync('cc', [...sources, ...options, '-o', unfinished], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(unfinished, file);
  writeFileSync(stamp, inputs);
  return file;
}

/**
 * The simulated surroundings as a loadable extension. Its soname is libcurl's, so that an extension that looks for
 * libcurl after this one was loaded finds the simulated one.
 */
export function buildSimulated(): string {
  return compile({
    name: 'simulated.so',
    sources: sourcesOf('test/simulated'),
    includes: [join(root, 'test/simulated'), sqliteFolder],
    options: [
      ...['-std=c11', '-D_GNU_SOURCE', '-O2', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'],
      ...['-I', join(root, 'test/simulated'), '-I', sqliteFolder],
      ...['-Wl,-soname,libcurl.so.4', '-Wl,-Bsymbolic', '-ldl', '-pthread'],
    ],
  });
}
