/**
 * vocabulary.ts: which functions policies may use. Those of SELECT policies give the same answer for the same row and
 * principal whenever they are asked, and never fail, whatever a row holds: a query over a whole table must not fail
 * because of one row that somebody wrote. Write policies may use everything that SQLite brings.
 */
import { PolicyError } from '../policy-error.js';
import { Printer } from './print.js';
import { type Expression, operandsOf, walk } from './syntax.js';

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

/** What of the vocabulary only SQLite knows. */
export interface Dialect {
  /** The names of the functions that it brings. */
  builtin: ReadonlySet<string>;
  /** Why a constant expression fails; undefined when it does not. */
  failureOf(expression: string): string | undefined;
}

/**
 * @param isStable whether it is part of what decides about reading
 * @throws PolicyError at a function or operator that cannot be used here
 */
export function requireVocabulary(expression: Expression, isStable: boolean, dialect: Dialect): void {
  const check = isStable ? requireStable : requireAllowed;
  walk(expression, { expression: (each) => check(each, dialect) });
}

function requireAllowed(expression: Expression, { builtin }: Dialect): void {
  if (expression.kind !== 'call') return;
  const { name, offset } = expression;
  if (isAuthFunction(name)) requireLiteralPath(expression);
  else if (!builtin.has(name) || BARRED.has(name) || name.startsWith('cloudsync_')) {
    throw new PolicyError(offset, `the function ${name} cannot be used in policies`);
  }
}

function requireStable(expression: Expression, dialect: Dialect): void {
  const { offset } = expression;
  if (expression.kind === 'literal' && expression.text.startsWith('CURRENT_'))
    throw unstable(offset, expression.text);
  if (expression.kind === 'like') requireStablePattern(expression, dialect);
  const isArrow = expression.kind === 'binary' && expression.operator.startsWith('->');
  if (isArrow) requireConstant(expression, { ...expression, left: OBJECT }, dialect);
  if (expression.kind !== 'call') return;
  const { name } = expression;
  if (isAuthFunction(name)) {
    requireLiteralPath(expression);
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
  if (name === 'json_extract') {
    const operands = [OBJECT, ...expression.operands.slice(1)];
    requireConstant(expression, { ...expression, operands }, dialect);
  }
}

/** Stands for whatever the row holds. */
const OBJECT: Expression = { kind: 'literal', offset: 0, text: "'{}'" };

/**
 * What is compared with the row's value must be constants that work: a path or pattern from a row could be one that
 * SQLite refuses, and then the query would fail.
 *
 * @param sample the expression with something else in place of the row's value
 */
function requireConstant(expression: Expression, sample: Expression, dialect: Dialect): void {
  const name =
    expression.kind === 'call' ? expression.name : 'operator' in expression ? expression.operator : '';
  for (const operand of operandsOf(sample)) requireLiteral(operand, name);
  const failure = dialect.failureOf(new Printer().expression(sample));
  if (failure !== undefined) throw new PolicyError(expression.offset, failure);
}

function unstable(offset: number, name: string): PolicyError {
  const reason = `${name} changes without any change of the data, so nobody would be told what it shows or hides`;
  return new PolicyError(offset, reason, 'compare columns, and let the application change them');
}

function requireStablePattern(like: Expression & { kind: 'like' }, dialect: Dialect): void {
  const { offset, operator } = like;
  if (operator !== 'LIKE' && operator !== 'GLOB') {
    throw new PolicyError(offset, `${operator} cannot be used in SELECT policies`, 'use LIKE or GLOB');
  }
  requireConstant(like, { ...like, left: OBJECT }, dialect);
}

function requireLiteralPath(call: Expression & { kind: 'call' }): void {
  const expected = call.name === 'auth_claim' ? 1 : 0;
  if (call.operands.length !== expected) {
    throw new PolicyError(
      call.offset,
      `${call.name} takes ${expected === 0 ? 'no operand' : "one path, like '$.org'"}`,
    );
  }
  for (const path of operandsOf(call)) requireLiteral(path, call.name);
}

function requireLiteral(expression: Expression, name: string): void {
  if (expression.kind === 'literal') return;
  throw new PolicyError(expression.offset, `what follows ${name} must be a constant here`);
}
