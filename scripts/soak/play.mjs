/**
 * play.mjs: plays one band in a process of its own, and reads its report.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { at } from '../tools.mjs';

async function importTable() {
  // The table is TypeScript for the tests; this script runs without a compiler's help.
  const source = readFileSync(at('test', 'support', 'bands.ts'), 'utf8');
  const target = at('build', 'test', 'bands.mjs');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, ts.transpileModule(source, { compilerOptions }).outputText);
  return (await import(pathToFileURL(target).href)).BANDS;
}

const bands = await importTable();

/** The bands, in the order of their table. */
export function loadBands() {
  return bands;
}

/**
 * Plays `count` cases of a band.
 * @returns its report; when the run ended without one, a report of one failure
 */
export function playBand(band, count) {
  const file = at('build', 'bands', `${band.name}.json`);
  rmSync(file, { force: true });
  const start = Date.now();
  const command = [at('node_modules', 'vitest', 'vitest.mjs'), 'run', band.file, '--testTimeout=0'];
  const { status } = spawnSync(process.execPath, command, {
    cwd: at(),
    env: { ...process.env, CLOUDSYNC_COUNT: String(count) },
    stdio: 'inherit',
  });
  const report = readReport(file) ?? {
    ...{ band: band.name, planned: count, count: 0, failures: 0, seed: 0, detail: {} },
    ...{ seconds: (Date.now() - start) / 1000, at: Date.now() },
  };
  const isIncomplete = status !== 0 || report.count < count;
  return isIncomplete && report.failures === 0 ? { ...report, failures: 1 } : report;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}
