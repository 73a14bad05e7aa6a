/** Unique keys: order independence, against the reference model. */
import { afterAll, describe, test } from 'vitest';
import { UNIQUE_KINDS } from './kinds_unique.js';
import { KIND_TIMEOUT, report, runKind } from './run.js';

afterAll(report);

describe('order independence: unique keys', () => {
  test.each(UNIQUE_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 16));
});
