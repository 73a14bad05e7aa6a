/**
 * demo.test.ts: `npm start` comes to its end, says that everything is equal and leaves nothing behind; and its
 * comparison does notice a difference.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from './blocks.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-demo-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the demo ends by itself with all tables equal, and cleans up', () => {
  const result = spawnSync(process.execPath, [resolve(root, 'scripts/demo.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  });
  expect(result.stderr).toBe('');
  expect(result.stdout).toContain('Equal: 5 rows.');
  if (existsSync(resolve(root, '../shared/data/chinook.sql'))) {
    expect(result.stdout).toMatch(/11 tables, [\d,]+ rows: all equal\./);
  } else {
    expect(result.stdout).toContain('Skipped: there is no');
  }
  expect(result.stdout).toContain('Everything is equal.');
  expect(result.status).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
});

test('a difference is found and shown', () => {
  const program = `
    import { Device, requireEqual } from ${JSON.stringify(resolve(root, 'scripts/demo/device.mjs'))};
    const [left, right] = ['left', 'right'].map((name) => new Device(name, ${JSON.stringify(folder)}));
    for (const one of [left, right]) one.database.exec('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)');
    left.database.exec("INSERT INTO t VALUES('k', 1)");
    right.database.exec("INSERT INTO t VALUES('k', '1')");
    requireEqual(left, right, 't');
  `;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(result.stderr).toContain('t differs');
  expect(result.stderr).toContain('left: ["k","text",1,"integer"]');
  expect(result.stderr).toContain('right: ["k","text","1","text"]');
  expect(result.status).toBe(1);
});
