/** Unique keys, foreign keys and rules of rows together: order independence, against the reference model. */
import { describe, test } from 'vitest';
import { COMBINED_KINDS } from './kinds_combined.js';
import { KIND_TIMEOUT, runKind } from './run.js';

describe('order independence: constraints that meet', () => {
  test.each(COMBINED_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 20));
});
