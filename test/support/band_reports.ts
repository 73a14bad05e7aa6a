/**
 * band_reports.ts: the reports that bands leave in build/bands (test/support/band_run.ts): writing them, reading
 * them, and what is missing of them after a run that should have played all bands.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Band } from './bands.js';

/** Where the reports are. */
export const REPORTS = resolve(import.meta.dirname, '../../build/bands');

export interface BandReport {
  band: string;
  /** Cases that were planned and that were played. */
  planned: number;
  count: number;
  /** Cases that failed. */
  failures: number;
  seconds: number;
  /** The first seed. */
  seed: number;
  /** What happened in the cases, by name: faults injected, operations, states reached. */
  detail: Record<string, number>;
  /** When it ended, in milliseconds since 1970. */
  at: number;
}

export function writeReport(report: BandReport, folder = REPORTS): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${report.band}.json`), `${JSON.stringify(report)}\n`);
}

/** The last report of a band, if there is one. */
export function readReport(name: string, folder = REPORTS): BandReport | undefined {
  const file = join(folder, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BandReport) : undefined;
}

/** A report in one line. */
export function describeReport(report: BandReport, unit: string): string {
  const details = Object.entries(report.detail).map(([name, value]) => `${value} ${name}`);
  const facts = [`${report.count} of ${report.planned} ${unit}`, `${report.failures} failed`, ...details];
  return `${report.band}: ${facts.join(', ')}, ${report.seconds} s, seed ${report.seed}`;
}

/**
 * What a run lacks that should have played all bands, one line each; empty when nothing.
 *
 * @param since when the run began, in milliseconds since 1970: older reports are of another run
 */
export function missingCases(bands: readonly Band[], since: number, folder = REPORTS): string[] {
  return bands.flatMap(({ name, unit, short, file }) => {
    const report = readReport(name, folder);
    const count = report !== undefined && report.at >= since ? report.count : 0;
    return count < short
      ? [`band ${name}: ${count} ${unit} played, at least ${short} must be (${file})`]
      : [];
  });
}
