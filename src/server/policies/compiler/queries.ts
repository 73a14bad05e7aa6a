/**
 * queries.ts: writes the queries of one alternative: the keys of one row and of all rows, the keys of a principal,
 * and which rows a change in a joined table affects.
 */
import { createHash } from 'node:crypto';
import { foldName, quoteName } from '../../store/tables.js';
import type { Branch, Dependency } from '../compiled.js';
import { Printer } from '../language/print.js';
import type { Expression, Source } from '../language/syntax.js';
import { PolicyError } from '../policy-error.js';
import { affinityOf, hasOtherCollation, normalized } from './comparison.js';
import type { Alternative, Link } from './normal-form.js';
import type { TableView } from './schema-view.js';
import { sourcesOf, usageOf } from './usage.js';

/** @param subject the source that stands for the row itself */
export function branchOf(alternative: Alternative, subject: Source, table: TableView): Branch {
  const links = distinctLinks(alternative.links);
  const principalKeys = keyQuery(
    links,
    'principal',
    alternative.principalSources,
    alternative.principalConditions,
  );
  const rows = (condition: string | null, columns: readonly string[]) => {
    const sources = [subject, ...alternative.rowSources];
    return keyQuery(links, 'row', sources, alternative.rowConditions, condition, columns);
  };
  const keyColumns = table.key.map(({ name }) => name);
  const isRow = keyColumns.map((name) => `s0.${quoteName(name)} = ?`).join(' AND ');
  return {
    id: createHash('sha256').update(principalKeys).digest('hex').slice(0, 32),
    width: Math.max(1, links.length),
    rowKeys: rows(isRow, []),
    allKeys: rows(null, keyColumns),
    principalKeys,
    dependencies: dependenciesOf(alternative, subject, table),
  };
}

/** The same link twice would only make the keys longer. */
function distinctLinks(links: readonly Link[]): Link[] {
  const printer = new Printer();
  const seen = new Map<string, Link>();
  for (const link of links) {
    const text = `${printer.expression(link.row)} = ${printer.expression(link.principal)}`;
    if (!seen.has(text)) seen.set(text, link);
  }
  return [...seen.values()];
}

/**
 * The inner query has the values as they are, the outer one brings them into normal form and leaves out NULL, which
 * is equal to nothing.
 */
function keyQuery(
  links: readonly Link[],
  side: 'row' | 'principal',
  sources: readonly Source[],
  conditions: readonly Expression[],
  rowCondition: string | null = null,
  columns: readonly string[] = [],
): string {
  const printer = new Printer();
  const from = sources.map((source) => printer.source(source)).join(', ');
  const values = links.map((link, index) => `${printer.expression(link[side])} AS k${index}`);
  const own = columns.map((name, index) => `s0.${quoteName(name)} AS r${index}`);
  const inner = [...own, ...(links.length > 0 ? values : ['1 AS k0'])];
  const where = conditions.map((condition) => printer.expression(condition));
  if (rowCondition !== null) where.unshift(rowCondition);
  const keys = links.map(({ affinity }, index) => `${normalized(`k${index}`, affinity)} AS k${index}`);
  const outer = [
    ...columns.map((name, index) => `r${index} AS ${quoteName(name)}`),
    ...(links.length > 0 ? keys : ['k0']),
  ];
  const present = links.map((_, index) => `k${index} IS NOT NULL`);
  return [
    `SELECT DISTINCT ${outer.join(', ')} FROM (SELECT ${inner.join(', ')}`,
    from === '' ? '' : ` FROM ${from}`,
    where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '',
    ')',
    present.length > 0 ? ` WHERE ${present.join(' AND ')}` : '',
  ].join('');
}

/** An equality that leads from the row, or from sources nearer to it, to a column of a source. */
interface Step {
  column: string;
  outer: Expression;
  condition: Expression;
}

function dependenciesOf(
  { rowSources, rowConditions }: Alternative,
  subject: Source,
  table: TableView,
): Dependency[] {
  const paths = new Map<Source, { near: Source[]; conditions: Expression[] }>();
  paths.set(subject, { near: [], conditions: [] });
  for (const source of rowSources) {
    const used = source.call?.operands.flatMap((operand) => [...sourcesOf(operand)]) ?? [];
    const isOfRow = source.call !== null && used.every((each) => each === subject);
    if (isOfRow) paths.set(source, { near: [source], conditions: [] });
  }
  const dependencies: Dependency[] = [];
  const tables = rowSources.filter(({ view }) => view !== undefined);
  while (tables.some((source) => !paths.has(source))) {
    const found = tables
      .filter((source) => !paths.has(source))
      .map((source) => ({ source, steps: stepsTo(source, rowConditions, paths) }))
      .find(({ steps }) => steps.length > 0);
    if (found === undefined) throw notJoined(tables.find((source) => !paths.has(source)) ?? subject);
    const { source, steps } = found;
    const used = [...new Set(steps.flatMap(({ outer }) => [...sourcesOf(outer)]))];
    const near = [...new Set(used.flatMap((each) => [...(paths.get(each)?.near ?? []), each]))];
    const nearConditions = [...new Set(used.flatMap((each) => paths.get(each)?.conditions ?? []))];
    dependencies.push(dependency(source, steps, near, nearConditions, subject, table));
    const conditions = [...nearConditions, ...steps.map(({ condition }) => condition)];
    paths.set(source, { near, conditions });
  }
  return dependencies;
}

function notJoined({ offset, table }: Source): PolicyError {
  const reason = `no equality leads from the row to the table ${table}`;
  return new PolicyError(offset, reason, 'join it by column = column');
}

function stepsTo(
  source: Source,
  conditions: readonly Expression[],
  known: ReadonlyMap<Source, unknown>,
): Step[] {
  return conditions.flatMap((condition): Step[] => {
    if (condition.kind !== 'binary' || condition.operator !== '=') return [];
    const { left, right } = condition;
    return [
      [left, right],
      [right, left],
    ].flatMap(([inner, outer]): Step[] => {
      if (inner?.kind !== 'column' || inner.source !== source || outer === undefined) return [];
      const used = [...sourcesOf(outer)];
      const isNearer = used.length > 0 && used.every((each) => known.has(each)) && usageOf(outer).usesRow;
      return isNearer ? [{ column: inner.name, outer, condition }] : [];
    });
  });
}

/**
 * Only the way from the row to the source counts, so that a row is found although other tables changed at the same
 * time: of several changed tables on a way the nearest one finds it.
 */
function dependency(
  source: Source,
  steps: readonly Step[],
  near: readonly Source[],
  nearConditions: readonly Expression[],
  subject: Source,
  table: TableView,
): Dependency {
  const printer = new Printer();
  const from = [subject, ...near.filter((each) => each !== subject)].map((each) => printer.source(each));
  const own = table.key.map(({ name }) => `${printer.alias(subject)}.${quoteName(name)}`);
  const where = nearConditions.map((condition) => printer.expression(condition));
  where.push(...steps.map((step) => reaches(step, source, printer)));
  return {
    table: source.view?.name ?? '',
    columns: steps.map(({ column }) => column),
    affected: `SELECT DISTINCT ${own.join(', ')} FROM ${from.join(', ')} WHERE ${where.join(' AND ')}`,
  };
}

/** The equality with a value in place of the column, which has no affinity any more. */
function reaches({ column, outer, condition }: Step, source: Source, printer: Printer): string {
  if (
    condition.kind === 'binary' &&
    (hasOtherCollation(condition.left) || hasOtherCollation(condition.right))
  ) {
    const remedy = 'join by columns with the collation BINARY';
    throw new PolicyError(condition.offset, 'tables are joined by a collation other than BINARY', remedy);
  }
  const text = printer.expression(outer);
  const inner = source.view?.columns.get(foldName(column))?.affinity ?? 'none';
  const outerAffinity = affinityOf(outer);
  const isPlain = outerAffinity === inner || outerAffinity === 'numeric';
  if (isPlain) return `${text} = ?`;
  const affinity = inner === 'numeric' ? 'numeric' : 'text';
  return `${normalized(text, affinity)} = (SELECT ${normalized('value', affinity)} FROM (SELECT ? AS value))`;
}
