/**
 * stored_key.ts: the one form of a key that comes from elsewhere: what the table would store, in bytes that are equal
 * when SQLite takes the keys for equal. '5' and 5.0 name the row 5 of a table with an INTEGER key.
 */
import { canonicalKey } from '../catalog/held_rows';
import { isStoredAsIs, storedValue } from '../catalog/stored_value';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { valueSize } from '../bytes/value';
import { Writer } from '../bytes/writer';

/** `key` is an encoded key of the table. */
export function storedKey(table: Table, key: usize): Slice {
  const target = new Writer(64);
  let at = key;
  for (let i = 0; i < table.keys.length; i++) {
    const type = table.keys[i].declaredType;
    const size = valueSize(at);
    if (isStoredAsIs(at, type)) {
      target.bytes(at, size);
    } else {
      const stored = storedValue(type, false, at);
      target.bytes(stored.start, stored.size);
    }
    at += size;
  }
  return canonicalKey(table, target.start);
}
