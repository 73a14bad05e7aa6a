#!/usr/bin/env node
/**
 * run.mjs: the benchmark: what cloudsync costs, as ratios to plain SQLite in the same run. README.md explains the
 * figures.
 *
 *     node bench/run.mjs [--rows N] [--rounds N] [--json FILE] [--strict] [--record]
 *     node bench/run.mjs large [--rows N] [--json FILE] [--strict] [--record] [--readme]      see large.mjs
 *     node bench/run.mjs policies [--json FILE] [--strict] [--record] [--readme]              see policies.mjs
 *
 * --json writes the figures to a file. --strict ends with status 1 when a figure is worse than its baseline allows.
 * --record makes the figures of this run the new baselines.
 */
import { writeFileSync } from 'node:fs';
import { compareWithBaselines, recordBaselines } from './baselines.mjs';
import { runLarge } from './large.mjs';
import { measureAll } from './measure.mjs';
import { runOptions, UsageError } from './options.mjs';
import { runPolicies } from './policies.mjs';
import { environment, figuresOf, table } from './report.mjs';
import { chooseSystems } from './systems.mjs';

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Prints what left its band. Returns true when something got worse. */
function printDepartures(comparison, rows) {
  if (!comparison.comparable) {
    console.log(`baselines are for ${comparison.rows} rows, not ${rows}: not compared`);
    return false;
  }
  for (const { label, value, baseline, worse } of comparison.departures) {
    console.log(
      `${worse ? 'WORSE' : 'better'} than the baseline: ${label}: ${value.toFixed(2)}, was ${baseline}`,
    );
  }
  if (comparison.departures.length === 0) console.log('all figures are within the bands of baselines.json');
  return comparison.departures.some(({ worse }) => worse);
}

async function main(args) {
  const options = runOptions(args);
  const systems = await chooseSystems(process.env);
  const measured = measureAll(systems, options, say);
  const about = environment();
  const figures = figuresOf(systems, measured);
  const own = figures[systems[1].name];
  console.log(
    `${options.rows} rows of ${measured[0].bytesPerRow.toFixed(0)} bytes, key TEXT with random UUIDs (version 4), ` +
      `five more columns, WAL, synchronous=NORMAL\nSQLite ${about.sqlite}, Node ${about.node}, ` +
      `${about.processor}; medians of ${options.rounds} rounds, microseconds per row in brackets\n`,
  );
  console.log(`${table(systems, figures)}\n`);
  if (options.json) {
    const { rows, rounds } = options;
    writeFileSync(options.json, `${JSON.stringify({ ...about, rows, rounds, figures }, null, 2)}\n`);
  }
  if (options.record) {
    recordBaselines(options.rows, own);
    return 0;
  }
  const gotWorse = printDepartures(compareWithBaselines(options.rows, own), options.rows);
  return options.strict && gotWorse ? 1 : 0;
}

const [first, ...rest] = process.argv.slice(2);
const others = new Map([
  ['large', runLarge],
  ['policies', runPolicies],
]);
try {
  const other = others.get(first);
  process.exitCode = other ? await other(rest) : await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
