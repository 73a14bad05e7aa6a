/**
 * Invariant 7 for a log that is longer than anything the extension may hold in memory at once: thousands of
 * writes to a few rows between two folds still come to what the model says, entry for entry.
 */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { ALGORITHMS } from '../packet/packet.js';
import { propertyOptions } from '../support/random.js';
import { SHAPES, type Shape } from './shapes.js';
import { Subject } from './subject.js';
import { type Write, writes } from './writes.js';

const WRITES = 6000;

describe.each(ALGORITHMS)('invariant 7: a long log under %s', (algorithm) => {
  test.each(SHAPES.filter(({ table }) => ['todos', 'tags'].includes(table)))('$table', (shape: Shape) => {
    const { seed } = propertyOptions(`long log, ${algorithm}, ${shape.table}`, 1);
    const trace: string[] = [];
    const options = { name: 'R0', shapes: [shape], algorithm, recursiveTriggers: seed % 2 === 0 };
    const subject = new Subject(options, trace);
    try {
      for (const size of [50, WRITES, WRITES]) {
        for (const write of fc.sample<Write>(writes, { seed: seed + size, numRuns: size }))
          subject.write(shape, write);
        subject.observe();
        subject.check();
      }
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\nafter ${trace.slice(-20).join('\n')}`, { cause });
    } finally {
      subject.close();
    }
  });
});
