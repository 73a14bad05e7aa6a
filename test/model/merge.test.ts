/**
 * The reference model is held to the algebra before anything is measured with it: merge is commutative and
 * idempotent, and associative for `cls`, `dws` and `gos`.
 *
 * `aws` is associative only after an exchange: a dead row forgets its values, so a replica that was dead in
 * between can lack older values which a replica that stayed alive still has. The latter announces the row
 * again as a whole, hence replicas that saw the same packets in different orders are equal once they have
 * exchanged their states.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALGORITHMS, type Packet } from '../packet/packet.js';
import { ghostPacket } from '../property/ghost.js';
import { SHAPES, type Shape } from '../property/shapes.js';
import { propertyOptions } from '../support/random.js';
import { describeModel } from './describe.js';
import { ModelReplica } from './replica.js';

const shapes = SHAPES.filter(({ table }) => ['todos', 'tags'].includes(table));

describe.each(ALGORITHMS)('the model of %s', (algorithm) => {
  const merge = (shape: Shape, packets: readonly Packet[]): ModelReplica => {
    const model = new ModelReplica('aa'.repeat(16));
    const columns = shape.columns.map(({ name }) => name);
    model.addTable(shape.table, algorithm, shape.keyColumns, columns);
    for (const packet of packets) model.apply(packet);
    return model;
  };
  const state = (model: ModelReplica) => describeModel(model).join('\n');

  test.each(shapes)('$table: order and repetition do not matter', (shape) => {
    const packet = ghostPacket(shape, algorithm);
    const property = fc.property(packet, packet, packet, (a, b, c) => {
      const orders = [
        [a, b, c],
        [c, b, a],
        [b, c, a, b],
        [a, a, c, b],
      ];
      const models = orders.map((order) => merge(shape, order));
      if (algorithm === 'aws') exchange(models);
      const states = models.map(state);
      expect(states).toEqual(states.map(() => states[0]));
      expect(state(merge(shape, [a, b]))).toBe(state(merge(shape, [b, a])));
      expect(state(merge(shape, [a, a]))).toBe(state(merge(shape, [a])));
    });
    fc.assert(property, propertyOptions(`model of ${algorithm}, ${shape.table}`, 300));
  });
});

/** Every model gets every other's whole state, twice: the first time it may learn what a third one forgot. */
function exchange(models: readonly ModelReplica[]): void {
  for (let round = 0; round < 2; round++) {
    for (const from of models) {
      const rows = from.delta(0);
      const tables = rows.map(({ table, row }) => ({
        ...table,
        keyColumns: [...table.keyColumns],
        columns: [...table.columns],
        rows: [row],
      }));
      for (const to of models) if (to !== from) to.apply({ site: from.site, since: 0n, upto: 0n, tables });
    }
  }
}
