/**
 * build.ts: builds the fuzzer of the readers of bytes: the core of its own (test/fuzz/core) by the steps of the real
 * one, then two programs. `explore` traces which code an input reaches and so finds inputs that reach more; `decoder`
 * is several times as fast and plays many more mutations of them. With sanitizers `explore` is built under ASan and
 * UBSan.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const folder = join(root, 'build/test/fuzz');
/** Folders of what is compiled, and which files in them. */
const SOURCES: ReadonlyArray<[folder: string, files: RegExp]> = [
  ['src/core', /\.ts$/],
  ['test/fuzz/core', /\.ts$/],
  ['test/fuzz/decoder', /\.[ch]$/],
  ['shim', /\.[ch]$/],
];

export interface Fuzzer {
  explore: string;
  decoder: string;
}

function filesBelow(path: string, files: RegExp): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const file = join(path, entry.name);
    return entry.isDirectory() ? filesBelow(file, files) : files.test(file) ? [file] : [];
  });
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(([path, files]) => filesBelow(join(root, path), files)).sort()) {
    hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function node(tool: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(root, 'node_modules', tool), ...args], { cwd: root });
}

function compile(...args: string[]): void {
  execFileSync('cc', ['-std=c11', '-D_GNU_SOURCE', '-I', join(root, 'shim'), '-I', folder, ...args], {
    cwd: import.meta.dirname,
  });
}

/** True when the C compiler can do this. */
export function compilerOffers(...flags: string[]): boolean {
  const file = join(folder, 'probe.c');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, 'void __sanitizer_cov_trace_pc(void) {}\nint main(void) { return 0; }\n');
  try {
    execFileSync('cc', [...flags, file, '-o', join(folder, 'probe')], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function buildCore(): void {
  const { options } = JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8'));
  const core = join(folder, 'core');
  node(
    'assemblyscript/bin/asc.js',
    ...['test/fuzz/core/index.ts', '--outFile', `${core}.wasm`, '-O3', '--runtime', options.runtime],
    ...['--use', ...options.use, '--transform', './scripts/asc-transform.mjs'],
    ...['--initialMemory', String(options.initialMemory), '--maximumMemory', String(options.maximumMemory)],
  );
  node('wabt/bin/wasm2c', `${core}.wasm`, '--module-name', 'core', '--output', `${core}.c`);
}

function buildProgram(name: string, coreFlags: string[], flags: string[]): void {
  const object = join(folder, `${name}.o`);
  // Warnings about translated code help nobody.
  compile(...coreFlags, ...flags, '-w', '-c', join(folder, 'core.c'), '-o', object);
  const harness = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.c'));
  const shim = join(root, 'shim/runtime.c');
  compile('-O2', '-Wall', '-Wextra', ...flags, ...harness, shim, object, '-o', join(folder, name));
}

const SANITIZERS = ['-g1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const TRACING = '-fsanitize-coverage=trace-pc';

/** Builds what is out of date. */
export function buildFuzzer(sanitized: boolean): Fuzzer {
  mkdirSync(folder, { recursive: true });
  const explore = sanitized ? 'explore-sanitized' : 'explore';
  const tracing = compilerOffers(TRACING) ? [TRACING] : [];
  const steps = [
    { name: 'core', build: buildCore },
    { name: explore, build: () => buildProgram(explore, ['-O1', ...tracing], sanitized ? SANITIZERS : []) },
    { name: 'decoder', build: () => buildProgram('decoder', ['-O2'], []) },
  ];
  const current = fingerprint();
  for (const { name, build } of steps) {
    const record = join(folder, `${name}.fingerprint`);
    if (existsSync(record) && readFileSync(record, 'utf8') === current) continue;
    build();
    writeFileSync(record, current);
  }
  return { explore: join(folder, explore), decoder: join(folder, 'decoder') };
}

/** Whether the sanitizers can be used here. */
export function sanitizersWork(): boolean {
  return compilerOffers(...SANITIZERS, TRACING);
}
