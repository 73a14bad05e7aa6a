/**
 * vitest.config.ts: how the tests run. Files run in parallel on the available cores, tests of one file in order.
 */
import { defineConfig } from 'vitest/config';
import { BANDS } from './test/support/bands.ts';

const isLong = process.env['CLOUDSYNC_LONG'] === '1';

/** A complete run with fewer tests than this has lost some: it fails. Raise it when tests are added. */
const MINIMUM_TESTS = 3350;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: isLong ? 3_600_000 : 60_000,
    hookTimeout: 120_000,
    reporters: ['default', ['./test/reporter.ts', { minimum: MINIMUM_TESTS, bands: BANDS }]],
  },
});
