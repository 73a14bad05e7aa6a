/**
 * waiting.ts: held rows that wait for one certain row, the one that they refer to and that is not here. There can be
 * very many of them, in a first sync all children of parents that were changed later; so they are not tried again after
 * every change, but when something has happened to that row. cloudsync_held names it: parent_id, parent_pk.
 *
 * A row only waits in this way when nothing else can give it a place: its parent is not dead (then the foreign key may
 * want an edit), their tables do not refer to each other in a circle (then rows may come together), and the parent's
 * table is captured (so that whatever happens to the parent has a seq). All other held rows are tried every time.
 */
import { ForeignKey } from '../catalog/foreign_keys';
import { canonicalKey } from '../catalog/held_rows';
import { ReferenceGroups } from '../catalog/reference_groups';
import { isStoredAsIs } from '../catalog/stored_value';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { keyNames } from '../capture/tables';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { executeLiteral, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { Member } from './placement';
import { keyOfRow, parentKey, RowValues } from './row_values';

function isCaptured(table: Table): bool {
  return table.enabled && !table.missing && !table.altering;
}

/** The key of the only row whose arrival can give this one its place by this foreign key; null when there is none. */
function awaitedKey(foreign: ForeignKey, row: Member, parent: Table): Slice | null {
  const values = new RowValues(row.table, row.key.pointer, row.values);
  const places = foreign.keyPlaces();
  const key = parentKey(foreign, values);
  if (places == null || key == null) return null;
  for (let k = 0; k < places.length; k++) {
    if (!isStoredAsIs(values.value(foreign.columns[places[k]]), parent.keys[k].declaredType)) return null;
  }
  return canonicalKey(parent, key.start);
}

/** Lets a held row wait for the row that it refers to by `foreign`, if that is all that it can wait for. */
export function waitForParent(foreign: ForeignKey, row: Member, groups: ReferenceGroups): bool {
  const parent: Table | null = foreign.parent;
  if (parent == null || !isCaptured(parent) || groups.inCircle(row.table, parent)) return !hasFailed();
  const key = awaitedKey(foreign, row, parent);
  return key == null ? !hasFailed() : row.held.waitFor(row.key.pointer, parent, key);
}

/** Something has happened to the row with that canonical key: what waits for it is tried again. */
export function wakeWaiting(parent: Table, key: Slice): bool {
  const statement = wakeStatement(parent);
  const ok = statement.blob(1, key.pointer, key.size).run();
  statement.close();
  return ok;
}

function wakeStatement(parent: Table): Statement {
  const sql = new Text().add('UPDATE main.cloudsync_held SET parent_id=NULL,parent_pk=NULL WHERE parent_id=');
  return new Statement(sql.number(parent.id).add(' AND parent_pk=?1'));
}

function hasWaiting(parent: Table): bool {
  const sql = new Text().add('SELECT 1 FROM main.cloudsync_held WHERE parent_id=').number(parent.id);
  return queryInteger(sql.add(' LIMIT 1'), 0) != 0;
}

/** All held rows are tried again. */
export function wakeAll(): bool {
  return executeLiteral(
    'UPDATE main.cloudsync_held SET parent_id=NULL,parent_pk=NULL WHERE parent_id IS NOT NULL',
  );
}

/** Wakes what waits for rows that have changed after `since`. False on errors. */
export function wakeForChanges(tables: Array<Table>, since: i64): bool {
  for (let i = 0; i < tables.length && !hasFailed(); i++) {
    if (!hasWaiting(tables[i])) continue;
    if (!tables[i].open()) return false;
    if (!isCaptured(tables[i])) {
      if (!wakeAll()) return false;
    } else if (!wakeForTable(tables[i], since)) {
      return false;
    }
  }
  return !hasFailed();
}

function wakeForTable(parent: Table, since: i64): bool {
  const sql = keyNames(new Text().add('SELECT '), parent, '').add(' FROM ').main(parent.clockName);
  const changed = new Statement(sql.add(' WHERE seq>?1')).integer(1, since);
  const wake = wakeStatement(parent);
  const mark = arenaMark();
  let ok = true;
  while (ok && changed.step()) {
    const encoded: Writer = keyOfRow(changed, parent);
    const key = canonicalKey(parent, encoded.start);
    ok = wake.blob(1, key.pointer, key.size).run();
    arenaRelease(mark);
  }
  wake.close();
  changed.close();
  return ok && !hasFailed();
}
