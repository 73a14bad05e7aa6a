/**
 * notice.ts: notices what has happened to the schema of the tracked tables since the last look, at the start
 * of every operation that writes, before the logs are folded: renames, new columns, changes that
 * cloudsync_begin_alter has begun, tables that were rebuilt without it.
 */
import { nextColumnId, registerColumn, registeredKeys, registerKeys } from '../catalog/columns';
import { currentSeq, nextSeq } from '../catalog/counters';
import { followTableName } from '../catalog/filter_renames';
import { Column, findTable, readColumns, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { clearRefusal, hasFailed } from '../sql/failure';
import { ownsTransaction } from '../sql/transaction';
import { sendAgain, settle } from './alter';
import { markAltering, passOver } from './altering';
import { logNewColumn } from './logging';
import { currentName, followColumnRenames, followKeyNames, hasTriggers, renameInCatalog } from './renames';
import { widenLogTable } from './tables';
import { rememberSchema, schemaHasChanged, untrackTable } from './track';
import { readTraits } from './traits';
import { ensureEvictionTriggers } from './evictions';
import { createTriggers, dropTriggers } from './triggers';

/**
 * The last noticeSchema found changes: the tables must be loaded anew, and what waits for them can be tried.
 */
export let schemaNews: bool = false;

/**
 * Looks at the tables, which are not open yet. A change that was begun and not committed is over now, unless
 * the operation is in a transaction of the application, which the change may be in too. `altering`: the
 * operation is itself about such a change, which is left to it. False on errors.
 */
export function noticeSchema(tables: Array<Table>, altering: bool): bool {
  schemaNews = schemaHasChanged();
  for (let i = 0; i < tables.length; i++) schemaNews = schemaNews || tables[i].altering;
  if (!schemaNews) return !hasFailed();
  const renamed: Array<Table> = [];
  if (!followTableRenames(tables, renamed)) return false;
  for (let i = 0; i < tables.length; i++) {
    if (!look(tables[i], renamed.includes(tables[i]), altering)) return false;
  }
  return rememberSchema();
}

/** Two steps, because names may have been exchanged. */
function followTableRenames(tables: Array<Table>, renamed: Array<Table>): bool {
  const names: Array<Table> = [];
  const former: Array<Slice> = [];
  for (let i = 0; i < tables.length; i++) {
    const name = currentName(tables[i]);
    if (hasFailed()) return false;
    if (name.equals(tables[i].name)) continue;
    renamed.push(tables[i]);
    names.push(new Table(0, name, 0, true, name, name));
    former.push(tables[i].name);
    if (!renameInCatalog(tables[i], tables[i].clockName)) return false;
  }
  for (let i = 0; i < renamed.length; i++) {
    // A tracked table that was dropped, and whose name another one has taken.
    const gone = findTable(tables, names[i].name);
    if (gone != null && !untrackTable(tables.splice(tables.indexOf(gone), 1)[0])) return false;
    if (!renameInCatalog(renamed[i], names[i].name) || !followTableName(renamed[i], former[i])) return false;
  }
  return true;
}

function look(table: Table, otherName: bool, altering: bool): bool {
  const columns = followColumnRenames(table);
  if (columns < 0 || !table.open()) return false;
  if (table.altering && altering) return true;
  if (table.altering) return table.missing || !ownsTransaction() ? passOver(table) : resettle(table);
  if (table.missing) return true;
  if (!hasTriggers(table)) return resettle(table);
  const keys = registeredKeys(table);
  let otherKey = keys.length != table.keys.length;
  for (let i = 0; !otherKey && i < keys.length; i++) otherKey = !keys[i].equals(table.keys[i].name);
  if (otherKey && !(registerKeys(table) && followKeyNames(table, keys))) return false;
  if (otherName || otherKey || columns > 0) {
    if (!createAnew(table) || !sendAgain(table)) return false;
  }
  return addColumns(table) && ensureEvictionTriggers(table);
}

/**
 * Takes a table as it is. Where it cannot be synchronised as it is now, it stays out of the way of the others
 * until cloudsync_commit_alter, which says why, or cloudsync_cleanup.
 */
function resettle(table: Table): bool {
  const traits = readTraits(table.name);
  if (traits != null) return settle(table, traits);
  return clearRefusal() && (table.altering ? passOver(table) : markAltering(table));
}

/** Creates the triggers of a table as its columns are now. */
function createAnew(table: Table): bool {
  const traits = readTraits(table.name);
  if (traits == null) return false;
  return dropTriggers(table) && createTriggers(table, traits.strict, traits.nullableKeys);
}

/**
 * Tracks columns that were added. Where such a column shows its default, nobody has written it, and the row
 * has no stamp for it; where it shows something else, the write was not captured (our triggers did not know
 * the column) and is logged now.
 */
function addColumns(table: Table): bool {
  const keys: Array<Column> = [];
  const actual = readColumns(table.name, keys);
  const before = currentSeq();
  let id = nextColumnId(table);
  for (let i = 0; i < actual.length; i++) {
    if (table.columnIndex(actual[i].name) >= 0) continue;
    const column = actual[i];
    column.id = id++;
    column.addedSeq = nextSeq();
    table.columns.push(column);
    if (!registerColumn(table, column)) return false;
  }
  if (currentSeq() == before) return !hasFailed();
  if (!widenLogTable(table) || !createAnew(table)) return false;
  for (let i = 0; i < table.columns.length; i++) {
    if (table.columns[i].addedSeq > before && !logNewColumn(table, table.columns[i])) return false;
  }
  return true;
}
