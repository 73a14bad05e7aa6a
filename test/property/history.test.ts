/**
 * The main property: whatever several replicas write and however their packets travel, every replica holds
 * exactly what the reference model says after every step, and all are equal once everything is exchanged.
 *
 * Proves, by the numbers of the invariants: 1 and 2 (data and metadata agree with the model after every
 * packet), 4 (a packet that says nothing new moves no arrival number), 5 (a reader of deltas knows
 * everything), 7 (a committed write is in the next delta, no more and no less, also one made without the
 * extension), 9 (all equal at the end), 10 (what arrived is applied or outvoted as the model says, and
 * nothing is held).
 */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { ALGORITHMS } from '../packet/packet.js';
import { propertyOptions } from '../support/random.js';
import { type History, histories, runHistory } from './history.js';
import { SHAPES } from './shapes.js';

const TIMEOUT_MILLISECONDS = 3_600_000;

/**
 * Plays a history, then lets Node free the copies of databases that it made: buffers are only freed between
 * turns.
 */
async function play(history: History): Promise<void> {
  runHistory(history);
  await new Promise(setImmediate);
}

describe('invariants 1, 2, 4, 5, 7, 9, 10: replicas follow the model', () => {
  test.each(ALGORITHMS)(
    '%s: short histories, which shrink well',
    { timeout: TIMEOUT_MILLISECONDS },
    async (algorithm) => {
      const property = fc.asyncProperty(histories(SHAPES, algorithm, 8), play);
      await fc.assert(property, propertyOptions(`short histories, ${algorithm}`, 60));
    },
  );

  test.each(ALGORITHMS)('%s: long histories', { timeout: TIMEOUT_MILLISECONDS }, async (algorithm) => {
    const property = fc.asyncProperty(histories(SHAPES, algorithm, 60), play);
    await fc.assert(property, propertyOptions(`long histories, ${algorithm}`, 40));
  });
});
