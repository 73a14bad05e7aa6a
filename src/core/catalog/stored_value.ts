/**
 * stored_value.ts: a value as a column of that type would store it: SQLite's column affinity ("Datatypes In SQLite",
 * section 3). What waits outside of its table, and what is compared with what is in one, has to look like it.
 */
import { writeColumn } from '../bytes/msgpack';
import { bindValue, valueSize, valueType } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { Slice } from '../bytes/slice';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_INTEGER, TYPE_REAL, TYPE_TEXT } from '../sql/types';
import { affinityOf } from './affinity';

/** True when a column of that declared type stores the value as it is, so that equal keys are equal bytes. */
export function isStoredAsIs(value: usize, declaredType: Slice): bool {
  const type = valueType(value);
  const affinity = affinityOf(declaredType, false);
  if (type == TYPE_BLOB || affinity == 'BLOB') return true;
  return affinity == 'TEXT' ? type == TYPE_TEXT : type == TYPE_INTEGER || type == TYPE_REAL;
}

/** The stored form of an encoded value, encoded too. Check hasFailed(). */
export function storedValue(declaredType: Slice, strict: bool, value: usize): Writer {
  const affinity = affinityOf(declaredType, strict);
  const sql = new Text(512).add('SELECT CASE typeof(?1) ');
  const wellFormed = "WHEN 'text' THEN CASE WHEN CAST(?1 AS NUMERIC)=?1 THEN ";
  if (affinity == 'TEXT') {
    sql.add("WHEN 'integer' THEN CAST(?1 AS TEXT) WHEN 'real' THEN CAST(?1 AS TEXT) ");
  } else if (affinity == 'REAL') {
    sql.add(wellFormed).add('CAST(CAST(?1 AS NUMERIC) AS REAL) ELSE ?1 END ');
    sql.add("WHEN 'integer' THEN CAST(?1 AS REAL) ");
  } else if (affinity != 'BLOB') {
    sql.add(wellFormed).add('CAST(?1 AS NUMERIC) ELSE ?1 END ');
    sql.add("WHEN 'real' THEN CASE WHEN CAST(?1 AS INTEGER)=?1 THEN CAST(?1 AS INTEGER) ELSE ?1 END ");
  } else {
    sql.add("WHEN 'null' THEN NULL ");
  }
  const statement = new Statement(sql.add('ELSE ?1 END'));
  bindValue(statement, 1, value);
  const stored = new Writer(valueSize(value) + 16);
  if (statement.step()) writeColumn(stored, statement.handle, 0);
  statement.close();
  return stored;
}
