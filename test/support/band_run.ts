/**
 * band_run.ts: how a test plays a band: how many cases, from which seed, and the figures of its report.
 *
 *     CLOUDSYNC_COUNT=<n>   plays n cases instead of the short length
 *     CLOUDSYNC_SEED=<n>    begins with that seed (seed.ts says with which one without it)
 *     CLOUDSYNC_STOP=1      plays none after the first that fails
 */
import { type BandReport, describeReport, writeReport } from './band_reports.js';
import { type Band, bandNamed } from './bands.js';
import { firstSeed, wholeNumber } from './seed.js';

/** One run of a band. Make it when the test file is loaded, and call `finish` in afterAll. */
export class BandRun {
  /** The seed of the first case; give the n-th case `seed + n`. */
  readonly seed: number;
  count = 0;
  failures = 0;
  readonly detail: Record<string, number> = {};
  readonly #band: Band;
  readonly #wanted: number;
  readonly #stops = process.env['CLOUDSYNC_STOP'] === '1';
  readonly #start = performance.now();

  /** @param name the band's name in test/support/bands.ts */
  constructor(name: string) {
    this.#band = bandNamed(name);
    this.#wanted = wholeNumber('CLOUDSYNC_COUNT') ?? this.#band.short;
    this.seed = firstSeed();
    console.log(`band ${name}: ${this.planned} ${this.#band.unit}, CLOUDSYNC_SEED=${this.seed}`);
  }

  /** How many cases to play. Ask again before each: it may end with the first failure. */
  get planned(): number {
    return this.#stops && this.failures > 0 ? this.count : this.#wanted;
  }

  /** Adds to a figure of the report. */
  add(name: string, amount = 1): void {
    this.detail[name] = (this.detail[name] ?? 0) + amount;
  }

  /** Prints and leaves the report. */
  finish(): void {
    const { planned, count, failures, seed, detail } = this;
    const seconds = Math.round(performance.now() - this.#start) / 1000;
    const report: BandReport = {
      ...{ band: this.#band.name, planned, count, failures },
      ...{ seconds, seed, detail, at: Date.now() },
    };
    writeReport(report);
    console.log(`band ${describeReport(report, this.#band.unit)}`);
  }
}
