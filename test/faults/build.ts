/**
 * build.ts: compiles the fault harness: with the delivered extension, which it loads, or with the extension linked in
 * and sanitizers.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compile, sourcesOf, sqliteFolder } from '../simulated/build.ts';

const root = resolve(import.meta.dirname, '../..');
const COMMON = ['-std=c11', '-D_GNU_SOURCE', '-DSQLITE_CORE', '-g', '-O1', '-I', sqliteFolder, '-pthread'];
const STRICT = ['-Wall', '-Wextra', '-Werror'];
const SQLITE_OPTIONS = ['-DSQLITE_THREADSAFE=1', '-DSQLITE_ENABLE_FTS5', '-DSQLITE_ENABLE_STAT4'];

/** SQLite as an object file; the sanitized variants are for the checks that need SQLite itself to be seen. */
function sqliteObject(variant: string, options: string[] = []): string {
  return compile({
    name: `sqlite-${variant}.o`,
    sources: [join(sqliteFolder, 'sqlite3.c')],
    includes: [join(sqliteFolder, 'sqlite3.h')],
    options: ['-std=gnu11', '-O1', '-g', '-w', '-c', ...SQLITE_OPTIONS, ...options],
  });
}

const harness = () => [...sourcesOf('test/faults'), ...sourcesOf('test/simulated')].filter(isHarness);

/** The entry point of the loadable extension has no place in a program, nor what else is simulated. */
function isHarness(file: string): boolean {
  return /\/faults\/\w+\.c$|\/simulated\/disk\w*\.c$/.test(file) && !file.includes('disk_functions');
}

/** The harness that loads the extension that is delivered. @returns its path */
export function buildFaults(): string {
  return compile({
    name: 'faults',
    sources: [...harness(), sqliteObject('plain')],
    includes: [join(root, 'test/faults'), join(root, 'test/simulated'), sqliteFolder],
    options: [...COMMON, ...STRICT, '-rdynamic', '-ldl', '-lm'],
  });
}

/** The extension as object files of a program, compiled with the given options. */
function extensionObjects(variant: string, options: string[]): string[] {
  const shim = sourcesOf('shim').filter((file) => !file.endsWith('platform_windows.c'));
  return [...shim, join(root, 'build/core.c')].map((source) => {
    const name = source.slice(source.lastIndexOf('/') + 1, -2);
    // The core's memory comes from functions of the harness, which can fail; the other program has none.
    const canFail = name === 'runtime' && variant === 'address';
    const memory = canFail ? ['-Dcalloc=core_calloc', '-Drealloc=core_realloc'] : [];
    // Of generated code no debugger has to know every variable; it takes the compiler minutes.
    const debug = name === 'core' ? ['-g1', '-fno-var-tracking'] : [];
    const headers = ['-I', join(root, 'shim'), '-I', join(root, 'build')];
    return compile({
      name: `extension-${variant}/${name}.o`,
      sources: [source],
      includes: [join(root, 'shim'), join(root, 'build/core.h'), sqliteFolder],
      options: [...COMMON, '-w', '-c', ...headers, ...memory, ...options, ...debug],
    });
  });
}

/** The harness with the extension linked in, under AddressSanitizer, LeakSanitizer and UBSan. @returns its path */
export function buildSanitizedFaults(): string {
  const options = ['-DHARNESS_STATIC', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  return compile({
    name: 'faults-sanitized',
    sources: [...harness(), ...extensionObjects('address', options), sqliteObject('plain')],
    includes: [join(root, 'test/faults'), join(root, 'test/simulated'), sqliteFolder],
    options: [...COMMON, ...STRICT, ...options, '-ldl', '-lm'],
  });
}

/** The program of several threads under ThreadSanitizer, SQLite too. @returns its path */
export function buildThreads(): string {
  const options = ['-DHARNESS_STATIC', '-fsanitize=thread'];
  return compile({
    name: 'threads-sanitized',
    sources: [
      ...sourcesOf('test/faults/threads'),
      ...extensionObjects('thread', options),
      sqliteObject('thread', ['-fsanitize=thread']),
    ],
    includes: [sqliteFolder],
    options: [...COMMON, ...STRICT, ...options, '-ldl', '-lm'],
  });
}

/** Why the C compiler of this machine cannot build programs with these sanitizers that run; undefined = it can. */
export function sanitizerProblem(sanitizers: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-sanitizer-'));
  try {
    writeFileSync(join(folder, 'empty.c'), 'int main(void) { return 0; }\n');
    execFileSync('cc', [`-fsanitize=${sanitizers}`, join(folder, 'empty.c'), '-o', join(folder, 'empty')], {
      stdio: 'pipe',
    });
    const ran = spawnSync(join(folder, 'empty'), { encoding: 'utf8' });
    return ran.status === 0
      ? undefined
      : `a program with -fsanitize=${sanitizers} does not run: ${ran.stderr}`;
  } catch (error) {
    return `cc cannot do -fsanitize=${sanitizers}: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
