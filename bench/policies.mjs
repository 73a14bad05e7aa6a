#!/usr/bin/env node
/**
 * policies.mjs: what row-level security costs at the server: pushes and pulls with and without policies, a project of
 * many rows that a user gets and loses, changes on their way to one device and to a thousand, and the load of many
 * devices. README.md explains the figures.
 *
 *     node bench/policies.mjs [--json FILE] [--strict] [--record] [--readme]     or: npm run bench -- policies ...
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FigureList } from './figure-list.mjs';
import { policiesOptions, UsageError } from './options.mjs';
import { measureFanOut } from './policies/fan-out.mjs';
import { measureGrants } from './policies/grants.mjs';
import { measureLatency } from './policies/latency.mjs';
import { measureManyDevices } from './policies/load.mjs';
import { Stage } from './policies/stage.mjs';
import { measureThroughputOfPolicies } from './policies/throughput.mjs';
import { environment } from './report.mjs';

/** Each begins with an empty server. */
const STEPS = new Map([
  ['throughput', measureThroughputOfPolicies],
  ['grants', measureGrants],
  ['fan-out', measureFanOut],
  ['latency', measureLatency],
  ['load', measureManyDevices],
]);

/** A step that takes longer than this hangs. */
const STEP_SECONDS = 240;

/** Runs one step. What it leaves unfinished ends with its stage. */
async function runStep(name, folder, run) {
  const stage = await Stage.open(join(folder, name));
  const killWithProgram = () => {
    stage.kill();
    stage.server.process.kill('SIGKILL');
  };
  process.once('exit', killWithProgram);
  let timer;
  const limit = new Promise((_, reject) => {
    const tooLong = () => reject(new Error(`it was not over after ${STEP_SECONDS} seconds`));
    timer = setTimeout(tooLong, STEP_SECONDS * 1e3);
  });
  try {
    await Promise.race([STEPS.get(name)({ ...run, stage }), limit]);
  } catch (error) {
    const log = stage.server.log().split('\n').slice(-5).join('\n');
    throw new Error(`${error.message}\nthe server's log ends with:\n${log}`, { cause: error });
  } finally {
    clearTimeout(timer);
    await stage.end();
    process.removeListener('exit', killWithProgram);
  }
}

/** Runs all steps; one that fails does not keep the others from being measured. Returns the names of those. */
async function runSteps(folder, run) {
  const failed = [];
  for (const name of STEPS.keys()) {
    if (run.options.only !== undefined && run.options.only !== name) continue;
    const start = performance.now();
    try {
      await runStep(name, folder, run);
      const seconds = ((performance.now() - start) / 1e3).toFixed(0);
      process.stderr.write(`${name}: ${seconds} s\n`);
    } catch (error) {
      failed.push(name);
      process.stderr.write(`FAILED: ${name}: ${error.stack}\n`);
    }
  }
  return failed;
}

/** What becomes of the figures. Returns the exit status. */
function conclude(figures, options, about) {
  const introduction = `SQLite ${about.sqlite}, Node ${about.node}, ${about.processor}`;
  if (options.readme) figures.writeReadme(introduction);
  if (options.record) {
    figures.record();
    return 0;
  }
  const { lines, worse } = figures.departures();
  console.log(
    `\n${lines.length === 0 ? 'all figures are within the bands of baselines.json' : lines.join('\n')}`,
  );
  return options.strict && worse ? 1 : 0;
}

/**
 * Runs the benchmark.
 * @param args command line arguments
 * @returns exit status: 1 when a step failed, or when --strict is given and a figure got worse
 */
export async function runPolicies(args) {
  const options = policiesOptions(args);
  if (options.only !== undefined && !STEPS.has(options.only)) {
    throw new UsageError(`--only is one of ${[...STEPS.keys()].join(', ')}, not "${options.only}"`);
  }
  const about = environment();
  console.log(`SQLite ${about.sqlite}, Node ${about.node}, ${about.processor}\n`);
  const { rows, devices, databases, requests, changes, seconds } = options;
  const settings = { rows, devices, databases, requests, changes, seconds };
  const figures = new FigureList('policies', settings);
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-policies-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const interrupted = () => process.exit(130);
  process.once('exit', removeFolder);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted);
  try {
    const failed = await runSteps(folder, { options, figures });
    if (options.json) {
      const { entries } = figures;
      writeFileSync(options.json, `${JSON.stringify({ ...about, ...settings, failed, entries }, null, 2)}\n`);
    }
    if (failed.length === 0) return conclude(figures, options, about);
    console.log(`\nFAILED: ${failed.join(', ')}; nothing was recorded`);
    return 1;
  } finally {
    removeFolder();
    process.removeListener('exit', removeFolder);
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeListener(signal, interrupted);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await runPolicies(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    process.exitCode = 2;
  }
}
