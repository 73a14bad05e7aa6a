/**
 * What local writes do to a row, by docs/PROTOCOL.md section 2: one function from the row before and its log
 * entries to the row after.
 */
import { type Algorithm, type Cell, laterStamp, type Row, type Stamp } from '../packet/packet.js';
import { NULL, type Value } from '../packet/value.js';
import { isAlive } from './merge.js';

/** One entry of the log: a row was inserted, was deleted, or some of its columns were given other values. */
export interface LogEntry {
  kind: 'insert' | 'update' | 'delete';
  table: string;
  key: Value[];
  /** The columns that an update changed; all of them for an insert, none for a delete. */
  columns: readonly string[];
  /**
   * Number of the SQL statement, in order; the rows of one statement are logged in an order that SQLite
   * chooses.
   */
  statement: number;
}

/** A log entry and the stamp that it takes. */
export interface StampedEntry {
  entry: LogEntry;
  stamp: Stamp;
}

/**
 * Combines the log entries of one row between two folds. Of a row that is there at the end every entry
 * counts. A row that is gone was deleted once, whatever happened in between, or is left as it was when nobody
 * knew it alive.
 * @param before the row before; undefined = never announced
 * @returns the row after, its new cells holding NULL until the caller fills the values in from the data
 *   table; undefined when nothing is to be announced
 */
export function combine(
  algorithm: Algorithm,
  before: Row | undefined,
  log: readonly StampedEntry[],
): Row | undefined {
  const last = log.at(-1);
  if (last?.entry.kind !== 'delete') {
    return log.reduce<Row | undefined>(
      (row, { entry, stamp }) => applyEntry(algorithm, row, entry, stamp),
      before,
    );
  }
  return isAlive(before) ? applyEntry(algorithm, before, last.entry, last.stamp) : before;
}

function applyEntry(algorithm: Algorithm, before: Row | undefined, entry: LogEntry, stamp: Stamp): Row {
  const written: Array<[string, Cell]> = entry.columns.map((name) => [name, { stamp, value: NULL }]);
  const { key } = before ?? entry;
  const deleted = before?.deleted ?? new Map<string, Stamp>();
  const cl = before?.cl ?? 0n;
  if (entry.kind === 'delete') {
    const dead = { key, stamp, columns: new Map<string, Cell>() };
    return algorithm === 'aws'
      ? { ...dead, cl: 2n, deleted: seenStamps(before) }
      : { ...dead, cl: cl + 1n, deleted };
  }
  if (before !== undefined && isAlive(before)) {
    return { ...before, stamp, columns: new Map([...before.columns, ...written]) };
  }
  if (entry.kind === 'update') throw new Error(`model: an update of a dead row of ${entry.table}`);
  // Only `cls` counts lives. (A `dws` row may be inserted anew while nobody has heard of its deletion.)
  return { key, cl: algorithm === 'cls' ? cl + 1n : 1n, stamp, columns: new Map(written), deleted };
}

/** D = S: the deletion has seen every stamp of the row that it deletes. */
function seenStamps(row: Row | undefined): Map<string, Stamp> {
  const seen = new Map(row?.deleted);
  for (const [name, cell] of row?.columns ?? []) seen.set(name, laterStamp(seen.get(name), cell.stamp));
  return seen;
}
