/**
 * extension.test.ts: the built extension as a guest: what it shows and what it needs of the process it is loaded
 * into, where it loads, and what loading and closing leave behind.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { extensionFile, python, runProgram, sqlite } from './programs.ts';

const base = extensionFile.replace(/\.\w+$/, '');

function open(): Database.Database {
  const database = new Database(':memory:');
  database.loadExtension(extensionFile);
  return database;
}

function version(database: Database.Database): unknown {
  return database.prepare('SELECT cloudsync_version()').pluck().get();
}

describe.skipIf(process.platform !== 'linux')('symbols', () => {
  const symbols = (option: string) =>
    runProgram('nm', ['-D', option, extensionFile])
      .split('\n')
      .map((line) => line.trim().split(/\s+/).at(-1)?.replace(/@.*/, '') ?? '');

  test('shows sqlite3_cloudsync_init only', () => {
    expect(symbols('--defined-only')).toEqual(['sqlite3_cloudsync_init']);
  });

  test('needs nothing that could end the process, take signals, print, or reserve address space', () => {
    const needed = symbols('--undefined-only');
    expect(needed).toContain('memcpy');
    const forbidden =
      /^(_?_?abort|__assert_fail|sig.*|mmap.*|munmap|_?exit|_Exit|quick_exit|v?f?printf.*|puts|system)$/;
    expect(needed.filter((name) => forbidden.test(name))).toEqual([]);
    expect(needed.filter((name) => /^(curl_|sqlite3_|napi_)/.test(name))).toEqual([]);
  });
});

describe('loads and works', () => {
  test('in better-sqlite3', () => {
    const database = open();
    expect(version(database)).toMatch(/^\d+\.\d+\.\d+/);
    database.close();
  });

  test.skipIf(!sqlite)('in the sqlite3 command line, by name without extension', () => {
    const output = runProgram(sqlite ?? '', [':memory:'], `.load ${base}\nSELECT cloudsync_version();`);
    expect(output).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.skipIf(!sqlite)('in the sqlite3 command line, by the SQL function, twice', () => {
    const load = `SELECT load_extension('${base}');`;
    const output = runProgram(sqlite ?? '', [':memory:'], `${load}${load}SELECT cloudsync_version();`);
    expect(output).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test.skipIf(!python)('in Python', () => {
    const script = `
import sqlite3, sys
connection = sqlite3.connect(":memory:")
connection.enable_load_extension(True)
connection.load_extension(sys.argv[1])
print(connection.execute("SELECT cloudsync_version()").fetchone()[0])
connection.close()
`;
    expect(runProgram(python ?? '', ['-c', script, base])).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('with untrusted schema and DEFENSIVE (better-sqlite3 has it on)', () => {
    const database = new Database(':memory:');
    database.pragma('trusted_schema = OFF');
    database.loadExtension(extensionFile);
    expect(version(database)).toMatch(/^\d/);
    database.close();
  });
});

describe('comes and goes', () => {
  test('a second load on one connection changes nothing', () => {
    const database = open();
    const count = () =>
      database
        .prepare("SELECT count(*) FROM pragma_function_list WHERE name LIKE 'cloudsync%'")
        .pluck()
        .get();
    const before = count();
    database.loadExtension(extensionFile);
    expect(count()).toBe(before);
    expect(version(database)).toMatch(/^\d/);
    database.close();
  });

  test('a copy of the file loaded beside it neither', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloudsync-copy-'));
    const copy = join(folder, 'cloudsync.so');
    copyFileSync(extensionFile, copy);
    const database = open();
    database.loadExtension(copy);
    expect(version(database)).toMatch(/^\d/);
    database.close();
    rmSync(folder, { recursive: true });
  });

  test('of two connections the second works on when the first is closed', () => {
    const first = open();
    const second = open();
    expect(version(first)).toBe(version(second));
    first.close();
    expect(version(second)).toMatch(/^\d/);
    second.close();
  });

  test('2,000 rounds of load and close do not grow the process; an idle connection costs less than 1 MiB', () => {
    const script = join(import.meta.dirname, 'connections.mjs');
    const result = JSON.parse(runProgram(process.execPath, ['--expose-gc', script, extensionFile])) as {
      growth: number;
      perConnection: number;
    };
    expect(result.growth).toBeLessThan(4 * 1024 * 1024);
    expect(result.perConnection).toBeLessThan(1024 * 1024);
  });
});
