/**
 * figure-list.mjs: the figures of a benchmark with an entry of its own in baselines.json: collected, printed, compared
 * with that entry, and written into README.md between its markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { at } from '../scripts/tools.mjs';

const BASELINES = new URL('baselines.json', import.meta.url);

export class FigureList {
  entries = [];

  /**
   * @param name of the entry in baselines.json and of the markers in README.md
   * @param settings of this run; with others the figures cannot be compared
   */
  constructor(name, settings) {
    this.name = name;
    this.settings = settings;
  }

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
  record() {
    const baselines = JSON.parse(readFileSync(BASELINES, 'utf8'));
    const figures = {};
    for (const { key, compared } of this.entries) {
      if (compared) figures[key] = { value: Number(compared.value.toFixed(2)), band: compared.band };
    }
    baselines[this.name] = { ...this.settings, figures };
    writeFileSync(BASELINES, `${JSON.stringify(baselines, null, 2)}\n`);
  }

  /** Lines about what has left its band; `worse` when any of it got worse. */
  departures() {
    const { [this.name]: baselines } = JSON.parse(readFileSync(BASELINES, 'utf8'));
    const isComparable = Object.entries(this.settings).every(([name, value]) => baselines?.[name] === value);
    if (!isComparable) return { lines: ['no baselines for these settings'], worse: false };
    const lines = [];
    let worse = false;
    for (const { key, label, compared } of this.entries) {
      const baseline = baselines.figures[key];
      if (!compared || !baseline) continue;
      const { value } = compared;
      if (Math.abs(value - baseline.value) <= baseline.value * baseline.band) continue;
      const isWorse = compared.larger ? value < baseline.value : value > baseline.value;
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
    const [start, end] = [`<!-- bench-${this.name}:start -->`, `<!-- bench-${this.name}:end -->`];
    const [before, rest] = text.split(start);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`README.md has no ${start} ... ${end}`);
    const block = `${start}\n\n\`\`\`text\n${introduction}\n\n${this.table()}\n\`\`\`\n\n${end}`;
    writeFileSync(path, before + block + after);
  }
}
