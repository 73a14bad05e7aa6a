/**
 * print.ts: from the syntax tree back to SQL. Every table gets a name of its own (s0, s1, ..) in the order in which
 * it is met, and every operator its brackets, so that equal queries have equal texts and parts of several queries can
 * be put together into one. Also: functions that read JSON get NULL instead of text that is no JSON, because a row
 * that somebody wrote must not make a query fail for everybody.
 */
import { quoteName } from '../../store/tables.js';
import type { Expression, Select, Source } from './syntax.js';

const JSON_READERS = new Set(['json_extract', 'json_array_length', 'json_type', 'json_each', 'json_tree']);

export class Printer {
  readonly #aliases: Map<Source, string>;
  #count = 0;

  /** @param fixed names of sources that the reader of the text provides */
  constructor(fixed: readonly (readonly [Source, string])[] = []) {
    this.#aliases = new Map(fixed);
  }

  alias(source: Source): string {
    let alias = this.#aliases.get(source);
    if (alias === undefined) {
      alias = `s${this.#count}`;
      this.#count += 1;
      this.#aliases.set(source, alias);
    }
    return alias;
  }

  expression(expression: Expression): string {
    switch (expression.kind) {
      case 'literal':
        return expression.text;
      case 'column': {
        const { source, name } = expression;
        return source === undefined ? quoteName(name) : `${this.alias(source)}.${quoteName(name)}`;
      }
      case 'call':
        return this.#call(expression.name, expression);
      case 'unary': {
        const { operator, operand } = expression;
        return `(${operator} ${this.expression(operand)})`;
      }
      case 'binary':
        return this.#binary(expression);
      case 'like': {
        const { operator, left, right } = expression;
        const suffix = expression.escape === null ? '' : ` ESCAPE ${this.expression(expression.escape)}`;
        return `(${this.expression(left)} ${operator} ${this.expression(right)}${suffix})`;
      }
      case 'between': {
        const [value, low, high] = this.#all([expression.value, expression.low, expression.high]);
        return `(${value} BETWEEN ${low} AND ${high})`;
      }
      case 'list':
        return `(${this.expression(expression.value)} IN (${this.#all(expression.items).join(', ')}))`;
      case 'among':
        return `(${this.expression(expression.value)} IN (${this.select(expression.select)}))`;
      case 'exists':
        return `EXISTS (${this.select(expression.select)})`;
      case 'scalar':
        return `(${this.select(expression.select)})`;
      case 'case':
        return this.#case(expression);
      case 'cast':
        return `CAST(${this.expression(expression.operand)} AS ${quoteName(expression.type)})`;
      case 'collate':
        return `(${this.expression(expression.operand)} COLLATE ${quoteName(expression.collation)})`;
      case 'vector':
        return `(${this.#all(expression.items).join(', ')})`;
    }
  }

  /** A FROM clause without its word: the sources with their names, joins and conditions. */
  from(sources: readonly Source[]): string {
    return sources
      .map((source, index) => {
        const item = this.source(source);
        const join = source.join === 'left' ? ' LEFT JOIN ' : ' JOIN ';
        const on = source.on === null ? '' : ` ON ${this.expression(source.on)}`;
        return index === 0 ? item : join + item + on;
      })
      .join('');
  }

  /** One source with its name, without its condition. */
  source(source: Source): string {
    return `${this.#item(source)} AS ${this.alias(source)}`;
  }

  select(select: Select): string {
    const columns = select.columns.map(({ expression, alias }) => {
      if (expression === null) return '*';
      const name = alias ?? (expression.kind === 'column' ? expression.name : null);
      return this.expression(expression) + (name === null ? '' : ` AS ${quoteName(name)}`);
    });
    const { where, groupBy, having, orderBy, limit, offsetRows, next } = select;
    const order = orderBy.map(
      (item) => this.expression(item.expression) + (item.isDescending ? ' DESC' : ''),
    );
    return [
      `SELECT ${select.isDistinct ? 'DISTINCT ' : ''}${columns.join(', ')}`,
      select.from.length > 0 ? `FROM ${this.from(select.from)}` : '',
      where === null ? '' : `WHERE ${this.expression(where)}`,
      groupBy.length > 0 ? `GROUP BY ${this.#all(groupBy).join(', ')}` : '',
      having === null ? '' : `HAVING ${this.expression(having)}`,
      order.length > 0 ? `ORDER BY ${order.join(', ')}` : '',
      limit === null ? '' : `LIMIT ${this.expression(limit)}`,
      offsetRows === null ? '' : `OFFSET ${this.expression(offsetRows)}`,
      next === null ? '' : `${next.operator} ${this.select(next.select)}`,
    ]
      .filter((part) => part !== '')
      .join(' ');
  }

  #all(expressions: readonly Expression[]): string[] {
    return expressions.map((each) => this.expression(each));
  }

  #item({ table, call, select }: Source): string {
    if (table !== null) return quoteName(table);
    if (call !== null) return this.#call(call.name, { isStar: false, isDistinct: false, ...call });
    return select === null ? '' : `(${this.select(select)})`;
  }

  #call(name: string, call: { operands: Expression[]; isStar: boolean; isDistinct: boolean }): string {
    const operands = this.#all(call.operands);
    const [first] = operands;
    if (JSON_READERS.has(name) && first !== undefined) operands[0] = guarded(first);
    const inner = call.isStar ? '*' : (call.isDistinct ? 'DISTINCT ' : '') + operands.join(', ');
    return `${name}(${inner})`;
  }

  #binary({ operator, left, right }: Expression & { kind: 'binary' }): string {
    const text = this.expression(left);
    const value = operator === '->' || operator === '->>' ? guarded(text) : text;
    return `(${value} ${operator} ${this.expression(right)})`;
  }

  #case({ base, cases, otherwise }: Expression & { kind: 'case' }): string {
    const words = ['CASE'];
    if (base !== null) words.push(this.expression(base));
    for (const { when, result } of cases)
      words.push('WHEN', this.expression(when), 'THEN', this.expression(result));
    if (otherwise !== null) words.push('ELSE', this.expression(otherwise));
    return `(${[...words, 'END'].join(' ')})`;
  }
}

function guarded(json: string): string {
  return `CASE WHEN json_valid(${json}) THEN ${json} END`;
}
