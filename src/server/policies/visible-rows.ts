/**
 * visible-rows.ts: which rows a principal sees, asked of all rows at once, for an operator who wants to know. The
 * server itself keeps an index instead.
 */
import type Database from 'better-sqlite3';
import { quoteName } from '../store/tables.js';
import type { Branch, CompiledPolicies, TablePolicies } from './compiled.js';
import { SchemaView, type TableView } from './compiler/schema-view.js';

export interface BranchCount {
  branch: Branch;
  /** Scopes that the principal has by it. */
  scopes: number;
  /** Rows that it shows. */
  rows: number;
}

export interface TableReport {
  table: string;
  rows: number;
  visible: number;
  /** The keys of the first visible rows, as SQL values. */
  keys: string[];
  branches: BranchCount[];
}

/** So many keys are enough to recognize what is shown. */
const KEYS_MAX = 20;

/** Within `asPrincipal`: what the principal would see of each table that has policies. */
export function reportVisibility(sqlite: Database.Database, { tables }: CompiledPolicies): TableReport[] {
  const count = (from: string) =>
    Number(sqlite.prepare<[], number>(`SELECT count(*) FROM ${from}`).pluck().get());
  const schema = new SchemaView(sqlite);
  return [...tables.values()].map((policies) => {
    const view = schema.table(policies.table);
    const branches = policies.branches.map((branch) => ({
      branch,
      scopes: count(`(${branch.principalKeys})`),
      rows: view === undefined ? 0 : count(`(${rowsOf(branch, view)})`),
    }));
    const all = view === undefined ? undefined : visibleRows(policies, view);
    const visible = all === undefined ? 0 : count(`(${all})`);
    const keys = view === undefined || all === undefined ? [] : firstKeys(sqlite, all, view);
    return { table: policies.table, rows: count(quoteName(policies.table)), visible, keys, branches };
  });
}

function firstKeys(sqlite: Database.Database, rows: string, { key }: TableView): string[] {
  const columns = key.map(({ name }) => `quote(${quoteName(name)})`).join(` || ', ' || `);
  const sql = `SELECT ${columns} FROM (${rows}) LIMIT ${KEYS_MAX}`;
  return sqlite.prepare<[], string>(sql).pluck().all();
}

/** SELECT <key columns> of all rows that the principal sees; undefined when there can be none. */
export function visibleRows({ branches }: TablePolicies, view: TableView): string | undefined {
  if (branches.length === 0) return undefined;
  return branches.map((branch) => rowsOf(branch, view)).join(' UNION ');
}

/** Keys are in normal form, so plain equality without affinities is the right one. */
function rowsOf({ allKeys, principalKeys, width }: Branch, { key }: TableView): string {
  const columns = key.map(({ name }) => `r.${quoteName(name)}`).join(', ');
  const equal = Array.from({ length: width }, (_, index) => `r.k${index} = p.k${index}`).join(' AND ');
  return `SELECT DISTINCT ${columns} FROM (${allKeys}) AS r JOIN (${principalKeys}) AS p ON ${equal}`;
}
