/**
 * Rows from a replica that never ran: arbitrary states with stamps from a narrow range, so that older, newer
 * and equal stamps, skewed clocks and partial rows all occur. Histories alone would hardly make them, because
 * wall time orders the real replicas' writes.
 */
import fc from 'fast-check';
import {
  type Algorithm,
  compareStamps,
  laterStamp,
  type Packet,
  type Row,
  type Stamp,
} from '../packet/packet.js';
import type { Value } from '../packet/value.js';
import type { Shape } from './shapes.js';

export const GHOST_SITES = ['00', '7f', 'ff'].map((byte) => byte.repeat(16));

const HOUR_MICROSECONDS = 3_600_000_000n;
/** Around the time of the test, in microseconds, so that ghosts both win and lose against real writes. */
const NOW = BigInt(Date.now()) * 1000n;
const CLOCKS = [1n, 2n, NOW - HOUR_MICROSECONDS, NOW + 1n, NOW + 2n, NOW + HOUR_MICROSECONDS];

const MAXIMUM_CL: Record<Algorithm, number> = { cls: 5, dws: 2, aws: 2, gos: 1 };

const stamps: fc.Arbitrary<Stamp> = fc.record({
  clock: fc.constantFrom(...CLOCKS),
  site: fc.constantFrom(...GHOST_SITES),
});

/** Any state that a row of this shape may have under this algorithm. */
export function ghostRow(shape: Shape, algorithm: Algorithm): fc.Arbitrary<Row> {
  const named = <T>(value: fc.Arbitrary<T>) =>
    fc.tuple(...shape.columns.map(({ name }) => value.map((each) => [name, each] as const)));
  const cells = fc.tuple(
    ...shape.columns.map(({ name, values }) =>
      fc
        .record({ stamp: stamps, value: fc.constantFrom(...values), present: fc.boolean() })
        .map(({ present, ...cell }) => ({ name, present, cell })),
    ),
  );
  const seen = named(fc.option(stamps, { nil: undefined }));
  return fc
    .record({
      key: fc.constantFrom(...shape.keys),
      cl: fc.integer({ min: 1, max: MAXIMUM_CL[algorithm] }),
      stamp: stamps,
      whole: fc.boolean(),
      cells,
      seen,
    })
    .map(({ key, cl, stamp, whole, cells, seen }): Row => {
      const row: Row = { key: key as Value[], cl: BigInt(cl), stamp, columns: new Map(), deleted: new Map() };
      if (algorithm === 'aws') for (const [name, each] of seen) if (each) row.deleted.set(name, each);
      if (cl % 2 === 0) return row;
      const present = cells.filter((each) => each.present);
      for (const { name, cell } of present.length > 0 ? present : cells) {
        row.columns.set(name, whole ? { ...cell, stamp } : cell);
      }
      return consistent(row);
    });
}

/** A live row's stamp is its largest; under `aws` one column at least must be newer than its deletion. */
function consistent(row: Row): Row {
  const cells = [...row.columns.values()];
  const stamp = cells.reduce<Stamp | undefined>(
    (largest, cell) => laterStamp(largest, cell.stamp),
    undefined,
  );
  const alive = [...row.columns].some(([name, cell]) => {
    const seen = row.deleted.get(name);
    return seen === undefined || compareStamps(cell.stamp, seen) > 0;
  });
  return { ...row, stamp: stamp ?? row.stamp, deleted: alive ? row.deleted : new Map() };
}

/** A packet of ghost rows for one table, each key at most once. */
export function ghostPacket(shape: Shape, algorithm: Algorithm): fc.Arbitrary<Packet> {
  const rows = fc.uniqueArray(ghostRow(shape, algorithm), {
    minLength: 1,
    maxLength: shape.keys.length,
    selector: (row) => shape.keys.indexOf(row.key),
  });
  return fc.record({ site: fc.constantFrom(...GHOST_SITES), rows }).map(({ site, rows }) => ({
    site,
    since: 0n,
    upto: 0n,
    tables: [
      {
        name: shape.table,
        algorithm,
        keyColumns: [...shape.keyColumns],
        columns: shape.columns.map(({ name }) => name),
        rows,
      },
    ],
  }));
}
