/**
 * describe.ts: says in words what an alternative of a policy does, with the names that its author used.
 */
import { quoteName } from '../store/tables.js';
import type { Alternative } from './compiler/normal-form.js';
import { sourcesOf } from './compiler/usage.js';
import { Printer } from './language/print.js';
import type { Expression, Source } from './language/syntax.js';

/** One line: which values of the row must be which of the principal, and under which conditions. */
export function describe(alternative: Alternative): string {
  const { links, rowConditions, principalConditions, rowSources, principalSources } = alternative;
  const conditions = [...rowConditions, ...principalConditions];
  const expressions = [...links.flatMap(({ row, principal }) => [row, principal]), ...conditions];
  const sources = [...rowSources, ...principalSources];
  const names = namesOf(sources, expressions);
  const printer = new Printer([...names].map(([source, name]) => [source, quoteName(name)]));
  const equalities = links.map((link) => `${text(printer, link.row)} = ${text(printer, link.principal)}`);
  const all = [...equalities, ...conditions.map((condition) => text(printer, condition))];
  const from = sources.map((source) => {
    const [name, table] = [names.get(source), source.view?.name];
    if (table === undefined) return printer.source(source);
    return name === table ? table : `${table} AS ${name}`;
  });
  const joined = from.length > 0 ? `, joined with ${from.join(', ')}` : '';
  return (all.length > 0 ? all.join(' AND ') : 'everybody') + joined;
}

/** The name of a source in the text, unless two have the same. */
function namesOf(sources: readonly Source[], expressions: readonly Expression[]): Map<Source, string> {
  const all = new Set([...expressions.flatMap((each) => [...sourcesOf(each)]), ...sources]);
  const names = new Map<Source, string>();
  const used = new Set<string>();
  for (const source of all) {
    const name = source.alias ?? source.view?.name ?? source.call?.name ?? 'query';
    let free = name;
    for (let count = 2; used.has(free); count += 1) free = `${name}_${count}`;
    used.add(free);
    names.set(source, free);
  }
  return names;
}

/** Quotes where SQL needs none, and brackets around the whole, only make it harder to read. */
function text(printer: Printer, expression: Expression): string {
  const plain = printer.expression(expression).replace(/"([a-z_][a-z_0-9]*)"/gi, '$1');
  return /^\((?:[^()]|\([^()]*\))*\)$/.test(plain) ? plain.slice(1, -1) : plain;
}
