/**
 * parse-select.ts: reads the queries inside expressions. What the language of policies leaves out (WITH, window
 * functions, USING, NATURAL, right and full joins) is refused here, at its place.
 */
import { PolicyError } from '../policy-error.js';
import type { Expression, Select, Source } from './syntax.js';
import type { TokenStream } from './tokens.js';

type ParseExpression = (stream: TokenStream) => Expression;

/** Words that end what stands before them, so that they are no alias. */
const CLAUSES = new Set(
  `ON WHERE GROUP HAVING ORDER LIMIT UNION EXCEPT INTERSECT JOIN INNER LEFT RIGHT FULL CROSS NATURAL USING OFFSET
   FROM AS SELECT VALUES WINDOW NOT INDEXED`.split(/\s+/),
);

/** Reads one query; the bracket around it is the caller's. */
export function parseSelect(stream: TokenStream, parseExpression: ParseExpression): Select {
  const select = parseCore(stream, parseExpression);
  const { offset, text } = stream.peek();
  if (stream.take('UNION') || stream.take('EXCEPT') || stream.take('INTERSECT')) {
    const operator = text.toUpperCase() + (stream.take('ALL') ? ' ALL' : '');
    select.next = { operator, select: parseSelect(stream, parseExpression) };
    const last = lastOf(select.next.select);
    if (last.orderBy.length > 0 || last.limit !== null) {
      throw new PolicyError(offset, `ORDER BY and LIMIT behind ${operator} are not part of the language`);
    }
    return select;
  }
  parseOrder(stream, parseExpression, select);
  return select;
}

function lastOf(select: Select): Select {
  return select.next === null ? select : lastOf(select.next.select);
}

function parseCore(stream: TokenStream, parseExpression: ParseExpression): Select {
  const { offset } = stream.peek();
  if (stream.sees('WITH') || stream.sees('VALUES')) {
    const remedy = 'write the query where it is used, beginning with SELECT';
    throw new PolicyError(offset, `${stream.peek().text} is not part of the language`, remedy);
  }
  stream.require('SELECT');
  const isDistinct = stream.take('DISTINCT');
  if (!isDistinct) stream.take('ALL');
  const columns = [parseColumn(stream, parseExpression)];
  while (stream.take(',')) columns.push(parseColumn(stream, parseExpression));
  const from = stream.take('FROM') ? parseFrom(stream, parseExpression) : [];
  const where = stream.take('WHERE') ? parseExpression(stream) : null;
  const groupBy: Expression[] = [];
  if (stream.take('GROUP', 'BY')) {
    do groupBy.push(parseExpression(stream));
    while (stream.take(','));
  }
  const having = stream.take('HAVING') ? parseExpression(stream) : null;
  const order = { orderBy: [], limit: null, offsetRows: null };
  return { offset, isDistinct, columns, from, where, groupBy, having, ...order, next: null };
}

function parseOrder(stream: TokenStream, parseExpression: ParseExpression, select: Select): void {
  if (stream.take('ORDER', 'BY')) {
    do {
      const expression = parseExpression(stream);
      const isDescending = stream.take('DESC');
      if (!isDescending) stream.take('ASC');
      select.orderBy.push({ expression, isDescending });
    } while (stream.take(','));
  }
  if (stream.take('LIMIT')) {
    select.limit = parseExpression(stream);
    if (stream.take('OFFSET')) select.offsetRows = parseExpression(stream);
  }
}

function parseColumn(stream: TokenStream, parseExpression: ParseExpression): Select['columns'][number] {
  if (stream.take('*')) return { expression: null, alias: null };
  if (stream.peek(1).text === '.' && stream.peek(2).text === '*') {
    for (let passed = 0; passed < 3; passed += 1) stream.next();
    return { expression: null, alias: null };
  }
  return { expression: parseExpression(stream), alias: parseAlias(stream) };
}

function parseAlias(stream: TokenStream): string | null {
  if (stream.take('AS')) return stream.name('an alias');
  const token = stream.peek();
  const isAlias =
    token.kind === 'quoted' || (token.kind === 'word' && !CLAUSES.has(token.text.toUpperCase()));
  return isAlias ? stream.next().text : null;
}

function parseFrom(stream: TokenStream, parseExpression: ParseExpression): Source[] {
  const sources = [parseSource(stream, parseExpression, 'first')];
  for (;;) {
    const join = parseJoin(stream);
    if (join === null) return sources;
    sources.push(parseSource(stream, parseExpression, join));
  }
}

function parseJoin(stream: TokenStream): 'inner' | 'left' | null {
  if (stream.take(',') || stream.take('JOIN') || stream.take('INNER', 'JOIN')) return 'inner';
  if (stream.take('CROSS', 'JOIN')) return 'inner';
  if (stream.take('LEFT', 'JOIN') || stream.take('LEFT', 'OUTER', 'JOIN')) return 'left';
  const { offset, text } = stream.peek();
  if (stream.sees('NATURAL') || stream.sees('RIGHT') || stream.sees('FULL')) {
    throw new PolicyError(offset, `${text} JOIN is not part of the language`, 'write JOIN .. ON ..');
  }
  return null;
}

function parseSource(stream: TokenStream, parseExpression: ParseExpression, join: Source['join']): Source {
  const { offset } = stream.peek();
  const source: Source = { offset, join, table: null, call: null, select: null, alias: null, on: null };
  if (stream.take('(')) {
    if (!stream.sees('SELECT')) throw stream.unexpected('SELECT');
    source.select = stream.nested(() => parseSelect(stream, parseExpression));
    stream.require(')');
  } else {
    const name = stream.name('a table');
    if (stream.sees('.')) throw new PolicyError(offset, 'a table of another database cannot be used');
    if (stream.take('('))
      source.call = { name: name.toLowerCase(), operands: parseOperands(stream, parseExpression) };
    else source.table = name;
  }
  source.alias = parseAlias(stream);
  if (stream.sees('USING')) {
    throw new PolicyError(stream.peek().offset, 'USING is not part of the language', 'write ON a.x = b.x');
  }
  if (source.join !== 'first' && stream.take('ON')) source.on = parseExpression(stream);
  return source;
}

/** Expressions between commas up to the closing bracket, which is passed over. */
export function parseOperands(stream: TokenStream, parseExpression: ParseExpression): Expression[] {
  if (stream.take(')')) return [];
  const operands = [parseExpression(stream)];
  while (stream.take(',')) operands.push(parseExpression(stream));
  stream.require(')');
  return operands;
}
