/**
 * vocabulary.ts: which functions policies may use. Those of SELECT policies give the same answer for the same row and
 * principal whenever they are asked, and never fail, whatever a row holds: a query over a whole table must not fail
 * because of one row that somebody wrote. Write policies may use everything that SQLite brings.
 */
import { PolicyError } from '../policy-error.js';
import { type Expression, walk } from './syntax.js';

const AUTH = new Set(['auth_userid', 'auth_role', 'auth_json', 'auth_claim']);

const STABLE = new Set(
  `lower upper length octet_length substr substring trim ltrim rtrim instr coalesce ifnull nullif iif if typeof hex
   quote unicode char round sign concat concat_ws likely unlikely json_extract json_array_length json_valid
   json_type`.split(/\s+/),
);
/** Also without a query around them: min and max of several values. */
const AGGREGATES = new Set(['count', 'min', 'max', 'total', 'avg']);

/** Builtin functions that tell about the connection, take much memory or write logs. */
const BARRED = new Set(
  `load_extension sqlite_log sqlite_compileoption_get sqlite_compileoption_used sqlite_version sqlite_source_id
   changes total_changes last_insert_rowid zeroblob randomblob`.split(/\s+/),
);
const TIMES = new Set('date time datetime julianday unixepoch strftime timediff'.split(' '));

/** Functions that return rows. */
const ROW_FUNCTIONS = new Set(['json_each', 'json_tree']);
export const ROW_FUNCTION_COLUMNS = ['key', 'value', 'type', 'atom', 'id', 'parent', 'fullkey', 'path'];

export function isAuthFunction(name: string): boolean {
  return AUTH.has(name);
}

export function isAggregate(expression: Expression): boolean {
  if (expression.kind !== 'call' || !AGGREGATES.has(expression.name)) return false;
  const takesOne = expression.name === 'min' || expression.name === 'max';
  return !takesOne || expression.operands.length === 1;
}

/** @throws PolicyError when a query takes rows from another function than those that read JSON */
export function requireRowFunction(offset: number, name: string): void {
  if (ROW_FUNCTIONS.has(name)) return;
  throw new PolicyError(offset, `${name} cannot be used in FROM`, 'use a table, json_each or json_tree');
}

/**
 * @param isStable whether it is part of what decides about reading
 * @param builtin the names of the functions that SQLite brings
 * @throws PolicyError at a function or operator that cannot be used here
 */
export function requireVocabulary(
  expression: Expression,
  isStable: boolean,
  builtin: ReadonlySet<string>,
): void {
  walk(expression, {
    expression: (each) => {
      if (isStable) requireStable(each);
      else requireAllowed(each, builtin);
    },
    select: ({ from }) => {
      for (const { call } of isStable ? from : []) {
        for (const path of call?.operands.slice(1) ?? []) requirePath(path, 'json_each');
      }
    },
  });
}

function requireAllowed(expression: Expression, builtin: ReadonlySet<string>): void {
  if (expression.kind !== 'call') return;
  const { name, offset } = expression;
  if (isAuthFunction(name)) requireAuthOperands(expression);
  else if (!builtin.has(name) || BARRED.has(name) || name.startsWith('cloudsync_')) {
    throw new PolicyError(offset, `the function ${name} cannot be used in policies`);
  }
}

function requireStable(expression: Expression): void {
  const { offset } = expression;
  if (expression.kind === 'literal' && expression.text.startsWith('CURRENT_'))
    throw unstable(offset, expression.text);
  if (expression.kind === 'like') requireStablePattern(expression);
  if (expression.kind === 'binary' && expression.operator.startsWith('->')) {
    requirePath(expression.right, expression.operator);
  }
  if (expression.kind !== 'call') return;
  const { name } = expression;
  if (isAuthFunction(name)) {
    requireAuthOperands(expression);
    return;
  }
  if (TIMES.has(name) || name.startsWith('random')) throw unstable(offset, name);
  if (!STABLE.has(name) && !AGGREGATES.has(name)) {
    throw new PolicyError(
      offset,
      `the function ${name} cannot be used in SELECT policies`,
      `put its result into a column, or use one of ${[...STABLE].join(', ')}`,
    );
  }
  if (name.startsWith('json_')) for (const path of expression.operands.slice(1)) requirePath(path, name);
}

/** What SQLite takes for a path into JSON without an error, whatever the JSON is. */
const PATH = /^\$(?:\.(?:"[^"]*"|[^.["]+)|\[(?:\d+|#(?:-\d+)?)\])*$/;

/** A path from a row could be one that SQLite refuses, and then the query would fail. */
function requirePath(expression: Expression, name: string): void {
  const text = requireLiteral(expression, name);
  const isPath = text.startsWith('$') ? PATH.test(text) : name !== 'json_extract' && !text.startsWith('[');
  if (!isPath) throw new PolicyError(expression.offset, `"${text}" is no path into JSON`);
}

function unstable(offset: number, name: string): PolicyError {
  const reason = `${name} changes without any change of the data, so nobody would be told what it shows or hides`;
  return new PolicyError(offset, reason, 'compare columns, and let the application change them');
}

function requireStablePattern(like: Expression & { kind: 'like' }): void {
  const { offset, operator } = like;
  if (operator !== 'LIKE' && operator !== 'GLOB') {
    throw new PolicyError(offset, `${operator} cannot be used in SELECT policies`, 'use LIKE or GLOB');
  }
  const characters = like.escape === null ? 1 : requireLiteral(like.escape, 'ESCAPE').length;
  requireLiteral(like.right, operator);
  if (characters !== 1) throw new PolicyError(offset, 'one character must follow ESCAPE');
}

function requireAuthOperands({ name, offset, operands }: Expression & { kind: 'call' }): void {
  const expected = name === 'auth_claim' ? 1 : 0;
  if (operands.length !== expected) {
    const wanted = expected === 0 ? 'no operand' : "one path, like '$.org'";
    throw new PolicyError(offset, `${name} takes ${wanted}`);
  }
  for (const path of operands) requirePath(path, name);
}

/** The text of a constant. A pattern or path from a row could be one that makes the query fail. */
function requireLiteral(expression: Expression, name: string): string {
  if (expression.kind !== 'literal') {
    throw new PolicyError(expression.offset, `what follows ${name} must be a constant here`);
  }
  const { text } = expression;
  return text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : text;
}
