/**
 * renames.ts: follows ALTER TABLE ... RENAME. SQLite rewrites our triggers when a table or column gets
 * another name: the trigger says on which table it now stands, and in its expression for the mask every
 * column stands beside the bit that belongs to its stable id. So a rename is told exactly from anything else,
 * also two names that were swapped.
 */
import { renameColumn } from '../catalog/columns';
import { followColumnNames, Renames } from '../catalog/filter_renames';
import { Column, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { BITS_PER_MASK } from './tables';
import { triggerName } from './triggers';

const QUOTE: u32 = 34;
const CLOSE: u32 = 41;
const TIMES: u32 = 42;
const COMMA: u32 = 44;

/** A column of sqlite_schema for one of the table's triggers; of size 0 when the trigger is not there. */
function ofTrigger(column: string, table: Table, suffix: string): Slice {
  const sql = new Text()
    .add('SELECT ')
    .add(column)
    .add(" FROM main.sqlite_schema WHERE type='trigger' AND name=?1");
  const statement = new Statement(sql);
  const found = statement.text(1, triggerName(table, suffix)).step();
  const value = found ? statement.columnBytes(0) : new Slice(0, 0);
  statement.close();
  return value;
}

/** True when the table's triggers are there. They go with the table, so a table that was rebuilt has none. */
export function hasTriggers(table: Table): bool {
  return ofTrigger('tbl_name', table, '_insert').size > 0;
}

export function tableExists(name: Slice): bool {
  const statement = new Statement(
    new Text().add("SELECT 1 FROM main.sqlite_schema WHERE type='table' AND name=?1 COLLATE NOCASE"),
  );
  const found = statement.text(1, name).step();
  statement.close();
  return found;
}

/** The name that the table has now, as its triggers say, or the one that is known. */
export function currentName(table: Table): Slice {
  // A table that is being altered may have been rebuilt and the old one kept under another name, with its trigger.
  if (table.altering && tableExists(table.name)) return table.name;
  const owner = ofTrigger('tbl_name', table, table.altering ? '_altering' : '_insert');
  return owner.size > 0 ? owner : table.name;
}

/** A filter that names key columns of the open table gets the names that they have now, where the key is the same. */
export function followKeyNames(table: Table, former: Array<Slice>): bool {
  const renames = new Renames();
  for (let i = 0; i < former.length && i < table.keys.length; i++) renames.add(former[i], table.keys[i].name);
  return followColumnNames(table, renames);
}

/** Gives the table its new name in the catalog; `name` may be a passing one. */
export function renameInCatalog(table: Table, name: Slice): bool {
  const sql = new Text().add('UPDATE main.cloudsync_tables SET name=').quoted(name).add(' WHERE id=');
  table.name = name;
  const held = new Text().add('UPDATE main.cloudsync_held SET tbl=').quoted(name).add(' WHERE table_id=');
  return execute(sql.number(table.id)) && execute(held.number(table.id));
}

/**
 * Gives columns of a table that is not open yet their new names in the catalog. The number of them, -1 on
 * errors.
 */
export function followColumnRenames(table: Table): i32 {
  const named = columnsInTrigger(ofTrigger('sql', table, '_update'));
  const registered = table.registeredColumns();
  const renames = new Renames();
  let count = 0;
  for (let i = 0; i < named.length; i++) {
    for (let k = 0; k < registered.length; k++) {
      if (registered[k].id != named[i].id || registered[k].name.equalsIgnoreCase(named[i].name)) continue;
      if (!renameColumn(table, named[i].id, named[i].name)) return -1;
      renames.add(registered[k].name, named[i].name);
      count++;
    }
  }
  return hasFailed() || !followColumnNames(table, renames) ? -1 : count;
}

/**
 * The columns in the values of the update trigger: (... NEW."name" ...)*bit+(...)*bit, a comma before the
 * next mask.
 */
function columnsInTrigger(sql: Slice): Array<Column> {
  const list: Array<Column> = [];
  let at = afterValues(sql);
  let mask = 0;
  let name = new Slice(0, 0);
  while (at < sql.size) {
    const byte = <u32>load<u8>(sql.pointer + at);
    if (byte == QUOTE) {
      const end = endOfName(sql, at);
      name = unquoted(sql, at + 1, end);
      at = end;
    } else if (byte == COMMA) {
      mask++;
    } else if (byte == CLOSE && at + 1 < sql.size && load<u8>(sql.pointer + at + 1) == TIMES) {
      const column = new Column(name, new Slice(0, 0));
      column.id = mask * BITS_PER_MASK + bitAt(sql, at + 2);
      list.push(column);
    }
    at++;
  }
  return list;
}

/** The position behind "VALUES(" outside of names, or the end. */
function afterValues(sql: Slice): u32 {
  for (let at: u32 = 0; at + 7 < sql.size; at++) {
    if (load<u8>(sql.pointer + at) == QUOTE) at = endOfName(sql, at);
    else if (new Slice(sql.pointer + at, 7).is('VALUES(')) return at + 7;
  }
  return sql.size;
}

/** The position of the quote that closes the name which begins at `start`. */
function endOfName(sql: Slice, start: u32): u32 {
  let at = start + 1;
  while (at < sql.size) {
    if (load<u8>(sql.pointer + at) != QUOTE) at++;
    else if (at + 1 < sql.size && load<u8>(sql.pointer + at + 1) == QUOTE) at += 2;
    else break;
  }
  return at;
}

function unquoted(sql: Slice, start: u32, end: u32): Slice {
  const name = new Text(end - start);
  for (let at = start; at < end; at++) {
    const byte = <u32>load<u8>(sql.pointer + at);
    name.writer.byte(byte);
    if (byte == QUOTE) at++;
  }
  return name.slice();
}

/** Which bit the decimal number at `at` is. */
function bitAt(sql: Slice, at: u32): i32 {
  let number: i64 = 0;
  while (at < sql.size && <u32>load<u8>(sql.pointer + at) - 48 < 10) {
    number = number * 10 + <i64>(<u32>load<u8>(sql.pointer + at) - 48);
    at++;
  }
  return <i32>ctz(number);
}
