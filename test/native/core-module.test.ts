/**
 * core-module.test.ts: the contract between core.wasm and its hosts: exactly the imports that host.ts declares,
 * exactly the exports that the shim calls, within the limits of memory, and the same bytes from the same sources.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const bytes = readFileSync(join(root, 'build/core.wasm'));
const module = new WebAssembly.Module(bytes);

const EXPORTS = [
  'abort_column',
  'abort_file',
  'abort_line',
  'abort_reason',
  'call',
  'core_allocate',
  'function_count',
  'function_describe',
  'memory',
  'session_answer',
  'session_next',
];

test('the imports are those of src/core/host.ts, and all of them are used', () => {
  const source = readFileSync(join(root, 'src/core/host.ts'), 'utf8');
  const declared = [...source.matchAll(/^export declare function (\w+)\(/gm)].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(40);
  const imported = WebAssembly.Module.imports(module);
  expect(imported.map((entry) => entry.name).sort()).toEqual(declared.sort());
  expect(new Set(imported.map((entry) => `${entry.module} ${entry.kind}`))).toEqual(
    new Set(['host function']),
  );
});

test('the exports are those that hosts call', () => {
  const exported = WebAssembly.Module.exports(module).map((entry) => entry.name);
  expect(exported.sort()).toEqual(EXPORTS);
});

test('the same sources give the same bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-core-'));
  const compiler = join(root, 'node_modules/assemblyscript/bin/asc.js');
  const args = ['--config', 'asconfig.json', '--target', 'release', '--outFile', join(folder, 'core.wasm')];
  args.push('--transform', './scripts/asc-transform.mjs');
  execFileSync(process.execPath, [compiler, ...args], { cwd: root });
  const again = readFileSync(join(folder, 'core.wasm'));
  rmSync(folder, { recursive: true });
  expect(again.equals(bytes)).toBe(true);
});
