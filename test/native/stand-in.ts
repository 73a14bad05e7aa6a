/**
 * stand-in.ts: builds a loadable extension out of the real shim and the stand-in core (test/native/core), by the
 * same steps as the real one. Its functions trap, break the rules of the imports and do HTTP on demand.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const sqliteHeaders = join(
  dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json')),
  'deps/sqlite3',
);

export interface StandIn {
  /** The loadable extension. */
  file: string;
  /** Deletes it and all intermediate files. */
  remove: () => void;
}

/**
 * Builds the stand-in.
 * @param wrapped functions of the C library that test/native/faults.c replaces, for instance `dlopen`
 */
export function buildStandIn(wrapped: string[] = []): StandIn {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-stand-in-'));
  const node = (tool: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(root, 'node_modules', tool), ...args], { cwd: root });
  const core = join(folder, 'core');
  // The options of the real core, except its entry and the limit of memory.
  const { options } = JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8'));
  node(
    'assemblyscript/bin/asc.js',
    ...['test/native/core/index.ts', '--outFile', `${core}.wasm`, '-O3', '--runtime', options.runtime],
    ...['--use', ...options.use, '--transform', './scripts/asc-transform.mjs'],
    ...['--initialMemory', '2', '--maximumMemory', '512'],
  );
  node('wabt/bin/wasm2c', `${core}.wasm`, '--module-name', 'core', '--output', `${core}.c`);

  const shim = readdirSync(join(root, 'shim'))
    .filter((name) => name.endsWith('.c') && name !== 'platform_windows.c')
    .map((name) => join(root, 'shim', name));
  const faults = wrapped.length > 0 ? [join(root, 'test/native/faults.c')] : [];
  const file = join(folder, 'cloudsync.so');
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O1', '-fPIC', '-shared', '-fvisibility=hidden'];
  const wraps = wrapped.map((name) => `-Wl,--wrap=${name}`);
  const includes = ['-I', join(root, 'shim'), '-I', folder, '-I', sqliteHeaders];
  execFileSync('cc', [
    ...flags,
    '-w',
    ...wraps,
    ...includes,
    `${core}.c`,
    ...shim,
    ...faults,
    '-ldl',
    '-o',
    file,
  ]);
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}
