/**
 * wipe.ts: removes all synchronised rows and everything known about them, for a logout: the next user of this device
 * starts with empty tables and a new site id. The tables stay tracked.
 */
import { wipeConflicts } from '../catalog/conflicts';
import { deferForeignKeys } from '../catalog/foreign_keys';
import { wipeRejected } from '../catalog/rejected';
import { renewSite } from '../catalog/schema';
import { Table } from '../catalog/table';
import { failWithSql, hasFailed, SQLITE_CONSTRAINT, SQLITE_DONE } from '../sql/failure';
import { forgetAlter } from './altering';
import { execute, executeLiteral, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint, switchTriggers } from '../sql/transaction';
import { hasApplicationTrigger } from './triggers';

const WIPE_SAVEPOINT = 'cloudsync_wipe';

function removeRows(table: Table): Text {
  return new Text().add('DELETE FROM ').main(table.name);
}

/**
 * Removes the rows with the triggers of the application on, because full-text indexes have to forget them too. A
 * trigger that refuses does not keep the rows of the last user here.
 */
function removeWithTriggers(table: Table, before: i32): bool {
  if (!savepoint(WIPE_SAVEPOINT)) return false;
  switchTriggers(before);
  const statement = new Statement(removeRows(table));
  const code = statement.attemptToRun();
  statement.close();
  const refused = (code & 0xff) == SQLITE_CONSTRAINT;
  if (code != SQLITE_DONE && !refused) failWithSql(code, 'removing the rows of a table');
  switchTriggers(0);
  if (code == SQLITE_DONE) return releaseSavepoint(WIPE_SAVEPOINT);
  return refused && rollbackToSavepoint(WIPE_SAVEPOINT);
}

function forget(table: Table): bool {
  return (
    execute(removeRows(table)) &&
    execute(new Text().add('DELETE FROM ').main(table.clockName)) &&
    execute(new Text().add('DELETE FROM ').main(table.logName))
  );
}

/** Inside a write operation. Nothing of it is logged in the end. False on errors. */
export function wipeTables(tables: Array<Table>): bool {
  const before = switchTriggers(0);
  let ok = deferForeignKeys(1) >= 0 && executeLiteral(GUARDS_OFF);
  for (let i = 0; ok && i < tables.length; i++) {
    ok = tables[i].open() && forgetAlter(tables[i]);
    if (ok && !tables[i].missing && hasApplicationTrigger(tables[i]))
      ok = removeWithTriggers(tables[i], before);
  }
  // Also what triggers have written into tables that were empty already.
  for (let i = 0; ok && i < tables.length; i++) ok = tables[i].missing || forget(tables[i]);
  switchTriggers(before);
  return (
    ok &&
    executeLiteral(GUARDS_ON) &&
    executeLiteral('DELETE FROM main.cloudsync_held') &&
    wipeConflicts() &&
    wipeRejected() &&
    executeLiteral('DELETE FROM main.cloudsync_sites') &&
    renewSite() &&
    !hasFailed()
  );
}

/** The guards of grow-only tables let pass what is no edit of the application (triggers.ts). */
const GUARDS_OFF = "INSERT OR REPLACE INTO main.cloudsync_settings VALUES('merging',1)";
const GUARDS_ON = "DELETE FROM main.cloudsync_settings WHERE key='merging'";
