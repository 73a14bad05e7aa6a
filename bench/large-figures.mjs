/**
 * large-figures.mjs: the figures of the large benchmark: collected, printed, compared with baselines.json, and written
 * into README.md between its markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { at } from '../scripts/tools.mjs';

const BASELINES = new URL('baselines.json', import.meta.url);
const START = '<!-- bench-large:start -->';
const END = '<!-- bench-large:end -->';

export class LargeFigures {
  entries = [];

  /**
   * Adds a figure and prints it.
   * @param key its name in baselines.json
   * @param label what is measured
   * @param text the figure as it is printed
   * @param compared what is compared with the baseline, where another machine can: { value, band (part of the value),
   *   larger: larger is better }
   */
  add(key, label, text, compared) {
    this.entries.push({ key, label, text, compared });
    console.log(`${label.padEnd(46)}  ${text}`);
  }

  table() {
    const width = Math.max(...this.entries.map(({ label }) => label.length));
    return this.entries.map(({ label, text }) => `${label.padEnd(width)}  ${text}`).join('\n');
  }

  /** Makes the figures that can be compared the new baselines. */
  record(rows) {
    const baselines = JSON.parse(readFileSync(BASELINES, 'utf8'));
    const figures = {};
    for (const { key, compared } of this.entries) {
      if (compared) figures[key] = { value: Number(compared.value.toFixed(2)), band: compared.band };
    }
    writeFileSync(BASELINES, `${JSON.stringify({ ...baselines, large: { rows, figures } }, null, 2)}\n`);
  }

  /** Lines about what has left its band; `worse` when any of it got worse. */
  departures(rows) {
    const { large } = JSON.parse(readFileSync(BASELINES, 'utf8'));
    if (large?.rows !== rows) return { lines: ['no baselines for this number of rows'], worse: false };
    const lines = [];
    let worse = false;
    for (const { key, label, compared } of this.entries) {
      const baseline = large.figures[key];
      if (!compared || !baseline) continue;
      const { value } = compared;
      if (Math.abs(value - baseline.value) <= baseline.value * baseline.band) continue;
      const isWorse = value > baseline.value;
      worse ||= isWorse;
      lines.push(
        `${isWorse ? 'WORSE' : 'better'}: ${label.trim()}: ${value.toFixed(2)}, was ${baseline.value}`,
      );
    }
    return { lines, worse };
  }

  /** Replaces the block of README.md. */
  writeReadme(introduction) {
    const path = at('README.md');
    const text = readFileSync(path, 'utf8');
    const [before, rest] = text.split(START);
    const after = rest?.split(END)[1];
    if (after === undefined) throw new Error(`README.md has no ${START} ... ${END}`);
    const block = `${START}\n\n\`\`\`text\n${introduction}\n\n${this.table()}\n\`\`\`\n\n${END}`;
    writeFileSync(path, before + block + after);
  }
}
