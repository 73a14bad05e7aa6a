/**
 * named_rows.ts: lists of rows by their names, as servers give them to the extension and send them to devices: a
 * msgpack array of [table str, key bin].
 */
import { array, type Output, writeItem } from '../packet/msgpack.js';
import { blob, type Value } from '../packet/value.js';

/** A table, and the values of a row's key. */
export type RowName = readonly [table: string, ...key: Value[]];

/** A str item, also where the text is a canonical UUID: names travel as they are. */
export function str(content: string): Output {
  const bytes = Buffer.from(content);
  const head = bytes.length < 32 ? [0xa0 | bytes.length] : [0xd9, bytes.length];
  return { type: 'raw', bytes: Buffer.concat([Buffer.from(head), bytes]) };
}

/** Key values as they stand in cloudsync_changes.pk. */
export function encodeKey(key: readonly Value[]): Buffer {
  return Buffer.concat(key.map(writeItem));
}

export function namedRows(rows: readonly RowName[]): Output {
  return array(rows.map(([table, ...key]) => array([str(table), blob(encodeKey(key))])));
}

export function encodeNamedRows(rows: readonly RowName[]): Buffer {
  return writeItem(namedRows(rows));
}
