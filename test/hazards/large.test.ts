/**
 * large.test.ts: the hazards "DELETE without WHERE; 1,000,000 rows in one transaction": captured, and sent
 * with bounded memory. It runs in a process of its own, so that what it measures is its own memory.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { extensionFile } from '../native/programs.js';

const MEMORY_MAX = 100 * 1024 * 1024;

interface Step {
  peak: number;
  rows: number;
  sum: number;
}

test('1,000,000 rows in one transaction, then DELETE without WHERE: captured, sent, less than 100 MiB', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-million-'));
  const script = join(import.meta.dirname, 'million.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, folder, extensionFile]);
  rmSync(folder, { recursive: true });
  const result = JSON.parse(stdout) as { start: number; insert: Step; delete: Step };
  expect([result.insert.rows, result.insert.sum]).toEqual([1_000_000, 500_000_500_000]);
  expect([result.delete.rows, result.delete.sum]).toEqual([0, 0]);
  expect(result.insert.peak - result.start).toBeLessThan(MEMORY_MAX);
  expect(result.delete.peak - result.start).toBeLessThan(MEMORY_MAX);
});
