#!/usr/bin/env node
/**
 * large.mjs: what takes long or much: a database of a million rows (tracked, saved to a file, loaded, sent through a
 * real server to an empty device), a round of one change on databases of growing size, work of unusual shape, and how
 * many requests a server takes. Copies are compared row by row. README.md explains the figures.
 *
 *     node bench/large.mjs [--rows N] [--json FILE] [--strict] [--record] [--readme]     or: npm run bench -- large ...
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FigureList } from './figure-list.mjs';
import { largeOptions, UsageError } from './options.mjs';
import { environment } from './report.mjs';
import { measureRounds } from './rounds.mjs';
import { startServer } from './server.mjs';
import { measureFold, measureHotRow, measureWideRows } from './shapes.mjs';
import { measureThroughput } from './throughput.mjs';

const MIB = 1024 * 1024;

/** What a process that synchronises may use at most, however large the database is. */
const PEAK_MAX = 100 * MIB;

/** Part of its value by which a figure may differ from its baseline: ratios of times, sizes. */
const BAND_OF_TIMES = 0.4;
const BAND_OF_SIZES = 0.05;

const LARGE_VALUE = 10_000_000;

const stepProgram = fileURLToPath(new URL('large-step.mjs', import.meta.url));

/** Runs a step in a process of its own. Not spawnSync: the server's output has to be read meanwhile. */
function runStep(request, expectedRows) {
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
      if (code !== 0) return reject(new Error(`the step ${request.step} failed with code ${code}`));
      const result = JSON.parse(output);
      if (expectedRows === undefined || result.rows === expectedRows) return resolve(result);
      reject(new Error(`${request.step}: ${result.rows} rows instead of ${expectedRows}`));
    });
  });
}

/** Seconds, microseconds per row, peak of memory: the text of a step. */
function stepText({ seconds, peakBytes, rows, bytes }) {
  const perRow = ((seconds / rows) * 1e6).toFixed(2);
  const size = bytes === undefined ? '' : `  ${(bytes / rows).toFixed(1).padStart(5)} bytes per row`;
  return `${seconds.toFixed(2).padStart(7)} s  ${perRow.padStart(6)} us per row  ${(peakBytes / MIB)
    .toFixed(0)
    .padStart(4)} MiB peak${size}`;
}

/** A database with many rows, to a file and through a server. Leaves two devices with all rows. */
async function measureSteps({ folder, rows, server, figures }) {
  const [source, received, loaded] = ['source.db', 'received.db', 'loaded.db'].map((name) =>
    join(folder, name),
  );
  const payload = join(folder, 'payload.bin');
  const steps = {};
  let plain;
  const step = async (label, request, sizeOf) => {
    const result = await runStep(request, rows);
    if (sizeOf) result.bytes = statSync(sizeOf).size;
    steps[request.step] = result;
    plain ??= result.seconds;
    const compared = { value: result.seconds / plain, band: BAND_OF_TIMES };
    figures.add(request.step, label, stepText(result), compared);
  };
  await step(`${rows} rows into a plain table`, { step: 'fill', path: source, rows }, source);
  await step('  track it: cloudsync_init', { step: 'init', path: source }, source);
  await step('  save to a file', { step: 'save', path: source, payload }, payload);
  await step('  load into an empty device', { step: 'load', path: loaded, payload });
  await runStep({ step: 'compare', path: source, other: loaded }, rows);
  rmSync(loaded);
  await step('  send all to a server', { step: 'send', path: source, server });
  await step('  first sync of an empty device', { step: 'receive', path: received, server }, received);
  await runStep({ step: 'compare', path: source, other: received }, rows);
  return { steps, source, received };
}

/** A round after one change, on a smaller database. */
async function prepareDevices(folder, rows, server) {
  const [source, received] = [`source-${rows}.db`, `received-${rows}.db`].map((name) => join(folder, name));
  await runStep({ step: 'fill', path: source, rows }, rows);
  await runStep({ step: 'init', path: source }, rows);
  await runStep({ step: 'send', path: source, server }, rows);
  await runStep({ step: 'receive', path: received, server }, rows);
  return { source, received };
}

async function measureAllRounds({ folder, rows, endpoint, figures }, large) {
  let smallest;
  for (const size of [...new Set([1000, 30_000, rows])].sort((a, b) => a - b)) {
    const server = {
      url: `${endpoint.url}/${size === rows ? 'large' : `rounds-${size}`}`,
      key: endpoint.key,
    };
    const { source, received } = size === rows ? large : await prepareDevices(folder, size, server);
    const { send, receive } = measureRounds(source, received, server);
    smallest ??= send + receive;
    const compared = { value: (send + receive) / smallest, band: BAND_OF_TIMES };
    const text = `${send.toFixed(1).padStart(7)} ms to send, ${receive.toFixed(1)} ms to receive`;
    figures.add(`round${size}`, `one change, ${size} rows in the database`, text, compared);
  }
}

function measureShapes({ folder, rows, figures }) {
  const hot = measureHotRow(folder);
  const hotText = `${hot.foldMilliseconds.toFixed(1).padStart(7)} ms to fold, ${hot.bytes} bytes to send`;
  figures.add('hotRow', '10000 updates of one row', hotText, { value: hot.bytes, band: BAND_OF_SIZES });
  let first;
  for (const { entries, microseconds } of measureFold(
    folder,
    [1000, 10_000, 100_000, 1_000_000].filter((entries) => entries <= rows),
  )) {
    first ??= microseconds;
    const compared = { value: microseconds / first, band: BAND_OF_TIMES };
    const text = `${microseconds.toFixed(2).padStart(7)} us per entry`;
    figures.add(`fold${entries}`, `fold of a log of ${entries} entries`, text, compared);
  }
  const wide = measureWideRows(folder);
  const wideText =
    `${wide.insert.toFixed(0).padStart(7)} us to insert, ${wide.encode.toFixed(0)} us to fold and encode, ` +
    `${wide.apply.toFixed(0)} us to apply, ${wide.bytes.toFixed(0)} bytes`;
  figures.add('wide', 'a row of 200 columns', wideText, { value: wide.bytes, band: BAND_OF_SIZES });
  const oneText = `${wide.bytesOfOneColumn.toFixed(1).padStart(7)} bytes per row`;
  const compared = { value: wide.bytesOfOneColumn, band: BAND_OF_SIZES };
  figures.add('wideOne', '  one column of it changed', oneText, compared);
}

async function measureLargeValue({ folder, endpoint, figures }) {
  const server = { url: `${endpoint.url}/value`, key: endpoint.key };
  const [path, other] = ['value.db', 'value-received.db'].map((name) => join(folder, name));
  const sent = await runStep({ step: 'sendValue', path, server, size: LARGE_VALUE }, 1);
  const got = await runStep({ step: 'receive', path: other, server }, 1);
  await runStep({ step: 'compare', path, other }, 1);
  for (const [key, label, { seconds, peakBytes }] of [
    ['sendValue', 'a value of 10 MB, to send', sent],
    ['receiveValue', '  to receive', got],
  ]) {
    const text = `${seconds.toFixed(2).padStart(7)} s  ${(peakBytes / MIB).toFixed(0)} MiB peak`;
    figures.add(key, label, text, { value: peakBytes / MIB, band: BAND_OF_TIMES });
  }
}

async function measureServer({ folder, figures }) {
  await measureThroughput(folder, ({ devices, databases }, pushed, pulled) => {
    const label = `server, ${devices} devices on ${databases} database${databases > 1 ? 's' : ''}`;
    const text = `${pushed.toFixed(0).padStart(7)} pushes/s  ${pulled.toFixed(0).padStart(6)} pulls/s`;
    figures.add(`server${devices}on${databases}`, label, text);
  });
}

async function measureAll(folder, rows, figures) {
  const endpoint = await startServer(join(folder, 'server'));
  const run = {
    folder,
    rows,
    endpoint,
    figures,
    server: { url: `${endpoint.url}/large`, key: endpoint.key },
  };
  try {
    const large = await measureSteps(run);
    await measureAllRounds(run, large);
    measureShapes(run);
    await measureLargeValue(run);
    await measureServer(run);
    return large.steps;
  } finally {
    await endpoint.stop();
  }
}

/**
 * Runs the benchmark.
 * @param args command line arguments
 * @returns exit status: 1 when --strict is given and a process used more memory than allowed or a figure got worse
 */
export async function runLarge(args) {
  const options = largeOptions(args);
  const about = environment();
  const introduction = `SQLite ${about.sqlite}, Node ${about.node}, ${about.processor}`;
  console.log(`${introduction}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-large-'));
  const figures = new FigureList('large', { rows: options.rows });
  try {
    const steps = await measureAll(folder, options.rows, figures);
    if (options.json) {
      const { entries } = figures;
      writeFileSync(options.json, `${JSON.stringify({ ...about, rows: options.rows, entries }, null, 2)}\n`);
    }
    if (options.readme) figures.writeReadme(introduction);
    const exceeding = ['save', 'load', 'send', 'receive'].filter((name) => steps[name].peakBytes > PEAK_MAX);
    console.log(
      `\npeak of memory at most ${PEAK_MAX / MIB} MiB in every process that synchronises: ` +
        `${exceeding.length === 0 ? 'met' : `missed in ${exceeding.join(', ')}`}`,
    );
    if (options.record) {
      figures.record();
      return 0;
    }
    const { lines, worse } = figures.departures();
    console.log(lines.length === 0 ? 'all figures are within the bands of baselines.json' : lines.join('\n'));
    return options.strict && (worse || exceeding.length > 0) ? 1 : 0;
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
