/**
 * ledger.mjs: test/LEDGER.md, the record of what the bands of evidence have played: one line per run, never changed
 * afterwards. README.md shows, between two markers, the sums by band.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { at } from '../tools.mjs';

const LEDGER = at('test', 'LEDGER.md');
const README = at('README.md');
const HEAD = `# Ledger

What \`npm run soak\` has played: a line per run, added by the command and not edited. "+" behind a commit: with changes
that were not committed yet.

| date | commit | band | cases | failed | seconds | first seed | what happened in them |
|---|---|---|---|---|---|---|---|
`;
const START = '<!-- ledger:start -->';
const END = '<!-- ledger:end -->';

function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: at(), encoding: 'utf8' }).trim();
  const changes = git('status', '--porcelain', '--', 'src', 'shim', 'test', ':!test/LEDGER.md');
  return `${git('rev-parse', '--short=7', 'HEAD')}${changes === '' ? '' : '+'}`;
}

/** Adds a run to the ledger. */
export function appendRow(report) {
  if (!existsSync(LEDGER)) writeFileSync(LEDGER, HEAD);
  const detail = Object.entries(report.detail).map(([name, value]) => `${value} ${name}`);
  const cells = [
    ...[new Date(report.at).toISOString().slice(0, 16).replace('T', ' '), commit(), report.band],
    ...[report.count, report.failures, Math.round(report.seconds), report.seed, detail.join(', ')],
  ];
  appendFileSync(LEDGER, `| ${cells.join(' | ')} |\n`);
}

/** The runs in the ledger: { band, count, failures, seconds, commit, date }. */
export function readLedger() {
  if (!existsSync(LEDGER)) return [];
  const rows = readFileSync(LEDGER, 'utf8')
    .split('\n')
    .filter((line) => /^\| \d{4}-/.test(line));
  return rows.map((line) => {
    const [date, commitId, band, count, failures, seconds] = line.slice(2).split(' | ');
    const numbers = { count: Number(count), failures: Number(failures), seconds: Number(seconds) };
    return { date, commit: commitId, band, ...numbers };
  });
}

/** The summary that README.md shows: by band the largest clean run and the sum of all clean runs. */
export function summary(bands) {
  const rows = readLedger();
  const number = (value) => value.toLocaleString('en-US');
  const lines = bands.map((band) => {
    const clean = rows.filter((row) => row.band === band.name && row.failures === 0);
    const largest = clean.reduce((best, row) => (row.count > (best?.count ?? 0) ? row : best), undefined);
    const total = clean.reduce((sum, { count }) => sum + count, 0);
    const run = largest === undefined ? '-' : `${number(largest.count)} (${largest.commit})`;
    return `| ${band.name} | ${band.shows} | ${number(band.short)} ${band.unit} | ${run} | ${number(total)} |`;
  });
  const head =
    '| band | what it shows | every test run | longest clean run | all clean runs |\n|---|---|---|---|---|';
  return `${head}\n${lines.join('\n')}`;
}

/** Brings the summary in README.md up to date. */
export function summarize(bands) {
  const readme = readFileSync(README, 'utf8');
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md has lost its markers ${START} and ${END}`);
  const block = `${START}\n${summary(bands)}\n`;
  writeFileSync(README, `${readme.slice(0, start)}${block}${readme.slice(end)}`);
}
