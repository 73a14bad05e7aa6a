/** value_json.ts: an encoded SQLite value as JSON, for lists that applications and people read. */
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { TYPE_INTEGER, TYPE_NULL, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { arenaAllocate } from '../runtime/arena';
import { UUID_TEXT_SIZE } from './uuid';
import { bindValue, valueBytes, valueInteger, valueType } from './value';

/** SQLite prints a REAL so that it is the same number when it is read again; JSON has no infinity, but 9e999 is one. */
const PRINT_REAL =
  "SELECT CASE ?1 WHEN 9e999 THEN '9e999' WHEN -9e999 THEN '-9e999' ELSE printf('%!.17g',?1) END";

/** Appends the value; a BLOB as {"blob":"<hex>"}. */
export function addJson(text: Text, value: usize): Text {
  const type = valueType(value);
  if (type == TYPE_NULL) return text.add('null');
  if (type == TYPE_INTEGER) return text.number(valueInteger(value));
  if (type == TYPE_REAL) return addReal(text, value);
  const bytes = valueBytes(value, arenaAllocate(UUID_TEXT_SIZE));
  if (type == TYPE_TEXT) return text.json(bytes);
  return text.add('{"blob":"').hex(bytes.pointer, bytes.size).add('"}');
}

function addReal(text: Text, value: usize): Text {
  const statement = new Statement(new Text().add(PRINT_REAL));
  bindValue(statement, 1, value);
  if (statement.step()) text.bytes(statement.columnBytes(0));
  statement.close();
  return text;
}
