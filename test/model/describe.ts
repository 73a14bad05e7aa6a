/**
 * States as text, one line per row, sorted: what tests compare and what a failing test prints. Two states are
 * equal exactly when their lines are.
 */
import { compareStamps, type Packet, type Row, type Stamp, type Table } from '../packet/packet.js';
import { literal, type Value } from '../packet/value.js';
import { isAlive } from './merge.js';
import type { ExpectedRow, ModelReplica } from './replica.js';

type TableFacts = Pick<Table, 'name' | 'algorithm'> & { columns: readonly string[] };

function describeStamp(stamp: Stamp): string {
  return `${stamp.clock}@${stamp.site.slice(0, 8)}`;
}

/**
 * One row of metadata. The row stamp is shown where it is a fact of its own and not merely the largest
 * column's.
 */
export function describeRow(table: TableFacts, row: Row): string {
  const parts = [`${table.name} (${row.key.map(literal).join(', ')}) cl=${row.cl}`];
  const ownStamp = !isAlive(row) || row.columns.size === 0;
  if (ownStamp) parts.push(`stamp=${describeStamp(row.stamp)}`);
  for (const name of [...row.columns.keys()].sort()) {
    const cell = row.columns.get(name);
    if (cell) parts.push(`${name}=${literal(cell.value)} ${describeStamp(cell.stamp)}`);
  }
  for (const name of [...row.deleted.keys()].sort()) {
    const stamp = row.deleted.get(name);
    if (stamp) parts.push(`D(${name})=${describeStamp(stamp)}`);
  }
  for (const [name, { floor, stamps }] of [...(row.bases ?? [])].sort()) {
    parts.push(`B(${name})=${[`>${floor}`, ...stamps.map(describeStamp)].join(' ')}`);
  }
  return parts.join(' | ');
}

/** The metadata that packets carry. A row that is in several packets appears several times. */
export function describePackets(packets: readonly Packet[]): string[] {
  const lines = packets.flatMap(({ tables }) =>
    tables.flatMap((table) => table.rows.map((row) => describeRow(table, row))),
  );
  return lines.sort();
}

/** The rows that the model expects in a packet. */
export function describeExpected(rows: readonly ExpectedRow[]): string[] {
  return rows.map(({ table, row }) => describeRow(table, row)).sort();
}

/** All that the model knows: what a packet with everything must carry. */
export function describeModel(model: ModelReplica): string[] {
  return describeExpected(model.delta(0));
}

/**
 * All that the model knows, without the columns of a live `aws` row that a deletion has seen. Whoever saw the row die
 * in between has forgotten them, whoever did not still has them; only an exchange in both directions settles that.
 */
export function describeUncovered(model: ModelReplica): string[] {
  const rows = model.delta(0).map(({ table, row }) => {
    const uncovered = [...row.columns].filter(([name, cell]) => {
      const seen = row.deleted.get(name);
      return seen === undefined || compareStamps(cell.stamp, seen) > 0;
    });
    return { table, row: { ...row, columns: new Map(uncovered) } };
  });
  return describeExpected(rows);
}

/** One row of a data table. */
export function describeData(
  key: readonly Value[],
  columns: ReadonlyArray<readonly [string, Value]>,
): string {
  return [
    `(${key.map(literal).join(', ')})`,
    ...columns.map(([name, value]) => `${name}=${literal(value)}`),
  ].join(' ');
}
