/**
 * The reference model of constraints on small states whose outcome can be seen by looking at them; and on random
 * states, that what it shows breaks no constraint and that nothing could be shown in addition.
 */
import { describe, expect, test } from 'vitest';
import type { Row } from '../packet/packet.js';
import { integer, NULL, text, type Value } from '../packet/value.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { propertyOptions } from '../support/random.js';
import { judge, type LivingRow, type Reference, type TableRules } from './constraints.js';

const SITE = '11'.repeat(16);

function row(key: string, clock: number, columns: Record<string, Value>, cl = 1n): Row {
  const stamp = { clock: BigInt(clock), site: SITE };
  const cells = Object.entries(columns).map(([name, value]) => [name, { stamp, value }] as const);
  return { key: [text(key)], cl, stamp, columns: new Map(cl % 2n === 1n ? cells : []), deleted: new Map() };
}

const up: Reference = { columns: ['up'], parent: 'node', parentColumns: ['id'], onDelete: 'NO ACTION' };

/** A table of nodes: names are unique, `up` refers to another node, a negative weight is refused. */
const NODE: TableRules = {
  name: 'node',
  keyColumns: ['id'],
  columns: new Map<string, Value>([
    ['name', NULL],
    ['up', NULL],
    ['weight', integer(0)],
  ]),
  accepts: (values) => {
    const weight = values('weight');
    return weight.type !== 'integer' || weight.integer >= 0n;
  },
  uniqueKeys: [{ columns: ['name'] }],
  references: [up],
};

function visible(rows: Row[], enforced = true): string {
  const names = judge([NODE], new Map([['node', rows]]), enforced).visible.map(({ name }) => name);
  return names.map((name) => name.slice(6, -2)).join('');
}

describe('the model of constraints', () => {
  test('the older of two claimants stays; a dead one claims nothing', () => {
    const rows = [row('a', 2, { name: text('x') }), row('b', 1, { name: text('x') })];
    expect(visible(rows)).toBe('b');
    expect(visible([rows[0] as Row, row('b', 3, {}, 2n)])).toBe('a');
  });

  test('equal stamps: the smaller key', () => {
    expect(visible([row('b', 1, { name: text('x') }), row('a', 1, { name: text('x') })])).toBe('a');
  });

  test('NULLs are never equal', () => {
    expect(visible([row('a', 1, { name: NULL }), row('b', 1, { name: NULL })])).toBe('ab');
  });

  test('a row that is refused by itself takes no value from others', () => {
    const refused = row('a', 1, { name: text('x'), weight: integer(-1) });
    expect(visible([refused, row('b', 2, { name: text('x') })])).toBe('b');
  });

  test('a child needs its parent, when references are enforced', () => {
    const rows = [row('a', 1, { up: text('b') }), row('b', 2, { up: text('c') })];
    expect(visible(rows)).toBe('');
    expect(visible(rows, false)).toBe('ab');
    expect(visible([...rows, row('c', 3, {})])).toBe('abc');
  });

  test('rows that refer to each other are visible together', () => {
    const rows = [row('a', 1, { up: text('b') }), row('b', 2, { up: text('a') })];
    expect(visible(rows)).toBe('ab');
  });

  test('an older child takes its newer parent with it', () => {
    const child = row('a', 1, { name: text('x'), up: text('b') });
    const parent = row('b', 3, { name: text('y') });
    expect(visible([child, parent, row('c', 2, { name: text('y') })])).toBe('ab');
  });

  test('a child that claims what its parent has is held', () => {
    const child = row('a', 1, { name: text('x'), up: text('b') });
    expect(visible([child, row('b', 2, { name: text('x') })])).toBe('b');
  });

  test('what is shown breaks nothing, and nothing more can be shown', () => {
    const { seed, numRuns } = propertyOptions('model of constraints', 300);
    const random = randomNumbers(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const letters = ['a', 'b', 'c', 'd', 'e'];
    const some = () => (below(3) === 0 ? NULL : text(letters[below(5)] as string));
    for (let run = 0; run < numRuns; run++) {
      const rows = letters.map((key) =>
        row(key, below(4), { name: some(), up: some(), weight: integer(below(5) - 1) }),
      );
      const { visible: shown, held } = judge([NODE], new Map([['node', rows]]), true);
      expect(shown.length + held.length).toBe(rows.length);
      expect(violations(shown)).toEqual([]);
      for (const one of held) {
        if (violations([...shown, one]).length === 0) throw new Error(`${one.name} could be shown`);
      }
    }
  });
});

/** What a set of nodes breaks. */
function violations(rows: readonly LivingRow[]): string[] {
  const textOf = (one: LivingRow, column: string) => {
    const value = one.values(column);
    return value.type === 'text' ? value.bytes.toString() : undefined;
  };
  const keys = new Set(rows.map((one) => textOf(one, 'id')));
  const names = rows.map((one) => textOf(one, 'name')).filter((name) => name !== undefined);
  const broken = rows.filter((one) => {
    const parent = textOf(one, 'up');
    return !NODE.accepts?.(one.values) || (parent !== undefined && !keys.has(parent));
  });
  return [
    ...broken.map(({ name }) => name),
    ...(new Set(names).size === names.length ? [] : ['a name twice']),
  ];
}
