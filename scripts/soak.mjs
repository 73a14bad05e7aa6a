/**
 * soak.mjs: plays the bands of evidence (test/support/bands.ts) for longer than a test run does, and writes what was
 * played into test/LEDGER.md, of which README.md shows a summary.
 *
 *     npm run soak -- --minutes 60                 all bands in turn, an equal share of the time each
 *     npm run soak -- --minutes 10 --band power-loss --band faults-io
 *     npm run soak -- --long [--band NAME ...]     their long lengths, however long that takes
 *     npm run soak -- --count 5000 --band kill-client
 *
 * Ends with exit status 1 when a band failed; its output says how to repeat the case.
 */
import { parseArgs } from 'node:util';
import { appendRow, summarize } from './soak/ledger.mjs';
import { loadBands, playBand } from './soak/play.mjs';
import { Problem, say } from './tools.mjs';

/** Seconds that a run takes before its first case: starting the runner, loading modules. */
const START_SECONDS = 5;

function options() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      count: { type: 'string' },
      long: { type: 'boolean', default: false },
      band: { type: 'string', multiple: true, default: [] },
    },
  });
  const chosen = ['minutes', 'count', 'long'].filter((name) => values[name]);
  if (chosen.length !== 1) throw new Problem('soak needs one of --minutes N, --count N, --long');
  for (const name of ['minutes', 'count']) {
    if (values[name] !== undefined && !(Number(values[name]) > 0)) {
      throw new Problem(`--${name} must be a number above 0, not ${values[name]}`);
    }
  }
  return values;
}

function chosenBands(bands, names) {
  const unknown = names.filter((name) => !bands.some((band) => band.name === name));
  if (unknown.length > 0) {
    const known = bands.map(({ name }) => name).join(', ');
    throw new Problem(`no band named ${unknown.join(', ')}; there are: ${known}`);
  }
  return names.length === 0 ? bands : bands.filter(({ name }) => names.includes(name));
}

/** Plays `count` cases, records them, and says whether all were clean. */
function playAndRecord(bands, band, count) {
  say(`${band.name}: ${count} ${band.unit}`);
  const report = playBand(band, count);
  appendRow(report);
  summarize(bands);
  if (report.failures > 0) say(`${band.name}: FAILED, see above`);
  return report;
}

/** Plays the bands in turn until the time is over; how many cases fit into a share is learnt from the last report. */
function playFor(minutes, all, bands) {
  const share = (minutes * 60) / bands.length;
  const reports = [];
  for (const band of bands) {
    const end = Date.now() + share * 1000;
    const first = playAndRecord(all, band, band.short);
    reports.push(first);
    const remaining = (end - Date.now()) / 1000 - START_SECONDS;
    const count = Math.floor((remaining * first.count) / Math.max(first.seconds, 0.001));
    if (first.failures === 0 && count > band.short) reports.push(playAndRecord(all, band, count));
  }
  return reports;
}

/** @returns {number} exit status */
export function soak() {
  const { minutes, count, band: names } = options();
  const all = loadBands();
  const bands = chosenBands(all, names);
  const reports = minutes
    ? playFor(Number(minutes), all, bands)
    : bands.map((band) => playAndRecord(all, band, count ? Number(count) : band.long));
  const failed = reports.filter(({ failures }) => failures > 0);
  say(`${reports.length} runs, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = soak();
} catch (error) {
  if (!(error instanceof Problem) && error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error;
  process.stderr.write(`cloudsync: ${error.message}\n`);
  process.exitCode = 1;
}
