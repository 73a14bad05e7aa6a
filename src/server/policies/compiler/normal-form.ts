/**
 * normal-form.ts: turns what the SELECT policies of a table say into alternatives (disjunctive normal form). In each,
 * what is known about the row stands apart from what is known about the principal, and nothing joins the two sides
 * but equalities, the links: their values are the keys. A query inside the policy goes to one of the sides:
 *
 * - to the row's, when it leads to at most one row (a parent), or when it begins at the row's own key (a list of
 * shares): then a principal has few scopes; - to the principal's otherwise (a membership): then a grant touches no
 * row.
 *
 * An alternative is true exactly when for some combination of the rows of its sources all conditions and links are.
 */
import { foldName } from '../../store/tables.js';
import { type Expression, operandsOf, type Select, type Source, walkSelect } from '../language/syntax.js';
import { isAggregate } from '../language/vocabulary.js';
import { PolicyError } from '../policy-error.js';
import { affinityOf, comparisonAffinity, hasOtherCollation } from './comparison.js';
import type { Affinity } from './schema-view.js';
import { usageOf, usageOfSelect } from './usage.js';

const ALTERNATIVES_MAX = 64;

export interface Link {
  row: Expression;
  principal: Expression;
  affinity: Affinity;
}

export interface Alternative {
  rowSources: Source[];
  rowConditions: Expression[];
  principalSources: Source[];
  principalConditions: Expression[];
  links: Link[];
}

const NOT_COMPILED = 'it would have to be asked again for every row whenever anything changes';

/** @throws PolicyError at what cannot be brought into this form */
export function alternativesOf(expression: Expression, subject: Source): Alternative[] {
  return new Splitter(subject).split(expression);
}

function alternative(part: Partial<Alternative> = {}): Alternative {
  const none = {
    rowSources: [],
    rowConditions: [],
    principalSources: [],
    principalConditions: [],
    links: [],
  };
  return { ...none, ...part };
}

class Splitter {
  readonly #subject: Source;

  constructor(subject: Source) {
    this.#subject = subject;
  }

  split(expression: Expression): Alternative[] {
    const { usesRow, usesPrincipal, hasQuery } = usageOf(expression);
    if (expression.kind === 'literal' && expression.text === 'TRUE') return [alternative()];
    if (expression.kind === 'literal' && expression.text === 'FALSE') return [];
    if (!usesRow) return [alternative({ principalConditions: [expression] })];
    if (!usesPrincipal && !hasQuery) return [alternative({ rowConditions: conjunctsOf(expression) })];
    switch (expression.kind) {
      case 'binary':
        return this.#binary(expression);
      case 'unary':
        if (expression.operator === 'NOT') return this.#negated(expression.operand);
        break;
      case 'list':
        return this.#any(expression.items.map((item) => equality(expression.value, withoutAffinity(item))));
      case 'among':
        return this.#among(expression.value, expression.select);
      case 'exists':
        return this.#query(expression.select, null);
    }
    throw this.#refusal(expression);
  }

  #any(expressions: readonly Expression[]): Alternative[] {
    return limited(
      expressions.flatMap((each) => this.split(each)),
      expressions[0]?.offset ?? 0,
    );
  }

  #every(expressions: readonly Expression[]): Alternative[] {
    let result = [alternative()];
    for (const expression of expressions) {
      const more = this.split(expression);
      result = limited(
        result.flatMap((left) => more.map((right) => both(left, right))),
        expression.offset,
      );
    }
    return result;
  }

  #binary(expression: Expression & { kind: 'binary' }): Alternative[] {
    const { operator, left, right } = expression;
    if (operator === 'AND') return this.#every([left, right]);
    if (operator === 'OR') return this.#any([left, right]);
    if (operator !== '=') throw this.#refusal(expression);
    if (left.kind === 'vector' && right.kind === 'vector' && left.items.length === right.items.length) {
      return this.#every(left.items.map((item, index) => equality(item, right.items[index] as Expression)));
    }
    return [alternative({ links: [this.#link(expression)] })];
  }

  #link(expression: Expression & { kind: 'binary' }): Link {
    const { left, right, offset } = expression;
    const [before, behind] = [usageOf(left), usageOf(right)];
    const isLeftRow = before.usesRow && !before.usesPrincipal && !behind.usesRow;
    const isRightRow = behind.usesRow && !behind.usesPrincipal && !before.usesRow;
    const isSplit = (isLeftRow && !before.hasQuery) || (isRightRow && !behind.hasQuery);
    if (!isSplit) throw this.#refusal(expression);
    if (hasOtherCollation(left) || hasOtherCollation(right)) {
      const remedy = 'compare a column with the collation BINARY, for example one that holds lower(..)';
      throw new PolicyError(offset, 'row and principal are linked by a collation other than BINARY', remedy);
    }
    const affinity = comparisonAffinity(affinityOf(left), affinityOf(right));
    return isLeftRow ? { row: left, principal: right, affinity } : { row: right, principal: left, affinity };
  }

  #negated(expression: Expression): Alternative[] {
    const not = (operand: Expression): Expression => {
      return { kind: 'unary', offset: operand.offset, operator: 'NOT', operand };
    };
    if (expression.kind === 'binary') {
      const { operator, left, right } = expression;
      if (operator === 'AND') return this.#any([not(left), not(right)]);
      if (operator === 'OR') return this.#every([not(left), not(right)]);
    }
    if (expression.kind === 'unary' && expression.operator === 'NOT') {
      return this.split(expression.operand);
    }
    const { hasQuery } = usageOf(expression);
    const reason = hasQuery
      ? 'NOT before a query about the row'
      : 'NOT before a comparison with the principal';
    const remedy = 'say who may see the row, for example with a column or table that lists them';
    throw new PolicyError(expression.offset, `${reason} cannot be compiled: ${NOT_COMPILED}`, remedy);
  }

  #among(value: Expression, select: Select): Alternative[] {
    const values = value.kind === 'vector' ? value.items : [value];
    if (values.length !== select.columns.length) {
      throw new PolicyError(
        select.offset,
        `${values.length} values are compared with ${select.columns.length} columns`,
      );
    }
    return this.#query(select, values);
  }

  /** EXISTS (select), or values IN (select). */
  #query(select: Select, values: readonly Expression[] | null): Alternative[] {
    const parts = partsOf(select);
    if (parts.length > 1) {
      const each = parts.flatMap((part) => this.#query(part, values));
      return limited(each, select.offset);
    }
    const knowsRow = usageOfSelect(select).usesRow;
    if (!knowsRow && values !== null && !isPlain(select)) return this.#whole(select, values);
    requirePlain(select);
    const sides: Side[] = this.#belongsToRow(select, values) ? ['row', 'principal'] : ['principal', 'row'];
    let refusal: PolicyError | undefined;
    for (const side of sides) {
      try {
        return this.#onSide(select, values, side);
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        refusal ??= error;
        forgetSides(select);
      }
    }
    throw refusal;
  }

  /** A query that knows nothing of the row, and is more than a join: a table of the principal's side as it is. */
  #whole(select: Select, values: readonly Expression[]): Alternative[] {
    const { offset } = select;
    const columns = select.columns.map(({ expression }, index) => ({ expression, alias: `c${index}` }));
    const inner: Select = { ...select, columns };
    const nothing = { table: null, call: null, alias: null, on: null };
    const source: Source = { offset, join: 'first', ...nothing, select: inner, side: 'principal' };
    const conditions = values.map((value, index) =>
      equality(value, { kind: 'column', offset, qualifier: null, name: `c${index}`, source }),
    );
    return this.#every(conditions).map((each) => both(alternative({ principalSources: [source] }), each));
  }

  #onSide(select: Select, values: readonly Expression[] | null, side: Side): Alternative[] {
    for (const source of select.from) source.side = side;
    for (const source of select.from) requireFittingSource(source, side);
    const conditions = select.from.flatMap(({ on }) => (on === null ? [] : [on]));
    if (select.where !== null) conditions.push(select.where);
    for (const [value, column] of pairsOf(select, values)) conditions.push(equality(value, column));
    const own = alternative(side === 'row' ? { rowSources: select.from } : { principalSources: select.from });
    return this.#every(conditions).map((each) => both(own, each));
  }

  /** Whether the row's side is the better one; the other one is tried as well. */
  #belongsToRow(select: Select, values: readonly Expression[] | null): boolean {
    const conditions = [select.where, ...select.from.map(({ on }) => on)];
    const equalities = [...pairsOf(select, values), ...conditions.flatMap(equalitiesOf)];
    const turned = equalities.map(([left, right]): [Expression, Expression] => [right, left]);
    return [...equalities, ...turned].some(([outer, inner]) => {
      const isJoin =
        inner.kind === 'column' && inner.source !== undefined && select.from.includes(inner.source);
      const { usesRow, usesPrincipal } = usageOf(outer);
      if (!isJoin || !usesRow || usesPrincipal) return false;
      return (
        isUnique(inner) || (isUnique(outer) && outer.kind === 'column' && outer.source === this.#subject)
      );
    });
  }

  #refusal({ offset }: Expression): PolicyError {
    const remedy = 'link them by = or IN, and let the rest be about one of them';
    const reason = `a condition about both row and principal that is no equality cannot be compiled: ${NOT_COMPILED}`;
    return new PolicyError(offset, reason, remedy);
  }
}

type Side = 'row' | 'principal';

function both(left: Alternative, right: Alternative): Alternative {
  return {
    rowSources: [...left.rowSources, ...right.rowSources],
    rowConditions: [...left.rowConditions, ...right.rowConditions],
    principalSources: [...left.principalSources, ...right.principalSources],
    principalConditions: [...left.principalConditions, ...right.principalConditions],
    links: [...left.links, ...right.links],
  };
}

function limited(alternatives: Alternative[], offset: number): Alternative[] {
  if (alternatives.length <= ALTERNATIVES_MAX) return alternatives;
  const reason = `the policies of the table have more than ${ALTERNATIVES_MAX} alternatives`;
  throw new PolicyError(offset, reason, 'put some of them into one membership table');
}

function equality(left: Expression, right: Expression): Expression & { kind: 'binary' } {
  return { kind: 'binary', offset: left.offset, operator: '=', left, right };
}

/** SQLite reads x IN (a) as x = +a. */
function withoutAffinity(operand: Expression): Expression {
  return { kind: 'unary', offset: operand.offset, operator: '+', operand };
}

/** The queries that UNION puts together; anything else stays one. */
function partsOf(select: Select): Select[] {
  const { next } = select;
  if (next === null || !next.operator.startsWith('UNION')) return [select];
  const [head, rest] = [{ ...select, next: null }, partsOf(next.select)];
  for (const [index, { expression }] of head.columns.entries()) {
    const other = rest[0]?.columns[index]?.expression ?? null;
    if (expression === null || other === null || affinityOf(expression) === affinityOf(other)) continue;
    const remedy = 'write one IN for each query, joined by OR';
    throw new PolicyError(
      expression.offset,
      'the columns that UNION puts together have different types',
      remedy,
    );
  }
  return [head, ...rest];
}

function isPlain({ groupBy, having, limit, columns, from, next }: Select): boolean {
  const isAggregated = columns.some(({ expression }) => expression !== null && containsAggregate(expression));
  const isGrouped = groupBy.length > 0 || having !== null || isAggregated;
  return !isGrouped && limit === null && next === null && from.every(({ join }) => join !== 'left');
}

function requirePlain(select: Select): void {
  if (isPlain(select)) return;
  const remedy = 'use SELECT .. FROM .. JOIN .. ON .. WHERE .. only';
  throw new PolicyError(
    select.offset,
    'a query about the row cannot be compiled with LEFT JOIN, GROUP BY, LIMIT, EXCEPT, INTERSECT or an aggregate',
    remedy,
  );
}

function containsAggregate(expression: Expression): boolean {
  return isAggregate(expression) || operandsOf(expression).some(containsAggregate);
}

/** @throws PolicyError when what the source holds cannot be known on that side */
function requireFittingSource({ offset, call, select }: Source, side: Side): void {
  if (side === 'row' && select !== null) {
    throw new PolicyError(offset, 'a query in FROM cannot be joined with the row');
  }
  const uses = call?.operands.map(usageOf) ?? [];
  if (select !== null) uses.push(usageOfSelect(select));
  const isForeign = uses.some(({ usesRow, usesPrincipal, hasQuery }) =>
    side === 'row' ? usesPrincipal || hasQuery : usesRow,
  );
  if (isForeign)
    throw new PolicyError(offset, 'a source in FROM may be about the row or the principal, not both');
}

function forgetSides(select: Select): void {
  walkSelect(select, {
    select: ({ from }) => {
      for (const source of from) delete source.side;
    },
  });
}

/** Which values are compared with which columns by values IN (select). */
function pairsOf(select: Select, values: readonly Expression[] | null): [Expression, Expression][] {
  return (values ?? []).flatMap((value, index): [Expression, Expression][] => {
    const column = select.columns[index]?.expression ?? null;
    return column === null ? [] : [[value, column]];
  });
}

function equalitiesOf(condition: Expression | null): [Expression, Expression][] {
  if (condition?.kind !== 'binary') return [];
  const { operator, left, right } = condition;
  if (operator === 'AND') return [...equalitiesOf(left), ...equalitiesOf(right)];
  return operator === '=' ? [[left, right]] : [];
}

function isUnique(expression: Expression): boolean {
  if (expression.kind !== 'column') return false;
  return expression.source?.view?.columns.get(foldName(expression.name))?.isUnique === true;
}

/** What must be true, one by one: the equalities among it lead from table to table. */
function conjunctsOf(expression: Expression): Expression[] {
  if (expression.kind !== 'binary' || expression.operator !== 'AND') return [expression];
  return [...conjunctsOf(expression.left), ...conjunctsOf(expression.right)];
}
