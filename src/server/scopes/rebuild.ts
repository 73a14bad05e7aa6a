/**
 * rebuild.ts: what a deploy of policies does to the scope index. Branches that are as they were keep their scopes and
 * entries, so that no device notices; those that are new or whose row side has changed are computed for all rows, and
 * those that are gone lose theirs. All of it happens at one seq.
 */
import type { Branch } from '../policies/compiled.js';
import { internScope } from './scope-numbers.js';
import type { Scoped } from './scoped.js';
import { policyRows, type TrackedTable } from './tracked-tables.js';
import { encodeValues, type SqlValue } from './values.js';

/** The branches of one table that share scopes, because their principal sides are the same. */
interface BranchGroup {
  table: TrackedTable;
  branch: string;
  members: Branch[];
  /** The row sides as one text: when it changes, the entries do. */
  rowSide: string;
}

function groupsOf({ compiled, tables }: Scoped): BranchGroup[] {
  const groups: BranchGroup[] = [];
  for (const [name, policies] of compiled.tables) {
    const table = tables.byName(name);
    if (table === undefined) continue;
    const byId = new Map<string, Branch[]>();
    for (const branch of policies.branches) byId.set(branch.id, [...(byId.get(branch.id) ?? []), branch]);
    for (const [branch, members] of byId) {
      const rowSide = JSON.stringify(members.map((member) => member.rowKeys).sort());
      groups.push({ table, branch, members, rowSide });
    }
  }
  return groups;
}

/** All that entries and links depend on, as one text: when it is the same, a deploy changes nothing here. */
export function branchesText(scoped: Scoped): string {
  const groups = groupsOf(scoped).map(({ table, branch, members, rowSide }) => {
    const dependencies = members.flatMap((member) => member.dependencies.map((one) => JSON.stringify(one)));
    return [table.id, branch, rowSide, ...dependencies.sort()].join('\n');
  });
  return groups.sort().join('\n\n');
}

/** Brings the entries to the policies in force. */
export function rebuild(scoped: Scoped, seq: number): void {
  const { database } = scoped;
  const sql = 'SELECT tbl, branch, row_side FROM cloudsync_scope_branches';
  const stored = database.prepare<[], { tbl: number; branch: string; row_side: string }>(sql).all();
  const former = new Map(stored.map(({ tbl, branch, row_side }) => [`${tbl} ${branch}`, row_side]));
  database.sqlite.exec(
    'CREATE TEMP TABLE IF NOT EXISTS cloudsync_scope_present(' +
      'pk BLOB NOT NULL, scope INTEGER NOT NULL, PRIMARY KEY(pk, scope)) WITHOUT ROWID',
  );
  for (const group of groupsOf(scoped)) {
    const name = `${group.table.id} ${group.branch}`;
    const isSame = former.get(name) === group.rowSide;
    former.delete(name);
    if (!isSame) replaceEntries(scoped, group, seq);
  }
  for (const { tbl, branch } of stored.filter((row) => former.has(`${row.tbl} ${row.branch}`))) {
    database.prepare('DELETE FROM temp.cloudsync_scope_present').run();
    endEntries(scoped, tbl, branch, seq);
    database.prepare('DELETE FROM cloudsync_scope_branches WHERE tbl = ? AND branch = ?').run(tbl, branch);
  }
}

function replaceEntries(scoped: Scoped, { table, branch, members, rowSide }: BranchGroup, seq: number): void {
  const { database } = scoped;
  const add = 'INSERT OR IGNORE INTO temp.cloudsync_scope_present VALUES (?, ?)';
  database.prepare('DELETE FROM temp.cloudsync_scope_present').run();
  for (const member of members) {
    for (const row of keysOfAll(scoped, table, member)) {
      const pk = encodeValues(row.slice(0, table.keyColumns.length));
      const scope = internScope(database, branch, encodeValues(row.slice(table.keyColumns.length)));
      database.prepare(add).run(pk, scope);
    }
  }
  endEntries(scoped, table.id, branch, seq);
  const enter =
    'INSERT INTO cloudsync_scope_rows(scope, tbl, pk, first_seq, enter_seq, seq, live)' +
    ' SELECT scope, @table, pk, @seq, @seq, @seq, 1 FROM temp.cloudsync_scope_present WHERE true' +
    ' ON CONFLICT(tbl, pk, scope) DO UPDATE SET enter_seq = @seq, seq = @seq, live = 1 WHERE live = 0';
  database.prepare(enter).run({ table: table.id, seq });
  const remember = 'INSERT OR REPLACE INTO cloudsync_scope_branches VALUES (?, ?, ?)';
  database.prepare(remember).run(table.id, branch, rowSide);
}

/** The keys of all rows, each behind the key values of its row. */
function keysOfAll({ database }: Scoped, table: TrackedTable, branch: Branch): SqlValue[][] {
  const rows = policyRows(database, branch.allKeys);
  if (rows !== undefined) return rows;
  // Some row makes the query fail: only that one is left out.
  return table
    .allKeys()
    .flatMap((row) => (policyRows(database, branch.rowKeys, row) ?? []).map((key) => [...row, ...key]));
}

/** Ends the live entries of a table in the scopes of a branch, but for those that are present. */
function endEntries({ database }: Scoped, table: number, branch: string, seq: number): void {
  const sql =
    'UPDATE cloudsync_scope_rows SET live = 0, seq = ? WHERE tbl = ? AND live = 1' +
    ' AND scope IN (SELECT id FROM cloudsync_scopes WHERE branch = ?)' +
    ' AND (pk, scope) NOT IN (SELECT pk, scope FROM temp.cloudsync_scope_present)';
  database.prepare(sql).run(seq, table, branch);
}
