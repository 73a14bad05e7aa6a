/**
 * parse-expression.ts: reads expressions with SQLite's operators and precedences (a Pratt parser). The tree is
 * printed with brackets around everything, so a mistake about precedence would change the meaning:
 * test/policies/parser.test.ts compares random expressions with SQLite's own reading of them.
 */

import { PolicyError } from '../policy-error.js';
import { parseOperands, parseSelect } from './parse-select.js';
import type { Expression, Select } from './syntax.js';
import type { TokenStream } from './tokens.js';

const PRECEDENCE_NOT = 3;
const PRECEDENCE_EQUAL = 4;
const PRECEDENCE_COLLATE = 10;
const PRECEDENCE_SIGN = 11;

const BINARY: Readonly<Record<string, number>> = {
  OR: 1,
  AND: 2,
  '=': PRECEDENCE_EQUAL,
  '==': PRECEDENCE_EQUAL,
  '<>': PRECEDENCE_EQUAL,
  '!=': PRECEDENCE_EQUAL,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '&': 6,
  '|': 6,
  '<<': 6,
  '>>': 6,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
  '||': 9,
  '->': 9,
  '->>': 9,
};
/** Operators that are words, all with the precedence of equality. */
const WORDS = new Set(['IS', 'NOT', 'IN', 'LIKE', 'GLOB', 'MATCH', 'REGEXP', 'BETWEEN', 'ISNULL', 'NOTNULL']);
const CONSTANTS = new Set(['NULL', 'TRUE', 'FALSE', 'CURRENT_TIME', 'CURRENT_DATE', 'CURRENT_TIMESTAMP']);
/** Words that begin no operand, so that a missing one is noticed at its place. */
const RESERVED = new Set(
  `SELECT FROM WHERE AND OR NOT IN IS LIKE GLOB MATCH REGEXP BETWEEN ISNULL NOTNULL WHEN THEN ELSE ORDER GROUP HAVING
   LIMIT UNION EXCEPT INTERSECT JOIN ON AS USING CREATE FOR`.split(/\s+/),
);

export function parseExpression(stream: TokenStream): Expression {
  return parseAbove(stream, 0);
}

function parseAbove(stream: TokenStream, minimum: number): Expression {
  return stream.nested(() => {
    let left = parsePrefix(stream);
    for (;;) {
      const token = stream.peek();
      const word = token.text.toUpperCase();
      if (token.kind !== 'sign' && token.kind !== 'word') return left;
      if (word === 'COLLATE') {
        if (PRECEDENCE_COLLATE <= minimum) return left;
        stream.next();
        const collation = stream.name('a collation');
        left = { kind: 'collate', offset: token.offset, operand: left, collation };
      } else if (WORDS.has(word)) {
        if (PRECEDENCE_EQUAL <= minimum) return left;
        left = parseWordOperator(stream, left);
      } else {
        const precedence = BINARY[word];
        if (precedence === undefined || precedence <= minimum) return left;
        stream.next();
        const right = parseAbove(stream, precedence);
        left = { kind: 'binary', offset: token.offset, operator: OPERATORS[word] ?? word, left, right };
      }
    }
  });
}

/** One spelling for each operator, so that equal policies have equal trees. */
const OPERATORS: Readonly<Record<string, string>> = { '==': '=', '<>': '!=' };

function parseWordOperator(stream: TokenStream, left: Expression): Expression {
  const { offset } = stream.peek();
  const isNegated = stream.take('NOT');
  const positive = parsePositive(stream, left, isNegated);
  return isNegated ? { kind: 'unary', offset, operator: 'NOT', operand: positive } : positive;
}

function parsePositive(stream: TokenStream, left: Expression, isNegated: boolean): Expression {
  const { offset, text } = stream.peek();
  const word = text.toUpperCase();
  if (isNegated && stream.take('NULL')) return compare(offset, 'IS', left, nothing(offset));
  if (!isNegated) {
    if (stream.take('ISNULL')) return compare(offset, 'IS', left, nothing(offset));
    if (stream.take('NOTNULL')) return compare(offset, 'IS NOT', left, nothing(offset));
    if (stream.take('IS')) return parseIs(stream, left, offset);
  }
  if (stream.take('IN')) return parseIn(stream, left, offset);
  if (stream.take('BETWEEN')) {
    const low = parseAbove(stream, PRECEDENCE_EQUAL);
    stream.require('AND');
    const high = parseAbove(stream, PRECEDENCE_EQUAL);
    return { kind: 'between', offset, value: left, low, high };
  }
  if (word === 'LIKE' || word === 'GLOB' || word === 'MATCH' || word === 'REGEXP') {
    stream.next();
    const right = parseAbove(stream, PRECEDENCE_EQUAL);
    const hasEscape = stream.take('ESCAPE');
    const like = { kind: 'like' as const, offset, operator: word, left, right };
    return { ...like, escape: hasEscape ? parseAbove(stream, PRECEDENCE_EQUAL) : null };
  }
  throw stream.unexpected('IN, LIKE, GLOB, BETWEEN or NULL');
}

function parseIs(stream: TokenStream, left: Expression, offset: number): Expression {
  const isNot = stream.take('NOT');
  const isDistinct = stream.take('DISTINCT', 'FROM');
  const right = parseAbove(stream, PRECEDENCE_EQUAL);
  return compare(offset, isNot === isDistinct ? 'IS' : 'IS NOT', left, right);
}

function parseIn(stream: TokenStream, value: Expression, offset: number): Expression {
  if (!stream.take('(')) {
    throw new PolicyError(stream.peek().offset, 'IN needs a list or a query in brackets');
  }
  if (stream.sees('SELECT') || stream.sees('WITH') || stream.sees('VALUES')) {
    const select = stream.nested(() => parseSelect(stream, parseExpression));
    stream.require(')');
    return { kind: 'among', offset, value, select };
  }
  return { kind: 'list', offset, value, items: parseOperands(stream, parseExpression) };
}

function compare(offset: number, operator: string, left: Expression, right: Expression): Expression {
  return { kind: 'binary', offset, operator, left, right };
}

function nothing(offset: number): Expression {
  return { kind: 'literal', offset, text: 'NULL' };
}

function parsePrefix(stream: TokenStream): Expression {
  const { offset, kind, text } = stream.peek();
  if (stream.take('NOT')) {
    const operand = parseAbove(stream, PRECEDENCE_NOT);
    return { kind: 'unary', offset, operator: 'NOT', operand };
  }
  if (kind === 'sign' && (text === '-' || text === '+' || text === '~')) {
    stream.next();
    return { kind: 'unary', offset, operator: text, operand: parseAbove(stream, PRECEDENCE_SIGN) };
  }
  if (stream.take('(')) return parseBracket(stream, offset);
  if (kind === 'number' || kind === 'string' || kind === 'blob') {
    return { kind: 'literal', offset, text: stream.next().text };
  }
  if (kind === 'word' && CONSTANTS.has(text.toUpperCase())) {
    return { kind: 'literal', offset, text: stream.next().text.toUpperCase() };
  }
  if (kind === 'word' && RESERVED.has(text.toUpperCase())) throw stream.unexpected('an expression');
  return parseNamed(stream);
}

function parseBracket(stream: TokenStream, offset: number): Expression {
  if (stream.sees('SELECT') || stream.sees('WITH') || stream.sees('VALUES')) {
    const select = stream.nested(() => parseSelect(stream, parseExpression));
    stream.require(')');
    return { kind: 'scalar', offset, select };
  }
  const items = parseOperands(stream, parseExpression);
  const [only] = items;
  if (only === undefined) throw new PolicyError(offset, 'the brackets are empty');
  return items.length === 1 ? only : { kind: 'vector', offset, items };
}

/** What begins with a name: CASE, CAST, EXISTS, a call or a column. */
function parseNamed(stream: TokenStream): Expression {
  const { offset, kind } = stream.peek();
  if (kind === 'word') {
    if (stream.take('CASE')) return parseCase(stream, offset);
    if (stream.take('CAST', '(')) {
      const operand = parseExpression(stream);
      stream.require('AS');
      const type = stream.name('a type');
      stream.require(')');
      return { kind: 'cast', offset, operand, type };
    }
    if (stream.take('EXISTS', '(')) {
      const select = stream.nested(() => parseSelect(stream, parseExpression));
      stream.require(')');
      return { kind: 'exists', offset, select };
    }
  }
  const name = stream.name('an expression');
  if (stream.take('(')) return parseCall(stream, name, offset);
  if (!stream.take('.')) return { kind: 'column', offset, qualifier: null, name };
  return { kind: 'column', offset, qualifier: name, name: stream.name('a column') };
}

function parseCase(stream: TokenStream, offset: number): Expression {
  const base = stream.sees('WHEN') ? null : parseExpression(stream);
  const cases: { when: Expression; result: Expression }[] = [];
  while (stream.take('WHEN')) {
    const when = parseExpression(stream);
    stream.require('THEN');
    cases.push({ when, result: parseExpression(stream) });
  }
  if (cases.length === 0) throw stream.unexpected('WHEN');
  const otherwise = stream.take('ELSE') ? parseExpression(stream) : null;
  stream.require('END');
  return { kind: 'case', offset, base, cases, otherwise };
}

function parseCall(stream: TokenStream, name: string, offset: number): Expression {
  if (name.toLowerCase() === 'visible') return parseVisible(stream, offset);
  const isStar = stream.take('*', ')');
  const isDistinct = !isStar && stream.take('DISTINCT');
  const operands = isStar ? [] : parseOperands(stream, parseExpression);
  if (stream.sees('OVER') || stream.sees('FILTER')) {
    throw new PolicyError(stream.peek().offset, `${stream.peek().text} is not part of the language`);
  }
  return { kind: 'call', offset, name: name.toLowerCase(), isDistinct, isStar, operands };
}

/** VISIBLE(value, table): short for value IN (SELECT key FROM table WHERE its SELECT policies). */
function parseVisible(stream: TokenStream, offset: number): Expression {
  const value = parseExpression(stream);
  stream.require(',');
  const source = {
    offset: stream.peek().offset,
    join: 'first' as const,
    call: null,
    select: null,
    alias: null,
  };
  const from = [{ ...source, table: stream.name('a table'), on: null }];
  stream.require(')');
  const rest = { groupBy: [], having: null, orderBy: [], limit: null, offsetRows: null, next: null };
  const select: Select = {
    offset,
    isDistinct: false,
    columns: [],
    from,
    where: null,
    ...rest,
    isVisibility: true,
  };
  return { kind: 'among', offset, value, select };
}
