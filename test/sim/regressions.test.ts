/**
 * regressions.test.ts: histories that once broke a promise, each as the shrinker left it, with its cause in `about`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playSteps } from './play.js';
import type { Regression } from './report.js';

const FOLDER = join(import.meta.dirname, 'regressions');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

test.each(files)('%s', async (name) => {
  const { plan, steps } = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Regression;
  const { broken } = await playSteps(plan, steps);
  expect(broken?.message).toBeUndefined();
});
