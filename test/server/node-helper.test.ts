/**
 * node-helper.test.ts: the Node helper: finds the extension from the sources and from the build, loads it,
 * and says what is wrong.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { type ExtensionLoader, extensionPath, load } from '../../src/node/index.js';

const BUILT = fileURLToPath(new URL('../../dist/node/index.js', import.meta.url));

test('sources and build find the same file', async () => {
  const built = (await import(pathToFileURL(BUILT).href)) as typeof import('../../src/node/index.js');
  expect(built.extensionPath()).toBe(extensionPath());
  expect(extensionPath()).toMatch(/build[\\/]Release[\\/]cloudsync\.(so|dylib|dll)$/);
});

test('better-sqlite3: loads, also twice', () => {
  const database = new Database(':memory:');
  load(database);
  load(database);
  expect(database.prepare('SELECT cloudsync_version()').pluck().get()).toMatch(/^\d+\.\d+\.\d+/);
  database.close();
});

/** The part of node:sqlite that is used here. */
interface SqliteModule {
  DatabaseSync: new (
    path: string,
    options?: { allowExtension: boolean },
  ) => ExtensionLoader & { prepare(sql: string): { get(): unknown } };
}

const hasNodeSqlite = Number(process.versions.node.split('.')[0]) >= 24;

test.skipIf(!hasNodeSqlite)('node:sqlite: loads, and refuses with advice when it may not', async () => {
  // The types of the oldest supported Node do not know this module.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite') as unknown as SqliteModule;
  const database = new DatabaseSync(':memory:', { allowExtension: true });
  load(database);
  expect(database.prepare('SELECT cloudsync_version() AS version').get()).toHaveProperty('version');
  expect(() => load(new DatabaseSync(':memory:'))).toThrow(/allowExtension: true/);
});

test('a database of the shape of node:sqlite: permission is given for the load only', () => {
  const real = new Database(':memory:');
  const calls: unknown[] = [];
  load({
    enableLoadExtension: (allow) => calls.push(allow),
    loadExtension: (path) => {
      calls.push('load');
      real.loadExtension(path);
    },
  });
  expect(calls).toEqual([true, 'load', false]);
  expect(real.prepare('SELECT cloudsync_version()').pluck().get()).toBeTypeOf('string');
  const refusing = {
    enableLoadExtension: () => {
      throw new Error('Cannot enable extension loading');
    },
    loadExtension: () => undefined,
  };
  expect(() => load(refusing)).toThrow(/allowExtension: true/);
});

test('no database', () => {
  for (const value of [undefined, null, {}, 'app.db']) {
    expect(() => load(value as unknown as Database.Database)).toThrow(/needs an open database/);
  }
});

test('a package that was not built says what to do', () => {
  const empty = mkdtempSync(join(tmpdir(), 'cloudsync-unbuilt-'));
  mkdirSync(join(empty, 'dist', 'node'), { recursive: true });
  writeFileSync(join(empty, 'package.json'), '{"type":"module"}');
  cpSync(BUILT, join(empty, 'dist', 'node', 'index.js'));
  const url = pathToFileURL(join(empty, 'dist', 'node', 'index.js')).href;
  const script = `import('${url}').then((module) => module.extensionPath())`;
  const result = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  rmSync(empty, { recursive: true });
  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('run npm run build');
});
