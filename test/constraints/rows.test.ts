/** Rules that a row breaks by itself: order independence, against the reference model. */
import { afterAll, describe, test } from 'vitest';
import { ROW_KINDS } from './kinds_rows.js';
import { KIND_TIMEOUT, report, runKind } from './run.js';

afterAll(report);

describe('order independence: rows that the table refuses', () => {
  test.each(ROW_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 16));
});
