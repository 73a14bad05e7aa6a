/**
 * report.mjs: the measured figures as a table for people, and as an object for programs.
 */
import { cpus } from 'node:os';
import Database from 'better-sqlite3';
import { FIGURES, figureOf } from './figures.mjs';

/** The environment of the figures in a few words. */
export function environment() {
  const db = new Database(':memory:');
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get();
  db.close();
  const processors = cpus();
  return {
    sqlite,
    node: process.versions.node,
    processor: `${processors.length} x ${processors[0]?.model ?? 'unknown'}`,
  };
}

/** All figures by system and key: { value, microsecondsPerRow } with undefined parts left out. */
export function figuresOf(systems, measured) {
  const result = {};
  systems.forEach(({ name }, index) => {
    result[name] = {};
    for (const figure of FIGURES) {
      const entry = figureOf(figure, measured[index], measured[0]);
      if (entry !== undefined) result[name][figure.key] = entry;
    }
  });
  return result;
}

function valueText(figure, value) {
  if (figure.phases) return `${value.toFixed(2)}x`;
  const scaled = value / (figure.scale ?? 1);
  return `${scaled.toFixed(scaled < 100 ? 1 : 0)} ${figure.unit}`;
}

function cell(figure, entry) {
  if (entry === undefined) return '-';
  const value = valueText(figure, entry.value);
  if (entry.microsecondsPerRow === undefined) return value;
  return `${value} (${entry.microsecondsPerRow.toFixed(2)} us)`;
}

function goalText(figure, entry) {
  if (figure.goal === undefined || entry === undefined) return '';
  const bound = `<= ${valueText(figure, figure.goal)}`;
  if (entry.value <= figure.goal) return `${bound}  met`;
  const atLeast = figure.atLeast ?? figure.goal;
  return `${bound}  missed${entry.value <= atLeast && atLeast > figure.goal ? ', minimum met' : ''}`;
}

/** The table: one line per figure, one column per system, the goal and whether ours meets it. */
export function table(systems, figures) {
  const own = systems[1].name;
  const lines = [['work', ...systems.map(({ name }) => name), `goal of ${own}`]];
  for (const figure of FIGURES) {
    const cells = systems.map(({ name }) => cell(figure, figures[name][figure.key]));
    lines.push([figure.label, ...cells, goalText(figure, figures[own][figure.key])]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
