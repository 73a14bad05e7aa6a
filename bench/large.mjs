#!/usr/bin/env node
/**
 * large.mjs: a database that is larger than memory should be asked to hold: tracks a table with a million rows, saves
 * it to a file, loads that into an empty database, and sends it through a real server to another empty database. For
 * each step: time, and the peak of memory of the process that does it. The copies are compared row by row.
 *
 *     node bench/large.mjs [--rows N] [--json FILE] [--strict]     or: npm run bench -- large ...
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { largeOptions, UsageError } from './options.mjs';
import { environment } from './report.mjs';
import { startServer } from './server.mjs';

const MIB = 1024 * 1024;

/** What a process that synchronises may use at most, however large the database is. */
const PEAK_MAX = 100 * MIB;

const stepProgram = fileURLToPath(new URL('large-step.mjs', import.meta.url));

/** Runs a step in a process of its own. Not spawnSync: the server's output has to be read meanwhile. */
function runStep(request) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [stepProgram, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`the step ${request.step} failed with code ${code}`));
    });
  });
}

function printStep(label, { seconds, peakBytes, rows }, note = '') {
  const perRow = `${((seconds / rows) * 1e6).toFixed(2)} us per row`;
  console.log(
    `${label.padEnd(34)}${seconds.toFixed(2).padStart(8)} s  ${perRow.padStart(17)}  ` +
      `${(peakBytes / MIB).toFixed(0).padStart(5)} MiB  ${note}`,
  );
}

async function measureSteps(folder, rows) {
  const source = join(folder, 'source.db');
  const payload = join(folder, 'payload.bin');
  const results = {};
  const step = async (label, request, sizeOf) => {
    const result = await runStep(request);
    if (result.rows !== rows) throw new Error(`${label}: ${result.rows} rows instead of ${rows}`);
    if (sizeOf) result.bytes = statSync(sizeOf).size;
    printStep(label, result, sizeOf ? `${(result.bytes / rows).toFixed(1)} bytes per row` : '');
    results[request.step] = result;
    return result;
  };
  const compare = (other) => step('  compare all rows', { step: 'compare', path: source, other });
  await step('fill a plain table', { step: 'fill', path: source, rows }, source);
  await step('track it: cloudsync_init', { step: 'init', path: source }, source);
  await step('cloudsync_payload_save', { step: 'save', path: source, payload }, payload);
  const loaded = join(folder, 'loaded.db');
  await step('cloudsync_payload_load', { step: 'load', path: loaded, payload }, loaded);
  await compare(loaded);
  rmSync(loaded);
  const { url, key, stop } = await startServer(join(folder, 'server'));
  const server = { url: `${url}/large`, key };
  const received = join(folder, 'received.db');
  await step('send to a server', { step: 'send', path: source, server });
  await step('receive from a server', { step: 'receive', path: received, server }, received);
  await compare(received);
  await stop();
  return results;
}

/**
 * Runs the benchmark of a large database.
 * @param args command line arguments
 * @returns exit status: 1 when --strict is given and a process used more memory than allowed
 */
export async function runLarge(args) {
  const options = largeOptions(args);
  const about = environment();
  console.log(`${options.rows} rows; SQLite ${about.sqlite}, Node ${about.node}, ${about.processor}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-large-'));
  try {
    const steps = await measureSteps(folder, options.rows);
    if (options.json) {
      writeFileSync(options.json, `${JSON.stringify({ ...about, rows: options.rows, steps }, null, 2)}\n`);
    }
    const exceeding = ['save', 'load', 'send', 'receive'].filter((name) => steps[name].peakBytes > PEAK_MAX);
    console.log(
      `\npeak of memory at most ${PEAK_MAX / MIB} MiB in every process that synchronises: ` +
        `${exceeding.length === 0 ? 'met' : `missed in ${exceeding.join(', ')}`}`,
    );
    return options.strict && exceeding.length > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await runLarge(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    process.exitCode = 2;
  }
}
