/**
 * baselines.mjs: compares figures with those that were committed (baselines.json). Ratios, not times, so that another
 * machine can compare too; bands are wide where a machine's noise shows, narrow where a figure is exact.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { FIGURES } from './figures.mjs';

const file = new URL('baselines.json', import.meta.url);

/** Part of its value by which a figure may differ: times vary from run to run, sizes hardly. */
const BAND_OF_TIMES = 0.25;
const BANDS_OF_SIZES = { metadata: 0.02, packet: 0.02, librarySize: 0.1 };

/** Figures that say more about the machine than about the extension are not compared. */
function bandOf(figure) {
  return figure.phases ? BAND_OF_TIMES : BANDS_OF_SIZES[figure.key];
}

/** The figures of this run as baselines.json. */
export function recordBaselines(rows, own) {
  const figures = {};
  for (const figure of FIGURES) {
    const band = bandOf(figure);
    if (band === undefined || own[figure.key] === undefined) continue;
    figures[figure.key] = { value: Number(own[figure.key].value.toFixed(2)), band };
  }
  const baselines = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, `${JSON.stringify({ ...baselines, rows, figures }, null, 2)}\n`);
}

/**
 * The figures that have left their band.
 * @param rows number of rows of this run; with another number than that of the baselines nothing can be said
 * @param own our figures by key
 * @returns { comparable, rows: of the baselines, departures: array of { label, value, baseline, worse } }
 */
export function compareWithBaselines(rows, own) {
  const baselines = JSON.parse(readFileSync(file, 'utf8'));
  const departures = [];
  for (const [key, { value: baseline, band }] of Object.entries(baselines.figures)) {
    const entry = own[key];
    const label = FIGURES.find((figure) => figure.key === key)?.label.trim() ?? key;
    if (entry === undefined)
      throw new Error(`baselines.json has "${label}", which this run has not measured`);
    if (Math.abs(entry.value - baseline) <= baseline * band) continue;
    departures.push({ label, value: entry.value, baseline, worse: entry.value > baseline });
  }
  return { comparable: rows === baselines.rows, rows: baselines.rows, departures };
}
