/**
 * comparison.ts: SQLite's rules for comparing two values, as far as they depend on where the values come from
 * (https://www.sqlite.org/datatype3.html, sections 3 and 4): the affinity of a comparison, SQL that brings a value
 * into the form in which equality is equality of type and bytes, and whether a collation has a say.
 */
import { foldName } from '../../store/tables.js';
import { type Expression, type Select, walk } from '../language/syntax.js';
import { type Affinity, affinityOfType } from './schema-view.js';

export function affinityOf(expression: Expression): Affinity {
  switch (expression.kind) {
    case 'column':
      return affinityOfColumn(expression);
    case 'cast':
      return affinityOfType(expression.type);
    case 'collate':
      return affinityOf(expression.operand);
    case 'scalar':
      return affinityOfSelect(expression.select);
    default:
      return 'none';
  }
}

function affinityOfColumn({ source, name }: Expression & { kind: 'column' }): Affinity {
  const folded = foldName(name);
  if (source?.view !== undefined) return source.view.columns.get(folded)?.affinity ?? 'none';
  // The columns of a table without declared types.
  if (source?.call != null) return 'blob';
  if (source?.select == null) return 'none';
  const inner = source.select.columns.find(({ expression, alias }) => {
    const own = alias ?? (expression?.kind === 'column' ? expression.name : null);
    return own !== null && foldName(own) === folded;
  });
  return inner?.expression == null ? 'none' : affinityOf(inner.expression);
}

/** Of the first column of a query. */
export function affinityOfSelect(select: Select): Affinity {
  const expression = select.columns[0]?.expression ?? null;
  return expression === null ? 'none' : affinityOf(expression);
}

/** What both values are brought to before they are compared. */
export function comparisonAffinity(left: Affinity, right: Affinity): Affinity {
  if (left === 'numeric' || right === 'numeric') return 'numeric';
  if (left === 'none') return right;
  if (right === 'none') return left;
  return 'blob';
}

/**
 * SQL for a value in normal form. Affinity has no operator; but a comparison with a cast applies it, and so says
 * whether the cast of a text is what affinity would have made of it.
 */
export function normalized(value: string, affinity: Affinity): string {
  const whole = (number: string) => {
    const cast = `CAST(${number} AS INTEGER)`;
    return `CASE WHEN ${number} = ${cast} THEN ${cast} ELSE ${number} END`;
  };
  const number = `CAST(${value} AS NUMERIC)`;
  if (affinity === 'text') {
    return `CASE WHEN typeof(${value}) IN ('integer', 'real') THEN CAST(${value} AS TEXT) ELSE ${value} END`;
  }
  const texts = `WHEN 'text' THEN CASE WHEN +${value} = ${number} THEN ${whole(number)} ELSE ${value} END `;
  const real = `WHEN 'real' THEN ${whole(value)} ELSE ${value} END`;
  return `CASE typeof(${value}) ${affinity === 'numeric' ? texts : ''}${real}`;
}

/** Whether a comparison of this operand may use another collation than BINARY. */
export function hasOtherCollation(expression: Expression): boolean {
  let isCollated = hasOwnCollation(expression);
  walk(expression, {
    expression: (each) => {
      isCollated ||= each.kind === 'collate' && each.collation.toUpperCase() !== 'BINARY';
    },
  });
  return isCollated;
}

/** The collation that comes with a column, which CAST and a sign before it let pass. */
function hasOwnCollation(expression: Expression): boolean {
  if (expression.kind === 'cast' || expression.kind === 'unary') return hasOwnCollation(expression.operand);
  if (expression.kind === 'scalar') return selectHasOwnCollation(expression.select);
  if (expression.kind !== 'column') return false;
  const { source, name } = expression;
  if (source?.view !== undefined) return source.view.columns.get(foldName(name))?.collation !== 'BINARY';
  return source?.select != null && selectHasOwnCollation(source.select);
}

function selectHasOwnCollation({ columns }: Select): boolean {
  return columns.some(({ expression }) => expression !== null && hasOwnCollation(expression));
}
