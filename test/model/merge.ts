/**
 * The merge rules of docs/PROTOCOL.md section 2 as one pure function on rows: what a replica knows about a
 * row, joined with what a packet tells. It is written to be read beside the protocol, not to be fast, and
 * shares nothing with the core but the words.
 */
import {
  type Algorithm,
  type Cell,
  compareStamps,
  laterStamp,
  type Row,
  type Stamp,
} from '../packet/packet.js';
import { compareValues } from '../packet/value.js';

/** True when the data table shows a row in this state. */
export function isAlive(row: Row | undefined): boolean {
  return row !== undefined && row.cl % 2n === 1n;
}

/**
 * Joins two states of one row. Neither argument is changed.
 * @param keyOnly the table has no columns besides its key, so that the row stamp is all there is
 */
export function mergeRow(algorithm: Algorithm, keyOnly: boolean, mine: Row | undefined, theirs: Row): Row {
  if (algorithm === 'aws') return mergeAddWins(keyOnly, mine, theirs);
  if (mine === undefined || theirs.cl > mine.cl) return theirs;
  if (theirs.cl < mine.cl) return mine;
  return isAlive(mine)
    ? withColumns(mine, joinCells(mine.columns, theirs.columns), theirs.stamp)
    : { ...mine, stamp: laterStamp(mine.stamp, theirs.stamp) };
}

/** `aws`: S and D grow column by column; the row lives while some column's S is larger than its D. */
function mergeAddWins(keyOnly: boolean, mine: Row | undefined, theirs: Row): Row {
  const known = mine === undefined ? [theirs] : [mine, theirs];
  const written = largest(known.filter(isAlive));
  const deletion = largest(known.filter((row) => !isAlive(row)));
  const columns = joinCells(mine?.columns ?? new Map(), theirs.columns);
  const deleted = joinStamps(mine?.deleted ?? new Map(), theirs.deleted);
  const alive = keyOnly
    ? written !== undefined && (deletion === undefined || compareStamps(written, deletion) > 0)
    : [...columns].some(([name, cell]) => isLater(cell.stamp, deleted.get(name)));
  const key = known[0]?.key ?? theirs.key;
  if (alive)
    return withColumns({ key, cl: 1n, stamp: written as Stamp, columns, deleted }, columns, theirs.stamp);
  const stamp = (deletion ?? written) as Stamp;
  return { key, cl: 2n, stamp, columns: new Map(), deleted };
}

function largest(rows: readonly Row[]): Stamp | undefined {
  return rows.reduce<Stamp | undefined>((stamp, row) => laterStamp(stamp, row.stamp), undefined);
}

function isLater(stamp: Stamp, other: Stamp | undefined): boolean {
  return other === undefined || compareStamps(stamp, other) > 0;
}

/**
 * A live row with these columns; its stamp is the largest of theirs, or without columns the larger of the
 * rows'.
 */
function withColumns(row: Row, columns: Map<string, Cell>, otherStamp: Stamp): Row {
  const cells = [...columns.values()];
  const stamp = cells.reduce<Stamp | undefined>(
    (largest, cell) => laterStamp(largest, cell.stamp),
    undefined,
  );
  return { ...row, columns, stamp: stamp ?? laterStamp(row.stamp, otherStamp) };
}

/** Per column the larger stamp wins; with equal stamps the larger value. */
function joinCells(mine: ReadonlyMap<string, Cell>, theirs: ReadonlyMap<string, Cell>): Map<string, Cell> {
  const joined = new Map(mine);
  for (const [name, cell] of theirs) {
    const own = mine.get(name);
    const order = own ? compareStamps(cell.stamp, own.stamp) || compareValues(cell.value, own.value) : 1;
    if (order > 0) joined.set(name, cell);
  }
  return joined;
}

function joinStamps(
  mine: ReadonlyMap<string, Stamp>,
  theirs: ReadonlyMap<string, Stamp>,
): Map<string, Stamp> {
  const joined = new Map(mine);
  for (const [name, stamp] of theirs) joined.set(name, laterStamp(mine.get(name), stamp));
  return joined;
}
