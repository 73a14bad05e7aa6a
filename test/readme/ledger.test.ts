/**
 * ledger.test.ts: the summary of evidence in README.md is the one that the ledger gives.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { summary } from '../../scripts/soak/ledger.mjs';
import { BANDS } from '../support/bands.js';

test('README shows the sums of test/LEDGER.md for every band', () => {
  const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
  const shown = readme.split('<!-- ledger:start -->')[1]?.split('<!-- ledger:end -->')[0];
  // A line that differs: npm run soak writes the block; so does a soak of any length.
  expect(shown?.trim().split('\n')).toEqual(summary(BANDS).split('\n'));
});

test('bands have names of their own and one file each', () => {
  expect(new Set(BANDS.map(({ name }) => name)).size).toBe(BANDS.length);
  expect(new Set(BANDS.map(({ file }) => file)).size).toBe(BANDS.length);
});
