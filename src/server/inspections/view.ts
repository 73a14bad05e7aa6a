/**
 * view.ts: a database as one user sees it. It is read from the scope index, as the devices of that user are answered:
 * so it costs what the user sees and not what there is, and shows what devices get.
 */
import type { Inspections, SeenScope, SeenTable } from '../administration.js';
import { LIMITS } from '../limits.js';
import type { Principal } from '../principal.js';
import { keyText } from '../scopes/key-text.js';
import { scopesOf } from '../scopes/principal-scopes.js';
import { updateIndex } from '../scopes/scope-index.js';
import { openScoped, type Scoped } from '../scopes/scoped.js';
import type { TrackedTable } from '../scopes/tracked-tables.js';
import type { SyncDatabase } from '../store/database.js';
import { countRows } from './counting.js';

type View = Inspections['view']['result'];

/** Inside a transaction that writes: the index may have to be brought up to date first. */
export function viewAs(database: SyncDatabase, { user, role, claims }: Inspections['view']['input']): View {
  const scoped = openScoped(database);
  if (scoped === undefined) return { isRestricted: false, scopes: 0, scopeList: [], tables: [] };
  updateIndex(scoped);
  database.recordHead();
  const principal: Principal = {
    subject: user ?? '',
    role,
    databases: [database.name],
    claims: user === null ? claims : { ...claims, sub: user },
  };
  const scopes = [...scopesOf(scoped, principal)];
  return {
    isRestricted: true,
    scopes: scopes.length,
    scopeList: scopes.slice(0, LIMITS.inspectedScopes).map((scope) => describeScope(scoped, scope)),
    tables: scoped.tables.all
      .slice(0, LIMITS.inspectedTables)
      .map((table) => describeTable(scoped, table, scopes)),
  };
}

/** The rows of a scope by table. */
function describeScope({ database, tables }: Scoped, scope: number): SeenScope {
  const key = database
    .prepare<[number], { key: Buffer }>('SELECT key FROM cloudsync_scopes WHERE id = ?')
    .get(scope)?.key;
  const counts = database
    .prepare<[number, number], { tbl: number; count: number }>(
      'SELECT tbl, count(*) AS count FROM (SELECT tbl FROM cloudsync_scope_rows' +
        ' INDEXED BY cloudsync_scope_rows_order WHERE scope = ? AND live = 1 LIMIT ?) GROUP BY tbl',
    )
    .all(scope, LIMITS.inspectedRows);
  return {
    scope,
    key: key === undefined ? '' : keyText(key),
    tables: counts.map(({ tbl, count }) => ({
      table: tables.byId(tbl)?.name ?? '',
      rows: { value: count, isLeast: count === LIMITS.inspectedRows },
    })),
  };
}

function describeTable({ database, compiled }: Scoped, table: TrackedTable, scopes: number[]): SeenTable {
  // The other index leads through all rows of the table.
  const seen =
    'SELECT DISTINCT pk FROM json_each(?) AS own CROSS JOIN cloudsync_scope_rows AS entry' +
    ' INDEXED BY cloudsync_scope_rows_order ON entry.scope = own.value WHERE live = 1 AND +tbl = ?';
  const own = JSON.stringify(scopes);
  const keys = database
    .prepare<[string, number, number], { pk: Buffer }>(`${seen} LIMIT ?`)
    .all(own, table.id, LIMITS.inspectedKeys);
  return {
    table: table.name,
    hasPolicies: compiled.tables.has(table.foldedName),
    rows: countRows(database, seen, own, table.id),
    keys: keys.map(({ pk }) => keyText(pk)),
  };
}
