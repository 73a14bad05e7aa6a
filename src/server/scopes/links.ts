/**
 * links.ts: which rows may change their keys because a row of another table has changed. That table's row leads to
 * them by some of its values (a comment belongs to the issue with its id). The values before the change count as well,
 * and SQLite does not keep those: so the last known ones of every row are kept here, whoever makes the change.
 * Values that are part of the row's own key need not be kept, because a key does not change.
 */
import type { Dependency } from '../policies/compiled.js';
import { foldName, quoteName } from '../store/tables.js';
import type { Scoped } from './scoped.js';
import { policyRows, type RowKey, rawStatement, type TrackedTable } from './tracked-tables.js';
import { decodeValues, encodeValues, type SqlValue } from './values.js';

/** Some columns of a table that lead to rows of others. */
export interface Link {
  /** The columns' folded names, as the text under which values are kept. */
  name: string;
  columns: readonly string[];
  /** Each table whose rows it leads to, with the query that finds the keys of those rows. */
  targets: readonly { table: TrackedTable; affected: string }[];
}

export interface AffectedRow {
  table: TrackedTable;
  values: SqlValue[];
}

/** The links of every table that the branches of the policies join. */
export function linksOf({ compiled, tables }: Scoped): Map<TrackedTable, Link[]> {
  const links = new Map<TrackedTable, Link[]>();
  for (const [name, policies] of compiled.tables) {
    const target = tables.byName(name);
    if (target === undefined) continue;
    for (const dependency of policies.branches.flatMap((branch) => branch.dependencies)) {
      const source = tables.byName(dependency.table);
      if (source !== undefined) addLink(links, source, target, dependency);
    }
  }
  return links;
}

function addLink(
  links: Map<TrackedTable, Link[]>,
  source: TrackedTable,
  target: TrackedTable,
  { columns, affected }: Dependency,
): void {
  const name = columns.map(foldName).join('\0');
  const present = links.get(source) ?? [];
  const same = present.find((link) => link.name === name);
  const targets = [...(same?.targets ?? [])];
  if (!targets.some((other) => other.table === target && other.affected === affected)) {
    targets.push({ table: target, affected });
  }
  links.set(source, [...present.filter((link) => link !== same), { name, columns, targets }]);
}

/** Whether the values of a link must be kept, because they can change. */
export function isKept(table: TrackedTable, link: Link): boolean {
  const keys = table.keyColumns.map(foldName);
  return !link.columns.every((column) => keys.includes(foldName(column)));
}

/** The rows that a changed row leads to, by its values before and now; keeps the values of now. */
export function affectedRows(scoped: Scoped, table: TrackedTable, link: Link, row: RowKey): AffectedRow[] {
  const found: AffectedRow[] = [];
  for (const bytes of isKept(table, link)
    ? replaceLink(scoped, table, link, row)
    : [fromKey(table, link, row)]) {
    const values = decodeValues(bytes);
    if (values.includes(null)) continue;
    for (const target of link.targets) {
      const rows = policyRows(scoped.database, target.affected, values) ?? target.table.allKeys();
      for (const values of rows) found.push({ table: target.table, values });
    }
  }
  return found;
}

function fromKey(table: TrackedTable, link: Link, row: RowKey): Buffer {
  const keys = table.keyColumns.map(foldName);
  return encodeValues(link.columns.map((column) => row.values[keys.indexOf(foldName(column))] ?? null));
}

/** Keeps the present values. Returns those before and those of now: one, when they are the same or one is missing. */
function replaceLink(
  { database }: Scoped,
  table: TrackedTable,
  link: Link,
  { values, pk }: RowKey,
): Buffer[] {
  const place = 'tbl = ? AND link = ? AND pk = ?';
  const find = `SELECT value FROM cloudsync_scope_links WHERE ${place}`;
  const before = database.prepare<unknown[], { value: Buffer }>(find).get(table.id, link.name, pk)?.value;
  const present = table.valuesOf(values, link.columns);
  const now = present && encodeValues(present);
  if (before !== undefined && now !== undefined && before.equals(now)) return [now];
  if (now === undefined) {
    database.prepare(`DELETE FROM cloudsync_scope_links WHERE ${place}`).run(table.id, link.name, pk);
  } else keepLink(database, table, link, pk, now);
  return [before, now].filter((bytes) => bytes !== undefined);
}

function keepLink(
  database: Scoped['database'],
  table: TrackedTable,
  link: Link,
  pk: Buffer,
  value: Buffer,
): void {
  const sql = 'INSERT OR REPLACE INTO cloudsync_scope_links VALUES (?, ?, ?, ?)';
  database.prepare(sql).run(table.id, link.name, pk, value);
}

/** Keeps the values of all links of the policies for all rows, and forgets those of other policies. */
export function rebuildLinks(scoped: Scoped): void {
  const { database } = scoped;
  database.prepare('DELETE FROM cloudsync_scope_links').run();
  for (const [table, links] of linksOf(scoped)) {
    for (const link of links.filter((candidate) => isKept(table, candidate))) {
      const columns = [...table.keyColumns, ...link.columns].map(quoteName).join(', ');
      const rows = rawStatement(database, `SELECT ${columns} FROM main.${quoteName(table.name)}`).all();
      for (const row of rows) {
        const pk = encodeValues(row.slice(0, table.keyColumns.length));
        keepLink(database, table, link, pk, encodeValues(row.slice(table.keyColumns.length)));
      }
    }
  }
}
