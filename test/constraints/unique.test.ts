/** Unique keys: order independence, against the reference model. */
import { describe, test } from 'vitest';
import { UNIQUE_KINDS } from './kinds_unique.js';
import { KIND_TIMEOUT, runKind } from './run.js';

describe('order independence: unique keys', () => {
  test.each(UNIQUE_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 25));
});
