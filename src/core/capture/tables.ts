/**
 * tables.ts: the two tables that stand beside every tracked table.
 *
 *     todos_cloudsync      seq INTEGER PRIMARY KEY  arrival number of the row's newest change: the order of the feed
 *                          pk0, pk1, ...            key values, declared with the affinity of the user's columns
 *                          cl                       causal length: odd = alive, even = deleted
 *                          clock, site              the base stamp, see clock/row_clock.ts
 *                          cols                     exceptions to it, NULL when there are none
 *                          outside, entered         only where the table has had a filter, see catalog/filters.ts
 *     todos_cloudsync_log  seq INTEGER PRIMARY KEY  order of the writes
 *                          mask, mask1, ...         columns changed, 62 bits in each; -1 insert, -2 delete, -3 evicted?
 *                          at                       julianday('now') of the write
 *                          pk0, pk1, ...            key values
 *
 * The log is written by plain SQL triggers (capture/triggers.ts) and emptied by fold (fold/fold.ts).
 */
import { FILTER_MARKS } from '../catalog/filters';
import { Table } from '../catalog/table';
import { execute, queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { affinityOf } from '../catalog/affinity';

export const BITS_PER_MASK: i32 = 62;
export const MASK_INSERT: i64 = -1;
export const MASK_DELETE: i64 = -2;
/** REPLACE may have removed the row: a deletion when it is gone, see capture/evictions.ts. */
export const MASK_EVICTED: i64 = -3;

/** The wall time as a Julian day, for triggers; quicker than julianday('now'), which has a text to understand. */
export const NOW: string = 'julianday()';

/** Number of mask columns that a table's log needs. */
export function maskCount(table: Table): i32 {
  return table.lastColumnId < 0 ? 1 : table.lastColumnId / BITS_PER_MASK + 1;
}

/** "mask" for the first, then "mask1", "mask2"... */
export function maskName(text: Text, index: i32): Text {
  text.add('mask');
  return index == 0 ? text : text.number(index);
}

/** Appends "pk0 <separator> pk1 ..." with `prefix` before each name. */
export function keyNames(text: Text, table: Table, prefix: string): Text {
  for (let i = 0; i < table.keys.length; i++) {
    if (i > 0) text.add(',');
    text.add(prefix).add('pk').number(i);
  }
  return text;
}

/** Appends "pk0 TEXT NOT NULL,pk1 ..." after `separator`. */
export function keyDeclarations(text: Text, table: Table, strict: bool, separator: string): Text {
  for (let i = 0; i < table.keys.length; i++) {
    const affinity = affinityOf(table.keys[i].declaredType, strict);
    text
      .add(i > 0 ? ',' : separator)
      .add('pk')
      .number(i)
      .add(' ')
      .add(affinity)
      .add(' NOT NULL');
  }
  return text;
}

export function createClockTable(table: Table, strict: bool): bool {
  const sql = new Text().add('CREATE TABLE ').main(table.clockName).add('(seq INTEGER PRIMARY KEY');
  keyDeclarations(sql, table, strict, ',');
  sql.add(',cl INTEGER NOT NULL,clock INTEGER NOT NULL,site INTEGER NOT NULL,cols BLOB');
  for (let i = 0; table.filter.size > 0 && i < FILTER_MARKS.length; i++) sql.add(',').add(FILTER_MARKS[i]);
  sql.add(',UNIQUE(');
  return execute(keyNames(sql, table, '').add('))'));
}

/**
 * The log's columns have no types and no NOT NULL: what the triggers put there comes from columns that have them, and
 * checking it again would cost every insert of the application about 3 %.
 */
export function createLogTable(table: Table): bool {
  const sql = new Text().add('CREATE TABLE ').main(table.logName).add('(seq INTEGER PRIMARY KEY,mask,at,');
  keyNames(sql, table, '');
  for (let i = 1; i < maskCount(table); i++) maskName(sql.add(','), i);
  return execute(sql.add(')'));
}

/** Adds the mask columns that the log lacks. (It may have more than are needed, where columns were dropped.) */
export function widenLogTable(table: Table): bool {
  const masks = new Text().add('SELECT count(*) FROM pragma_table_info(').quoted(table.logName);
  const present = <i32>queryInteger(masks.add(",'main') WHERE name GLOB 'mask*'"), 0);
  if (present == 0) return false;
  for (let i = present; i < maskCount(table); i++) {
    const sql = new Text().add('ALTER TABLE ').main(table.logName).add(' ADD COLUMN ');
    if (!execute(maskName(sql, i))) return false;
  }
  return true;
}
