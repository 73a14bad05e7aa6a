/**
 * expectations.ts: tests of policies: a JSON file says for some users what they see of a table and what they may
 * write, and each expectation is tried on the data as they are.
 */
import type Database from 'better-sqlite3';
import type { Principal } from '../principal.js';
import { foldName, quoteName } from '../store/tables.js';
import type { AuthFunctions } from './auth-functions.js';
import type { CompiledPolicies, TablePolicies } from './compiled.js';
import { SchemaView, type TableView } from './compiler/schema-view.js';
import { WriteJudge } from './judge.js';
import { visibleRows } from './visible-rows.js';

type Value = string | number | null;
type Key = Value | readonly Value[];
type Row = Readonly<Record<string, Value>>;

export interface Expectation {
  /** The user's id; absent for somebody without a token. */
  user?: string;
  claims?: Readonly<Record<string, unknown>>;
  table: string;
  /** The keys of all visible rows, in any order. */
  rows?: readonly Key[];
  /** Or how many there are. */
  count?: number;
  /** Or a write, and whether it is allowed. `update` is the whole row as it would be. */
  insert?: Row;
  update?: Row;
  delete?: Key;
  allowed?: boolean;
}

/** A principal for a user, as a token of his would make it; without a user the one of an anonymous key. */
export function principalOf(
  user: string | undefined,
  claims: Readonly<Record<string, unknown>> = {},
): Principal {
  if (user === undefined) return { subject: '', role: 'anon', databases: '*', claims };
  return { subject: user, role: 'user', databases: '*', claims: { ...claims, sub: user } };
}

/** Reads a file of expectations. @throws Error that says which entry is wrong */
export function readExpectations(text: string): Expectation[] {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) throw new Error('a list of expectations is expected');
  entries.forEach((entry: unknown, index) => {
    const fields = typeof entry === 'object' && entry !== null ? Object.keys(entry) : [];
    const isReading = fields.includes('rows') || fields.includes('count');
    const writes = ['insert', 'update', 'delete'].filter((field) => fields.includes(field));
    const isWriting = writes.length === 1 && fields.includes('allowed');
    if (!fields.includes('table') || isReading === isWriting) {
      const wanted = 'table, and rows or count, or one of insert, update, delete with allowed';
      throw new Error(`expectation ${index + 1} needs ${wanted}`);
    }
  });
  return entries as Expectation[];
}

/** Tries one expectation. Returns what is different, or undefined when it holds. */
export function failureOf(
  sqlite: Database.Database,
  auth: AuthFunctions,
  policies: CompiledPolicies,
  expectation: Expectation,
): string | undefined {
  const view = new SchemaView(sqlite).table(expectation.table);
  if (view === undefined) return `there is no table ${expectation.table}`;
  const table = policies.tables.get(foldName(expectation.table));
  return auth.asPrincipal(principalOf(expectation.user, expectation.claims), () =>
    expectation.allowed === undefined
      ? differenceInRows(sqlite, view, table, expectation)
      : differenceInWriting(sqlite, view, table, expectation),
  );
}

function differenceInRows(
  sqlite: Database.Database,
  view: TableView,
  table: TablePolicies | undefined,
  { rows, count }: Expectation,
): string | undefined {
  const sql = table && visibleRows(table, view);
  const found = sql === undefined ? [] : sqlite.prepare<[], unknown[]>(sql).raw().all();
  if (count !== undefined && found.length !== count) return `${found.length} rows are visible, not ${count}`;
  if (rows === undefined) return undefined;
  const text = (key: unknown) => JSON.stringify(Array.isArray(key) ? key : [key]);
  const [expected, actual] = [new Set(rows.map(text)), new Set(found.map(text))];
  const missing = [...expected].filter((key) => !actual.has(key));
  const surplus = [...actual].filter((key) => !expected.has(key));
  if (missing.length === 0 && surplus.length === 0) return undefined;
  const parts = [
    missing.length > 0 ? `not visible: ${missing.join(', ')}` : '',
    surplus.length > 0 ? `visible as well: ${surplus.join(', ')}` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function differenceInWriting(
  sqlite: Database.Database,
  view: TableView,
  table: TablePolicies | undefined,
  expectation: Expectation,
): string | undefined {
  const isAllowed = table !== undefined && mayWrite(sqlite, view, table, expectation);
  if (isAllowed === expectation.allowed) return undefined;
  return isAllowed ? 'it is allowed' : 'it is denied';
}

function mayWrite(
  sqlite: Database.Database,
  view: TableView,
  table: TablePolicies,
  { insert, update, delete: removed }: Expectation,
): boolean {
  const judge = new WriteJudge(sqlite);
  if (insert !== undefined) return judge.allows(table, { command: 'insert', image: imageOf(view, insert) });
  if (update !== undefined) {
    const folded = new Map(Object.entries(update).map(([name, value]) => [foldName(name), value]));
    const key = view.key.map(({ name }) => sqlValue(folded.get(foldName(name))));
    const where = view.key.map(({ name }) => `${quoteName(name)} = ?`).join(' AND ');
    const sql = `SELECT * FROM ${quoteName(view.name)} WHERE ${where}`;
    const old = sqlite
      .prepare<unknown[], Record<string, unknown>>(sql)
      .safeIntegers()
      .get(...key);
    if (old === undefined) return false;
    return judge.allows(table, { command: 'update', key, image: imageOf(view, { ...old, ...update }) });
  }
  const key = (Array.isArray(removed) ? removed : [removed]).map(sqlValue);
  return judge.allows(table, { command: 'delete', key });
}

function imageOf({ columns }: TableView, row: Readonly<Record<string, unknown>>): unknown[] {
  const folded = new Map(Object.entries(row).map(([name, value]) => [foldName(name), value]));
  return [...columns.keys()].map((name) => sqlValue(folded.get(name)));
}

/** JSON has one kind of numbers; those that are whole are integers for SQLite. */
function sqlValue(value: unknown): unknown {
  return Number.isSafeInteger(value) ? BigInt(Number(value)) : (value ?? null);
}
