/** filter_functions.ts: cloudsync_set_filter and cloudsync_clear_filter. */
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { changeFilter, clearFilter as clearFilterOf } from '../fold/filter';
import { result_integer } from '../host';
import { beginTrackedOperation, endOperation, trackedTable } from '../operation';
import { fail, hasFailed } from '../sql/failure';
import { Text } from '../sql/text';
import { argumentText } from './arguments';

/** The tracked table of that name with its columns read; null with a failure. */
function openTable(name: Slice): Table | null {
  const table = trackedTable(name);
  if (table == null || !table.open()) return null;
  const text = new Text().add("table '").bytes(name);
  if (table.missing) fail(text.add("' is not there any more; create it again, or call cloudsync_cleanup"));
  else if (table.altering) fail(text.add("' is being altered; call cloudsync_commit_alter first"));
  return hasFailed() ? null : table;
}

export function setFilter(): void {
  const name = argumentText(0, 'the table');
  const expression = argumentText(1, 'the filter');
  if (hasFailed() || !beginTrackedOperation()) return;
  const table = openTable(name);
  if (endOperation(table != null && changeFilter(table, expression))) result_integer(1);
}

export function clearFilter(): void {
  const name = argumentText(0, 'the table');
  if (hasFailed() || !beginTrackedOperation()) return;
  const table = openTable(name);
  if (endOperation(table != null && clearFilterOf(table))) result_integer(1);
}
