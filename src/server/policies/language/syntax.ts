/**
 * syntax.ts: the syntax tree of policies: expressions and the queries inside them, with their offsets, and a way to
 * walk over them. The resolver fills in to which table a column belongs; everything after it looks at that only.
 */
import type { TableView } from '../compiler/schema-view.js';

interface Node {
  offset: number;
}

export type Expression =
  | (Node & { kind: 'literal'; text: string })
  | (Node & { kind: 'column'; qualifier: string | null; name: string; source?: Source })
  | (Node & { kind: 'call'; name: string; isDistinct: boolean; isStar: boolean; operands: Expression[] })
  | (Node & { kind: 'unary'; operator: string; operand: Expression })
  | (Node & { kind: 'binary'; operator: string; left: Expression; right: Expression })
  | (Node & {
      kind: 'like';
      operator: string;
      left: Expression;
      right: Expression;
      escape: Expression | null;
    })
  | (Node & { kind: 'between'; value: Expression; low: Expression; high: Expression })
  | (Node & { kind: 'list'; value: Expression; items: Expression[] })
  | (Node & { kind: 'among'; value: Expression; select: Select })
  | (Node & { kind: 'exists'; select: Select })
  | (Node & { kind: 'scalar'; select: Select })
  | (Node & {
      kind: 'case';
      base: Expression | null;
      cases: { when: Expression; result: Expression }[];
      otherwise: Expression | null;
    })
  | (Node & { kind: 'cast'; operand: Expression; type: string })
  | (Node & { kind: 'collate'; operand: Expression; collation: string })
  | (Node & { kind: 'vector'; items: Expression[] });

/** One item of a FROM clause: a table, a function that returns rows, or a query. */
export interface Source extends Node {
  join: 'first' | 'inner' | 'left';
  table: string | null;
  call: { name: string; operands: Expression[] } | null;
  select: Select | null;
  alias: string | null;
  on: Expression | null;
  /** Set by the resolver when it is a table. */
  view?: TableView;
  /** Set by the normal form: what is known about rows, or about principals. */
  side?: 'row' | 'principal';
}

export interface Select extends Node {
  isDistinct: boolean;
  /** `expression` is null for a star. */
  columns: { expression: Expression | null; alias: string | null }[];
  from: Source[];
  where: Expression | null;
  groupBy: Expression[];
  having: Expression | null;
  orderBy: { expression: Expression; isDescending: boolean }[];
  limit: Expression | null;
  offsetRows: Expression | null;
  /** The query that follows behind UNION and its like. */
  next: { operator: string; select: Select } | null;
  /** It came from VISIBLE(.., table): the resolver still has to fill in what that table's policies say. */
  isVisibility?: boolean;
}

function present<Item>(item: Item | null): Item[] {
  return item === null ? [] : [item];
}

/** The expressions directly below an expression, those of its queries left out. */
export function operandsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'column':
    case 'exists':
    case 'scalar':
      return [];
    case 'call':
      return expression.operands;
    case 'unary':
    case 'cast':
    case 'collate':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'like':
      return [expression.left, expression.right, ...present(expression.escape)];
    case 'between':
      return [expression.value, expression.low, expression.high];
    case 'list':
      return [expression.value, ...expression.items];
    case 'among':
      return [expression.value];
    case 'case': {
      const cases = expression.cases.flatMap(({ when, result }) => [when, result]);
      return [...present(expression.base), ...cases, ...present(expression.otherwise)];
    }
    case 'vector':
      return expression.items;
  }
}

/** The query that an expression has of its own. */
export function selectOf(expression: Expression): Select | null {
  const hasSelect =
    expression.kind === 'among' || expression.kind === 'exists' || expression.kind === 'scalar';
  return hasSelect ? expression.select : null;
}

/** The expressions of one query, those of the queries that follow it and of its FROM queries left out. */
export function expressionsOf(select: Select): Expression[] {
  return [
    ...select.columns.flatMap(({ expression }) => present(expression)),
    ...select.from.flatMap(({ call, on }) => [...(call?.operands ?? []), ...present(on)]),
    ...present(select.where),
    ...select.groupBy,
    ...present(select.having),
    ...select.orderBy.map(({ expression }) => expression),
    ...present(select.limit),
    ...present(select.offsetRows),
  ];
}

/** The queries directly within a query. */
export function selectsOf(select: Select): Select[] {
  return [
    ...select.from.flatMap((source) => present(source.select)),
    ...present(select.next?.select ?? null),
  ];
}

/** Calls `visit` for an expression and everything below it, queries included. */
export function walk(
  expression: Expression,
  visit: { expression?: (expression: Expression) => void; select?: (select: Select) => void },
): void {
  visit.expression?.(expression);
  for (const operand of operandsOf(expression)) walk(operand, visit);
  const select = selectOf(expression);
  if (select !== null) walkSelect(select, visit);
}

export function walkSelect(select: Select, visit: Parameters<typeof walk>[1]): void {
  visit.select?.(select);
  for (const expression of expressionsOf(select)) walk(expression, visit);
  for (const inner of selectsOf(select)) walkSelect(inner, visit);
}
