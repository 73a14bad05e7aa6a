/**
 * resolve.ts: finds out to which table each column of an expression belongs, as SQLite would: the innermost query
 * that has it, then outwards, then the row that is judged. VISIBLE(.., table) is replaced by what the SELECT policies
 * of that table say.
 */
import { foldName } from '../../store/tables.js';
import {
  type Expression,
  expressionsOf,
  operandsOf,
  type Select,
  type Source,
  selectOf,
} from '../language/syntax.js';
import { ROW_FUNCTION_COLUMNS, requireRowFunction } from '../language/vocabulary.js';
import { PolicyError } from '../policy-error.js';
import type { SchemaView, TableView } from './schema-view.js';

/** How many tables VISIBLE may lead through, one after another. */
const CHAIN_MAX = 5;

/** The row that is judged, under the names that it has in an expression. */
export interface Subject {
  /** Who is meant when no table is named. */
  bare: Source;
  /** OLD and NEW in write policies. */
  named: ReadonlyMap<string, Source>;
}

interface Scope {
  sources: readonly Source[];
  outer: Scope | null;
}

/** @returns a new copy of what the SELECT policies of a table say together; null when there is none */
export type SelectPolicyOf = (table: string) => Expression | null;

export class Resolver {
  readonly #schema: SchemaView;
  readonly #policyOf: SelectPolicyOf;
  /** Tables whose policies are being put in place of VISIBLE, the innermost last. */
  readonly #chain: string[] = [];

  constructor(schema: SchemaView, policyOf: SelectPolicyOf) {
    this.#schema = schema;
    this.#policyOf = policyOf;
  }

  /**
   * Fills in the sources of all columns below an expression.
   *
   * @throws PolicyError at what cannot be found
   */
  resolve(expression: Expression, subject: Subject): void {
    const own = subject.bare.view?.name;
    this.#chain.length = 0;
    this.#chain.push(foldName(own ?? ''));
    this.#expression(expression, subject, null);
  }

  #expression(expression: Expression, subject: Subject, scope: Scope | null): void {
    if (expression.kind === 'column') this.#column(expression, subject, scope);
    for (const operand of operandsOf(expression)) this.#expression(operand, subject, scope);
    const select = selectOf(expression);
    if (select !== null) this.#select(select, subject, scope);
  }

  #select(select: Select, subject: Subject, outer: Scope | null): void {
    for (const source of select.from) this.#source(source, subject, outer);
    if (select.isVisibility) {
      this.#visibility(select);
      return;
    }
    const scope = { sources: select.from, outer };
    for (const expression of expressionsOf(select)) this.#expression(expression, subject, scope);
    if (select.next !== null) this.#select(select.next.select, subject, outer);
  }

  #source(source: Source, subject: Subject, outer: Scope | null): void {
    if (source.select !== null) this.#select(source.select, subject, outer);
    if (source.call !== null) requireRowFunction(source.offset, source.call.name);
    if (source.table !== null) source.view = this.#table(source.table, source.offset);
  }

  #table(name: string, offset: number): TableView {
    const folded = foldName(name);
    if (folded.startsWith('sqlite_') || folded.startsWith('cloudsync_')) {
      throw new PolicyError(offset, `the table ${name} cannot be used in policies`);
    }
    const view = this.#schema.table(name);
    if (view === undefined) throw new PolicyError(offset, `there is no table ${name}`);
    return view;
  }

  /** VISIBLE: the query gets the parent's key as its column, and what the parent's policies say as its WHERE. */
  #visibility(select: Select): void {
    const [parent] = select.from;
    if (parent?.view === undefined) return;
    const [key, ...more] = parent.view.key;
    const { offset } = parent;
    if (key === undefined || more.length > 0) {
      const remedy = 'write EXISTS (SELECT 1 FROM .. WHERE ..)';
      throw new PolicyError(offset, `VISIBLE needs a table with a key of one column`, remedy);
    }
    const folded = foldName(parent.view.name);
    if (this.#chain.includes(folded)) {
      const path = [...this.#chain.slice(this.#chain.indexOf(folded)), folded].join(' -> ');
      throw new PolicyError(offset, `the policies lead in a circle: ${path}`);
    }
    if (this.#chain.length > CHAIN_MAX) {
      throw new PolicyError(offset, `VISIBLE leads through more than ${CHAIN_MAX} tables`);
    }
    const column: Expression = { kind: 'column', offset, qualifier: null, name: key.name, source: parent };
    select.columns = [{ expression: column, alias: null }];
    select.where = this.#policyOf(parent.view.name) ?? { kind: 'literal', offset, text: 'FALSE' };
    this.#chain.push(folded);
    this.#expression(select.where, { bare: parent, named: new Map() }, null);
    this.#chain.pop();
    select.isVisibility = false;
  }

  #column(column: Expression & { kind: 'column' }, subject: Subject, scope: Scope | null): void {
    if (column.source !== undefined) return;
    const found = findColumn(column, subject, scope);
    if (found === null) throw this.#unknown(column, subject);
    column.source = found;
    column.name = found.view?.columns.get(foldName(column.name))?.name ?? column.name;
  }

  #unknown({ offset, qualifier, name }: Expression & { kind: 'column' }, subject: Subject): PolicyError {
    const full = qualifier === null ? name : `${qualifier}.${name}`;
    const word = qualifier?.toUpperCase();
    if ((word === 'OLD' || word === 'NEW') && !subject.named.has(word)) {
      const reason = subject.named.size === 0 ? 'in a SELECT policy' : 'for this command';
      return new PolicyError(offset, `there is no ${word} ${reason}`, `write ${name} without ${word}`);
    }
    return new PolicyError(offset, `there is no column ${full}`);
  }
}

function findColumn(
  column: Expression & { kind: 'column' },
  { bare, named }: Subject,
  scope: Scope | null,
): Source | null {
  const { offset, qualifier, name } = column;
  for (let level = scope; level !== null; level = level.outer) {
    const found = level.sources.filter((source) => isCalled(source, qualifier) && hasColumn(source, name));
    if (found.length > 1) {
      throw new PolicyError(offset, `${name} may be a column of several tables`, 'write table.column');
    }
    if (found[0] !== undefined) return found[0];
  }
  const subject = qualifier === null ? bare : (named.get(qualifier.toUpperCase()) ?? bare);
  const isTable = qualifier !== null && foldName(bare.view?.name ?? '') === foldName(qualifier);
  const isMeant = qualifier === null || isTable || named.has(qualifier.toUpperCase());
  return isMeant && hasColumn(subject, name) ? subject : null;
}

function isCalled({ alias, table, call }: Source, qualifier: string | null): boolean {
  if (qualifier === null) return true;
  return foldName(alias ?? table ?? call?.name ?? '') === foldName(qualifier);
}

function hasColumn({ view, call, select }: Source, name: string): boolean {
  const folded = foldName(name);
  if (view !== undefined) return view.columns.has(folded);
  if (call !== null) return ROW_FUNCTION_COLUMNS.includes(folded);
  return (select?.columns ?? []).some(({ expression, alias }) => {
    const own = alias ?? (expression?.kind === 'column' ? expression.name : null);
    return own !== null && foldName(own) === folded;
  });
}
