/**
 * keys.ts: encoded keys (the values of the key columns, one after another) as parameters of statements.
 */
import { Table } from '../catalog/table';
import { NIL } from '../bytes/msgpack';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { bindValue, valueSize } from '../bytes/value';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

/** Bytes of the encoded key at `key`. */
export function keySize(table: Table, key: usize): u32 {
  let at = key;
  for (let i = 0; i < table.keys.length; i++) at += valueSize(at);
  return <u32>(at - key);
}

/** True when the bytes are an encoded key of the table: nobody vouches for them. */
export function isKeyOf(table: Table, key: Slice): bool {
  const reader = new Reader(key.pointer, key.pointer + key.size);
  for (let i = 0; i < table.keys.length; i++) {
    if (reader.left > 0 && load<u8>(reader.position) == NIL) reader.reject();
    reader.value(key.size);
  }
  return !reader.bad && reader.left == 0;
}

/** Binds the key values at `key` (encoded one after another) to consecutive parameters. */
export function bindKey(statement: Statement, first: i32, table: Table, key: usize): void {
  let at = key;
  for (let i = 0; i < table.keys.length; i++) {
    bindValue(statement, first + i, at);
    at += valueSize(at);
  }
}

/** Appends "pk0=?<first> AND pk1=?..." */
export function whereKey(text: Text, table: Table, first: i32): Text {
  for (let i = 0; i < table.keys.length; i++) {
    if (i > 0) text.add(' AND ');
    text
      .add('pk')
      .number(i)
      .add('=?')
      .number(first + i);
  }
  return text;
}
