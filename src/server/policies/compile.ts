/**
 * compile.ts: from the text of the policies to `CompiledPolicies`. All mistakes are collected. A table with a
 * mistake in its policies is denied as a whole, because the one that is missing might be the one that restricts.
 */
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { foldName, quoteName } from '../store/tables.js';
import type { Branch, CompiledPolicies, TablePolicies } from './compiled.js';
import { combined } from './compiler/combine.js';
import { type Alternative, alternativesOf } from './compiler/normal-form.js';
import { branchOf } from './compiler/queries.js';
import { Resolver } from './compiler/resolve.js';
import { SchemaView, type TableView } from './compiler/schema-view.js';
import { writeChecksOf } from './compiler/write-checks.js';
import { asPolicyError, type PolicyStatement, parsePolicies } from './language/parse-policies.js';
import { type Expression, type Source, walk } from './language/syntax.js';
import { requireVocabulary } from './language/vocabulary.js';
import { PolicyError } from './policy-error.js';

export interface Compilation {
  policies: CompiledPolicies;
  statements: readonly PolicyStatement[];
  errors: readonly PolicyError[];
  /** What each branch was made of, for lint and explanations. */
  alternatives: ReadonlyMap<Branch, Alternative>;
  schema: SchemaView;
}

/**
 * Compiles policies for the tables that a database has now.
 *
 * @param sqlite a connection with the auth functions
 */
export function compilePolicies(sqlite: Database.Database, text: string): Compilation {
  const { statements, errors } = parsePolicies(text);
  const hash = createHash('sha256').update(text).digest('hex');
  const compiler = new Compiler(sqlite, statements, [...errors]);
  const compiled = compiler.compile();
  // Whatever cannot be read might be about any table.
  const tables = errors.length > 0 ? new Map<string, TablePolicies>() : compiled;
  const rest = {
    statements,
    errors: compiler.errors,
    alternatives: compiler.alternatives,
    schema: compiler.schema,
  };
  return { policies: { hash, tables }, ...rest };
}

class Compiler {
  readonly schema: SchemaView;
  readonly alternatives = new Map<Branch, Alternative>();
  readonly errors: PolicyError[];
  readonly #byTable = new Map<string, PolicyStatement[]>();
  readonly #broken = new Set<string>();
  readonly #sqlite: Database.Database;
  readonly #builtin: ReadonlySet<string>;
  readonly #resolver: Resolver;

  constructor(sqlite: Database.Database, statements: readonly PolicyStatement[], errors: PolicyError[]) {
    this.schema = new SchemaView(sqlite);
    this.errors = errors;
    this.#sqlite = sqlite;
    this.#builtin = builtinFunctions(sqlite);
    this.#resolver = new Resolver(this.schema, (table) => this.#selectPolicy(foldName(table)));
    for (const statement of statements) this.#collect(statement);
  }

  compile(): Map<string, TablePolicies> {
    const tables = new Map<string, TablePolicies>();
    for (const [folded, statements] of this.#byTable) {
      const view = this.schema.table(folded);
      if (view === undefined) continue;
      const compiled = this.#attempt(() => this.#compileTable(folded, view, statements));
      const denied = {
        branches: [],
        insertCheck: null,
        updateUsing: null,
        updateCheck: null,
        deleteUsing: null,
      };
      const isBroken = this.#broken.has(folded) || compiled === undefined;
      tables.set(folded, isBroken ? { table: view.name, ...denied } : compiled);
    }
    return tables;
  }

  #compileTable(folded: string, view: TableView, statements: readonly PolicyStatement[]): TablePolicies {
    const branches = this.#branches(folded, view);
    const policies = { table: view.name, branches, ...writeChecksOf(statements, view, this.#resolver) };
    for (const sql of statementsOf(policies)) {
      const failure = failureIn(() => this.#sqlite.prepare(sql));
      if (failure !== undefined) throw new PolicyError(statements[0]?.offset ?? 0, failure);
    }
    return policies;
  }

  /** Looks a statement over by itself; one with a mistake is left out of the rest. */
  #collect(statement: PolicyStatement): void {
    const folded = foldName(statement.table);
    const statements = this.#byTable.get(folded) ?? [];
    const isFine = this.#attempt(() => {
      requireUsableTable(statement, this.schema);
      requireNewName(statement, statements);
      const isStable = statement.command === 'SELECT' || statement.command === 'ALL';
      if (statement.using !== null) requireVocabulary(statement.using, isStable, this.#builtin);
      if (statement.check !== null) requireVocabulary(statement.check, false, this.#builtin);
      return true;
    });
    if (!isFine) this.#broken.add(folded);
    this.#byTable.set(folded, [...statements, statement]);
  }

  #branches(folded: string, view: TableView): Branch[] {
    const policy = this.#selectPolicy(folded);
    if (policy === null) return [];
    const subject = rowSource(view);
    this.#resolver.resolve(policy, { bare: subject, named: new Map() });
    requireSyncedTables(policy);
    const branches = new Map<string, Branch>();
    for (const alternative of alternativesOf(policy, subject)) {
      const branch = branchOf(alternative, subject, view);
      if (branches.has(branch.id + branch.rowKeys)) continue;
      branches.set(branch.id + branch.rowKeys, branch);
      this.alternatives.set(branch, alternative);
    }
    return [...branches.values()];
  }

  /** What the SELECT policies of a table say together: a new tree each time, because resolving fills it in. */
  #selectPolicy(folded: string): Expression | null {
    const all = this.#broken.has(folded) ? [] : (this.#byTable.get(folded) ?? []);
    const reading = all.filter(({ command }) => command === 'SELECT' || command === 'ALL');
    const expressions = (isRestrictive: boolean) =>
      reading
        .filter((statement) => statement.isRestrictive === isRestrictive)
        .flatMap(({ using }) => (using === null ? [] : [structuredClone(using)]));
    return combined(expressions(false), expressions(true));
  }

  #attempt<Result>(work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.errors.push(asPolicyError(error));
      return undefined;
    }
  }
}

function requireUsableTable({ table, tableOffset }: PolicyStatement, schema: SchemaView): void {
  const view = schema.table(table);
  if (view === undefined) throw new PolicyError(tableOffset, `there is no table ${table}`);
  if (!view.isTracked) throw new PolicyError(tableOffset, `the table ${table} is not synced`);
}

function requireNewName({ name, table, offset }: PolicyStatement, others: readonly PolicyStatement[]): void {
  if (others.every((other) => foldName(other.name) !== foldName(name))) return;
  throw new PolicyError(offset, `the table ${table} has two policies called ${name}`);
}

/** Nobody notices changes of other tables, so nobody would be told what they show or hide. */
function requireSyncedTables(policy: Expression): void {
  walk(policy, {
    select: ({ from }) => {
      const source = from.find(({ view }) => view?.isTracked === false);
      if (source !== undefined)
        throw new PolicyError(source.offset, `the table ${source.table} is not synced`);
    },
  });
}

function rowSource(view: TableView): Source {
  const nothing = { call: null, select: null, alias: null, on: null };
  return { offset: 0, join: 'first', table: view.name, ...nothing, view, side: 'row' };
}

function builtinFunctions(sqlite: Database.Database): Set<string> {
  const sql = 'SELECT DISTINCT name FROM pragma_function_list WHERE builtin';
  return new Set(sqlite.prepare<[], string>(sql).pluck().all());
}

/** SQLite's words for why it cannot do something. */
function failureIn(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') return error.message;
    throw error;
  }
}

/** All statements that a table's policies are run by. */
function statementsOf({ table, branches, ...checks }: TablePolicies): string[] {
  const { insertCheck, updateUsing, updateCheck, deleteUsing } = checks;
  const name = quoteName(table);
  const writing = [insertCheck, updateUsing, updateCheck, deleteUsing].flatMap((check) =>
    check === null ? [] : [`SELECT 1 FROM ${name} AS OLD, ${name} AS NEW WHERE ${check}`],
  );
  const reading = branches.flatMap(({ rowKeys, allKeys, principalKeys, dependencies }) => [
    ...[rowKeys, allKeys, principalKeys],
    ...dependencies.map(({ affected }) => affected),
  ]);
  return [...reading, ...writing];
}
