/**
 * band_run.ts: how a test plays a band: how many cases, from which seed, and the report that it leaves in
 * build/bands/<name>.json for the reporter of a complete run and for the ledger.
 *
 *     CLOUDSYNC_COUNT=<n>   plays n cases instead of the short length
 *     CLOUDSYNC_SEED=<n>    begins with that seed
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bandNamed } from './bands.js';

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
  /** The first seed; absent where a band has none. */
  seed?: number;
  /** What happened in the cases, by name: faults injected, operations, states reached. */
  detail: Record<string, number>;
  /** When it ended, in milliseconds since 1970. */
  at: number;
}

/** One run of a band. Make it when the first case begins, and call `finish` in afterAll. */
export class BandRun {
  /** How many cases to play. */
  readonly planned: number;
  /** The seed of the first case; give the n-th case `seed + n`. */
  readonly seed: number;
  count = 0;
  failures = 0;
  readonly detail: Record<string, number> = {};
  readonly #name: string;
  readonly #start = performance.now();

  /** @param name the band's name in test/support/bands.ts */
  constructor(name: string) {
    this.#name = name;
    this.planned = wholeNumber('CLOUDSYNC_COUNT') ?? bandNamed(name).short;
    this.seed = wholeNumber('CLOUDSYNC_SEED') ?? Date.now() % 2 ** 31;
    console.log(`band ${name}: ${this.planned} ${bandNamed(name).unit}, CLOUDSYNC_SEED=${this.seed}`);
  }

  /** Adds to a figure of the report. */
  add(name: string, amount = 1): void {
    this.detail[name] = (this.detail[name] ?? 0) + amount;
  }

  /** Prints and leaves the report. */
  finish(): void {
    const seconds = Math.round(performance.now() - this.#start) / 1000;
    const { planned, count, failures, seed, detail } = this;
    const report: BandReport = {
      band: this.#name,
      ...{ planned, count, failures, seconds, seed, detail },
      at: Date.now(),
    };
    mkdirSync(REPORTS, { recursive: true });
    writeFileSync(join(REPORTS, `${this.#name}.json`), `${JSON.stringify(report)}\n`);
    console.log(`band ${this.#name}: ${describeReport(report)}`);
  }
}

/** A report in one line. */
export function describeReport(report: BandReport): string {
  const { unit } = bandNamed(report.band);
  const details = Object.entries(report.detail).map(([name, value]) => `${value} ${name}`);
  const facts = [`${report.count} of ${report.planned} ${unit}`, `${report.failures} failed`, ...details];
  return `${facts.join(', ')}, ${report.seconds} s`;
}

function wholeNumber(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`${variable} must be a whole number, not ${text}`);
  return value;
}
