/**
 * wipe.ts: removes all synchronised rows and everything known about them, for a logout: the next user of this device
 * starts with empty tables and a new site id. The tables stay tracked.
 */
import { sql_triggers } from '../host';
import { wipeConflicts } from '../catalog/conflicts';
import { renewSite } from '../catalog/schema';
import { Table } from '../catalog/table';
import { hasFailed } from '../sql/failure';
import { forgetAlter } from './altering';
import { execute, executeLiteral } from '../sql/statement';
import { Text } from '../sql/text';

function empty(table: Table): bool {
  return (
    execute(new Text().add('DELETE FROM ').main(table.name)) &&
    execute(new Text().add('DELETE FROM ').main(table.clockName)) &&
    execute(new Text().add('DELETE FROM ').main(table.logName))
  );
}

/** Inside a write operation. Triggers are off meanwhile, so that nothing is logged. False on errors. */
export function wipeTables(tables: Array<Table>): bool {
  const before = sql_triggers(0);
  let ok = executeLiteral('PRAGMA defer_foreign_keys=ON');
  for (let i = 0; ok && i < tables.length; i++) {
    ok = tables[i].open() && forgetAlter(tables[i]) && (tables[i].missing || empty(tables[i]));
  }
  sql_triggers(before);
  return (
    ok &&
    executeLiteral('DELETE FROM main.cloudsync_held') &&
    wipeConflicts() &&
    executeLiteral('DELETE FROM main.cloudsync_sites') &&
    renewSite() &&
    !hasFailed()
  );
}
