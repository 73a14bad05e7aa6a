/** Foreign keys: order independence, against the reference model. */
import { afterAll, describe, test } from 'vitest';
import { ACTIONS, actionKinds, REFERENCE_KINDS } from './kinds_references.js';
import { KIND_TIMEOUT, report, runKind, runKinds } from './run.js';

afterAll(report);

describe('order independence: foreign keys', () => {
  test.each(ACTIONS)('ON DELETE %s with every action ON UPDATE', { timeout: KIND_TIMEOUT }, (onDelete) =>
    runKinds(`ON DELETE ${onDelete}`, actionKinds(onDelete), 45),
  );

  test.each(REFERENCE_KINDS)('$name', { timeout: KIND_TIMEOUT }, (kind) => runKind(kind, 12));
});
