/**
 * held_rows.ts: living rows of one table that its constraints keep out of the data table. Their clocks stand in the
 * clock table like those of every row; their values are kept here, in cloudsync_held:
 *
 *     content = per column that is known, ascending:  varint column id, value (bytes/msgpack.ts)
 *
 * Why a row is held, and when it returns, is decided in merge/settle.ts.
 */
import { ColumnSet } from '../bytes/column_set';
import { writeInteger } from '../bytes/msgpack';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { valueReal, valueSize, valueType } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { time_microseconds } from '../host';
import { failWith, hasFailed, SQLITE_CORRUPT } from '../sql/failure';
import { execute, queryInteger, Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { TYPE_REAL } from '../sql/types';
import { Table } from './table';

/** Largest value that a row may have here; what the encoding itself allows. */
const ANY_SIZE: u32 = 0x7fffffff;
const TWO_TO_63: f64 = 9223372036854775808.0;

/**
 * The key as bytes that are equal when SQLite takes the keys for equal: a REAL without a fraction is written as the
 * integer that it equals. `key` is the encoded key.
 */
export function canonicalKey(table: Table, key: usize): Slice {
  const target = new Writer(64);
  let at = key;
  for (let i = 0; i < table.keys.length; i++) {
    const size = valueSize(at);
    const real = valueType(at) == TYPE_REAL ? valueReal(at) : 0.5;
    if (floor(real) == real && abs(real) < TWO_TO_63) writeInteger(target, <i64>real);
    else target.bytes(at, size);
    at += size;
  }
  return new Slice(target.start, target.size);
}

/** True when a row of any table is held. */
export function anyRowHeld(): bool {
  const sql = new Text().add('SELECT 1 FROM main.cloudsync_held WHERE table_id IS NOT NULL LIMIT 1');
  return queryInteger(sql, 0) != 0;
}

/** cloudsync_cleanup: the table's held rows go with its clocks. */
export function forgetHeldRows(table: Table): bool {
  const sql = new Text().add('DELETE FROM main.cloudsync_held WHERE table_id=').number(table.id);
  return execute(sql) && wakeWaitingFor(table);
}

/** Rows that wait for a row of this table are tried again: its keys mean something else now. */
function wakeWaitingFor(parent: Table): bool {
  const sql = new Text().add('UPDATE main.cloudsync_held SET parent_id=NULL,parent_pk=NULL WHERE parent_id=');
  return execute(sql.number(parent.id));
}

/** The table has another key now: what is held under the old one stays in the list as a report. */
export function retireHeldRows(table: Table): bool {
  const sql = new Text().add('UPDATE main.cloudsync_held SET table_id=NULL, waits=2,');
  sql.add(" reason=reason||'; the table got another key since' WHERE table_id=").number(table.id);
  return execute(sql) && wakeWaitingFor(table);
}

/** Counts what is written to the list, so that objects know when to look again. */
let writes: i32 = 0;

export class HeldRows {
  private found: bool = false;
  private foundAt: i32 = -1;

  constructor(private table: Table) {}

  /** Some row of the table is held. */
  get any(): bool {
    if (this.found || this.foundAt == writes) return this.found;
    const sql = new Text().add('SELECT 1 FROM main.cloudsync_held WHERE table_id=').number(this.table.id);
    this.found = queryInteger(sql.add(' LIMIT 1'), 0) != 0;
    this.foundAt = writes;
    return this.found;
  }

  /** The keys of all held rows of the table. Check hasFailed(). */
  keys(): Array<Slice> {
    return this.keysWhere('');
  }

  /** The same without the rows that wait for one certain parent (merge/waiting.ts). */
  keysToTry(): Array<Slice> {
    return this.keysWhere(' AND parent_id IS NULL');
  }

  private keysWhere(condition: string): Array<Slice> {
    const list: Array<Slice> = [];
    const sql = new Text().add('SELECT pk FROM main.cloudsync_held WHERE table_id=').number(this.table.id);
    const statement = new Statement(sql.add(condition).add(' ORDER BY id'));
    while (statement.step()) {
      const key = statement.columnBytes(0);
      if (!isKey(this.table, key)) break;
      list.push(key);
    }
    statement.close();
    return list;
  }

  private find(columns: string, key: usize): Statement {
    const sql = new Text().add('SELECT ').add(columns).add(' FROM main.cloudsync_held WHERE table_id=');
    const statement = new Statement(sql.number(this.table.id).add(' AND pk=?1'));
    const name = canonicalKey(this.table, key);
    return statement.blob(1, name.pointer, name.size);
  }

  /** True when the row with that encoded key is held. */
  has(key: usize): bool {
    if (!this.any) return false;
    const statement = this.find('1', key);
    const found = statement.step();
    statement.close();
    return found;
  }

  /** Reads the values of a held row; they lie in the arena. False when the row is not held, and on errors. */
  read(key: usize, target: ColumnSet): bool {
    if (!this.any) return false;
    const statement = this.find('content', key);
    let found = statement.step();
    if (found) found = unpackColumns(this.table, statement.columnBytes(0), target);
    statement.close();
    return found;
  }

  /** Why the row is held; empty when it is not. */
  reason(key: usize): Slice {
    const statement = this.find('reason', key);
    const reason = statement.step() ? statement.columnBytes(0) : new Slice(0, 0);
    statement.close();
    return reason;
  }

  /** Says anew why the row is held, and writes only when that is another reason. False on errors. */
  explain(key: usize, reason: Slice): bool {
    if (this.reason(key).equals(reason)) return true;
    const sql = new Text()
      .add('UPDATE main.cloudsync_held SET reason=?2 WHERE table_id=')
      .number(this.table.id);
    const statement = new Statement(sql.add(' AND pk=?1'));
    const name = canonicalKey(this.table, key);
    const ok = statement.blob(1, name.pointer, name.size).text(2, reason).run();
    statement.close();
    return ok;
  }

  /** From now on the row waits for the row of `parent` with that canonical key. False on errors. */
  waitFor(key: usize, parent: Table, parentKey: Slice): bool {
    const statement = this.parentUpdate(key);
    const ok = statement.integer(2, parent.id).blob(3, parentKey.pointer, parentKey.size).run();
    statement.close();
    return ok;
  }

  /** The row's clocks have changed: it is tried again. False on errors. */
  tryAgain(key: usize): bool {
    const statement = this.parentUpdate(key);
    const ok = statement.run();
    statement.close();
    return ok;
  }

  /** Sets what the row waits for: ?2 the table and ?3 the key of its parent, nothing as long as they are not bound. */
  private parentUpdate(key: usize): Statement {
    const sql = new Text().add('UPDATE main.cloudsync_held SET parent_id=?2,parent_pk=?3 WHERE table_id=');
    const statement = new Statement(sql.number(this.table.id).add(' AND pk=?1'));
    const name = canonicalKey(this.table, key);
    return statement.blob(1, name.pointer, name.size);
  }

  /** Keeps these values for the row, with the reason, in place of what was kept before. False on errors. */
  write(key: usize, values: ColumnSet, reason: Slice): bool {
    const name = canonicalKey(this.table, key);
    const content = packColumns(this.table, values);
    const statement = new Statement(
      new Text(512).add(
        'INSERT INTO main.cloudsync_held(tbl,pk,columns,reason,since,content,waits,table_id)' +
          ' VALUES(?1,?2,?3,?4,?5,?6,0,?7) ON CONFLICT(table_id,pk) WHERE table_id IS NOT NULL DO UPDATE SET' +
          ' columns=excluded.columns,reason=excluded.reason,content=excluded.content,parent_id=NULL,parent_pk=NULL',
      ),
    );
    statement.text(1, this.table.name).blob(2, name.pointer, name.size).text(3, this.columnNames(values));
    statement
      .text(4, reason)
      .integer(5, time_microseconds() / 1000)
      .blob(6, content.start, content.size);
    const ok = statement.integer(7, this.table.id).run();
    statement.close();
    writes++;
    return ok;
  }

  private columnNames(values: ColumnSet): Slice {
    const names = new Text();
    for (let i = 0; i < this.table.columns.length; i++) {
      if (values.value(i) != 0) names.add(names.size > 0 ? ', ' : '').bytes(this.table.columns[i].name);
    }
    return names.size > 0 ? names.slice() : sliceOf('');
  }

  /** The row is held no longer. False on errors. */
  drop(key: usize): bool {
    if (!this.any) return true;
    const sql = new Text().add('DELETE FROM main.cloudsync_held WHERE table_id=').number(this.table.id);
    const statement = new Statement(sql.add(' AND pk=?1'));
    const name = canonicalKey(this.table, key);
    const ok = statement.blob(1, name.pointer, name.size).run();
    statement.close();
    return ok;
  }
}

function packColumns(table: Table, values: ColumnSet): Writer {
  const target = new Writer(256);
  for (let i = 0; i < table.columns.length; i++) {
    if (values.value(i) == 0) continue;
    target.varint(table.columns[i].id);
    target.bytes(values.value(i), valueSize(values.value(i)));
  }
  return target;
}

/** Columns that the table has no more are passed over. False when the bytes are damaged. */
function unpackColumns(table: Table, content: Slice, target: ColumnSet): bool {
  const reader = new Reader(content.pointer, content.pointer + content.size);
  target.clear();
  while (reader.left > 0 && !reader.bad) {
    const id = varint(reader);
    const value = reader.value(ANY_SIZE);
    for (let i = 0; i < table.columns.length && !reader.bad; i++) {
      if (table.columns[i].id == id) target.put(i, value);
    }
  }
  return reader.bad ? failWith(DAMAGED, SQLITE_CORRUPT) : !hasFailed();
}

const DAMAGED = 'a row of cloudsync_held is damaged; restore the database from a copy';

function varint(reader: Reader): i32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 28; shift += 7) {
    const byte = <u32>load<u8>(reader.take(1));
    if (reader.bad) return -1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  reader.reject();
  return -1;
}

/** Checks the key of a held row. False when it is damaged. */
function isKey(table: Table, key: Slice): bool {
  const reader = new Reader(key.pointer, key.pointer + key.size);
  for (let i = 0; i < table.keys.length; i++) reader.value(ANY_SIZE);
  return reader.bad || reader.left > 0 ? failWith(DAMAGED, SQLITE_CORRUPT) : true;
}
