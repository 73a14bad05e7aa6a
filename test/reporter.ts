/**
 * reporter.ts: ends a test run with one line that a program can read, `12 passed, 0 failed, 1 skipped`, and makes a
 * complete run fail when fewer tests ran than the minimum in vitest.config.ts, or a band of evidence played fewer cases
 * than its short length (test/support/bands.ts): tests that silently do not run are the quietest way to be wrong.
 */
import { writeSync } from 'node:fs';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { missingCases } from './support/band_reports.js';
import type { Band } from './support/bands.js';

interface Options {
  /** Fewest tests that a complete run must have run. */
  minimum: number;
  /** The bands that a complete run must have played. */
  bands: readonly Band[];
  /** Folder of their reports; build/bands when absent. */
  reports?: string;
}

export default class SummaryReporter implements Reporter {
  readonly #options: Options;
  readonly #start = Date.now();

  constructor(options: Options) {
    this.#options = options;
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly unknown[],
    _reason: TestRunEndReason,
  ): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that cannot be loaded, or whose hooks fail, has errors of its own.
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
    }
    const ran = counts.passed + counts.failed;
    const isComplete = process.env['CLOUDSYNC_COMPLETE_RUN'] === '1';
    const shortages = isComplete ? this.#shortages(ran) : [];
    if (counts.failed > 0 || shortages.length > 0 || ran === 0) process.exitCode = 1;

    const shortage = shortages.map((text) => `${text}\n`).join('');
    const skipped = counts.skipped + counts.pending;
    const line = `${counts.passed} passed, ${counts.failed} failed, ${skipped} skipped\n`;
    // At exit, so that it is the last line whatever else the runner prints.
    process.once('exit', () => writeSync(1, `${shortage}${line}`));
  }

  #shortages(ran: number): string[] {
    const { minimum, bands, reports } = this.#options;
    const tests = ran < minimum ? [`only ${ran} tests ran, at least ${minimum} must (vitest.config.ts)`] : [];
    return [...tests, ...missingCases(bands, this.#start, reports)];
  }
}
