/** alter_functions.ts: cloudsync_begin_alter and cloudsync_commit_alter; what they do is capture/alter.ts. */
import { beginAlter, settle } from '../capture/alter';
import { rememberSchema } from '../capture/track';
import { readTraits } from '../capture/traits';
import { Table } from '../catalog/table';
import { result_integer } from '../host';
import { beginAlteringOperation, endOperation, takeUp, trackedTable } from '../operation';
import { fail, hasFailed } from '../sql/failure';
import { Text } from '../sql/text';
import { argumentText } from './arguments';

export function begin(): void {
  const name = argumentText(0, 'the table');
  if (hasFailed() || !beginAlteringOperation()) return;
  const table = trackedTable(name);
  const ok = table != null && present(table) && (table.altering || beginAlter(table)) && rememberSchema();
  if (endOperation(ok)) result_integer(1);
}

export function commit(): void {
  const name = argumentText(0, 'the table');
  if (hasFailed() || !beginAlteringOperation()) return;
  const table = trackedTable(name);
  // A table that is not being altered has been looked at just now, as at the start of every operation.
  const ok = table != null && present(table) && (!table.altering || finish(table));
  if (endOperation(ok)) result_integer(1);
}

function finish(table: Table): bool {
  const traits = readTraits(table.name);
  return traits != null && settle(table, traits) && rememberSchema() && takeUp();
}

/** Opens the table; a failure when it is not there. */
function present(table: Table): bool {
  if (!table.open()) return false;
  if (!table.missing) return true;
  const text = new Text().add("there is no table '").bytes(table.name).add("' with a PRIMARY KEY any more;");
  text.add(' rename the rebuilt table to this name and try again, or call cloudsync_cleanup(');
  return fail(text.quoted(table.name).add(')'));
}
