/** Unique keys, foreign keys and rules of rows together: order independence, against the reference model. */
import { afterAll, describe, test } from 'vitest';
import { COMBINED_KINDS } from './kinds_combined.js';
import { KIND_TIMEOUT, report, runKind } from './run.js';

afterAll(report);

describe('order independence: constraints that meet', () => {
  test.each(COMBINED_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 16));
});
