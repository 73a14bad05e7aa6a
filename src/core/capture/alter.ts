/**
 * alter.ts: changes of a table that SQLite's own triggers cannot follow: columns dropped, types changed, the
 * table rebuilt, another key. `beginAlter` takes our triggers away (SQLite refuses most changes of a table
 * whose triggers name its columns) and copies the table; `settle` takes the table as it is afterwards, brings
 * catalog, clocks and triggers into line with it, and logs what the change has done to rows and values. It
 * needs the copy for that; a table that was rebuilt without cloudsync_begin_alter has none, and is compared
 * with its clocks.
 */
import { affinityOf } from '../catalog/affinity';
import {
  markDropped,
  nextColumnId,
  registerColumn,
  registeredKeys,
  registerKeys,
  renameColumn,
} from '../catalog/columns';
import { followColumnNames, Renames } from '../catalog/filter_renames';
import { currentSeq, nextSeq } from '../catalog/counters';
import { retireHeldRows } from '../catalog/held_rows';
import { sendEverything } from '../catalog/send_settings';
import { ALGORITHM_GOS, Column, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { HeldClocks } from '../clock/held_clocks';
import { hasFailed } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { announceAgain } from './announce';
import { copyName, createCopy, forgetAlter, hasCopy, markAltering, wasPassedOver } from './altering';
import { isWritten, logChangedColumn, logDeletes, logInserts, logNewColumn, sameKey } from './logging';
import { followKeyNames } from './renames';
import { createClockTable, createLogTable, widenLogTable } from './tables';
import { enterExistingRows } from './track';
import { readTraits, Traits } from './traits';
import { createAnchor, createTriggers, dropTriggers } from './triggers';

/** Prepares an open table, whose log is folded, for a change. False on errors. */
export function beginAlter(table: Table): bool {
  const traits = readTraits(table.name);
  if (traits == null) return false;
  return (
    dropTriggers(table) && createCopy(table, traits.strict) && createAnchor(table) && markAltering(table)
  );
}

/**
 * Takes an open table as it is now. Afterwards the tables must be loaded anew and the logs folded. False on
 * errors.
 */
export function settle(table: Table, traits: Traits): bool {
  const compared = hasCopy(table);
  const again = !compared || wasPassedOver(table);
  const keeps = keepsKey(table, traits);
  const before = currentSeq();
  const renamed = compared && keeps ? columnThatMoved(table, traits) : -1;
  if (keeps && !followKeyNames(table, registeredKeys(table))) return false;
  if (!dropTriggers(table) || !settleColumns(table, traits, renamed) || !registerKeys(table)) return false;
  const now = new Table(table.id, table.name, table.algorithm, table.enabled, table.clockName, table.logName);
  now.filter = table.filter;
  now.settledSeq = table.settledSeq;
  if (!now.open()) return false;
  const ok = keeps
    ? widenLogTable(now) && logDifferences(now, before, compared, traits.strict)
    : startAnew(now, traits.strict);
  if (!ok || !createTriggers(now, traits.strict, traits.nullableKeys) || !forgetAlter(table)) return false;
  return keeps && (again || renamed >= 0) ? sendAgain(now) : !hasFailed();
}

/**
 * Everything of the table goes out again, with the stamps that it has: under its name nobody may have it yet.
 */
export function sendAgain(table: Table): bool {
  return announceAgain(table, 0) && sendEverything();
}

/**
 * Columns that are not there any more, and columns that are new. `renamed`: the column at hand for the one
 * that is new.
 */
function settleColumns(table: Table, traits: Traits, renamed: i32): bool {
  const vanished = missingFrom(traits.columns, table.registeredColumns());
  const appeared = missingFrom(table.columns, traits.columns);
  if (renamed >= 0) {
    const renames = new Renames();
    renames.add(vanished[0].name, appeared[0].name);
    return renameColumn(table, renamed, appeared[0].name) && followColumnNames(table, renames);
  }
  for (let i = 0; i < vanished.length; i++) {
    if (!markDropped(table, vanished[i].id)) return false;
  }
  let id = nextColumnId(table);
  for (let i = 0; i < appeared.length; i++) {
    appeared[i].id = id++;
    appeared[i].addedSeq = nextSeq();
    if (!registerColumn(table, appeared[i])) return false;
  }
  return true;
}

/** Those of `columns` that `others` does not have by name. */
function missingFrom(others: Array<Column>, columns: Array<Column>): Array<Column> {
  const list: Array<Column> = [];
  for (let i = 0; i < columns.length; i++) {
    let found = false;
    for (let k = 0; k < others.length; k++) found = found || others[k].name.equalsIgnoreCase(columns[i].name);
    if (!found) list.push(columns[i]);
  }
  return list;
}

/**
 * When exactly one column went and one came, at the same place and with the same affinity, it was renamed:
 * its id, else -1. One that shows nothing but its default is new. Where that is a wrong guess nothing is
 * lost: values that differ from the copy's, or from the default, are logged as writes.
 */
function columnThatMoved(table: Table, traits: Traits): i32 {
  const vanished = missingFrom(traits.columns, table.registeredColumns());
  const appeared = missingFrom(table.columns, traits.columns);
  if (vanished.length != 1 || appeared.length != 1 || !isWritten(table, appeared[0])) return -1;
  let place = 0;
  while (traits.columns[place] != appeared[0]) place++;
  const statement = new Statement(
    new Text().add("SELECT type FROM pragma_table_info(?1,'main') WHERE cid=?2 AND name='c'||?3"),
  );
  statement
    .text(1, copyName(table))
    .integer(2, table.keys.length + place)
    .integer(3, vanished[0].id);
  const found = statement.step();
  const affinity = found ? statement.columnBytes(0) : new Slice(0, 0);
  statement.close();
  return found && affinity.is(affinityOf(appeared[0].declaredType, traits.strict)) ? vanished[0].id : -1;
}

/**
 * True when the key is the old one: as many columns, of the same affinities, with the same names, of which
 * one may have been renamed.
 */
function keepsKey(table: Table, traits: Traits): bool {
  const names = registeredKeys(table);
  if (names.length != traits.keys.length) return false;
  let others = 0;
  for (let i = 0; i < names.length; i++) {
    const key = traits.keys[i];
    const statement = new Statement(
      new Text().add("SELECT 1 FROM pragma_table_info(?1,'main') WHERE name='pk'||?2 AND type=?3"),
    );
    const affinity = sliceOf(affinityOf(key.declaredType, traits.strict));
    statement.text(1, table.clockName).integer(2, i).text(3, affinity);
    const same = statement.step();
    statement.close();
    if (!same) return false;
    if (key.name.equalsIgnoreCase(names[i])) continue;
    if (isColumn(traits, names[i]) || isRegistered(table, names, key.name)) return false;
    others++;
  }
  return others <= 1;
}

function isColumn(traits: Traits, name: Slice): bool {
  for (let i = 0; i < traits.keys.length; i++) if (traits.keys[i].name.equalsIgnoreCase(name)) return true;
  for (let i = 0; i < traits.columns.length; i++)
    if (traits.columns[i].name.equalsIgnoreCase(name)) return true;
  return false;
}

function isRegistered(table: Table, keys: Array<Slice>, name: Slice): bool {
  for (let i = 0; i < keys.length; i++) if (keys[i].equalsIgnoreCase(name)) return true;
  const columns = table.registeredColumns();
  for (let i = 0; i < columns.length; i++) if (columns[i].name.equalsIgnoreCase(name)) return true;
  return false;
}

/** Another key: what was known of the old keys is forgotten, and all rows enter anew. */
function startAnew(table: Table, strict: bool): bool {
  return (
    execute(new Text().add('DROP TABLE ').main(table.clockName)) &&
    execute(new Text().add('DROP TABLE ').main(table.logName)) &&
    retireHeldRows(table) &&
    createClockTable(table, strict) &&
    createLogTable(table) &&
    enterExistingRows(table)
  );
}

/**
 * Logs what is other than before the change. In a grow-only table rows that went or changed are no business
 * of others. `newSince`: columns that came later than this seq are new.
 */
function logDifferences(table: Table, newSince: i64, compared: bool, strict: bool): bool {
  const exact = compared && table.algorithm != ALGORITHM_GOS;
  let ok = exact
    ? logDeletes(table) && logInserts(table, copyName(table), '')
    : forgetVanished(table) && logInserts(table, table.clockName, ' AND b.cl%2=1');
  for (let i = 0; ok && i < table.columns.length; i++) {
    const column = table.columns[i];
    if (column.addedSeq > newSince) ok = logNewColumn(table, column);
    else if (exact) ok = logChangedColumn(table, column, strict);
  }
  return ok;
}

/**
 * Forgets the clocks of rows that are gone although nobody deleted them: they went with DROP TABLE, which is
 * no deletion that others should follow. Deletions that wait in the log are.
 */
function forgetVanished(table: Table): bool {
  const sql = new Text(1024).add('DELETE FROM ').main(table.clockName).add(' AS b WHERE b.cl%2=1');
  sql.add(' AND NOT EXISTS(SELECT 1 FROM ').main(table.name).add(' AS d WHERE ');
  sameKey(sql, table).add(') AND NOT EXISTS(SELECT 1 FROM ').main(table.logName);
  sql.add(' AS l WHERE l.mask=-2');
  for (let i = 0; i < table.keys.length; i++) sql.add(' AND l.pk').number(i).add('=b.pk').number(i);
  const kept = new HeldClocks(table);
  return execute(sql.add(')')) && kept.restore();
}
