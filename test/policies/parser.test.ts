/**
 * parser.test.ts: mistakes are reported at their place, one after another; and random expressions without brackets
 * mean to us what they mean to SQLite.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseExpression } from '../../src/server/policies/language/parse-expression.js';
import { parsePolicies } from '../../src/server/policies/language/parse-policies.js';
import { Printer } from '../../src/server/policies/language/print.js';
import { TokenStream } from '../../src/server/policies/language/tokens.js';
import { PolicyError, placeOf } from '../../src/server/policies/policy-error.js';
import { Random } from '../sim/random.js';
import { type Connection, openDatabase } from '../support/database.js';
import { propertyOptions } from '../support/random.js';

function errorsOf(text: string): string[] {
  return parsePolicies(text).errors.map(({ offset, message }) => {
    const { line, column } = placeOf(text, offset);
    return `${line}:${column} ${message}`;
  });
}

describe('mistakes', () => {
  const policy = 'CREATE POLICY p ON t FOR SELECT USING (';
  test.each([
    ['CREATE POLICY p ON t', '1:1 the policy has neither USING nor WITH CHECK'],
    ['CREATE TABLE t(a)', '1:1 "CREATE" stands where CREATE POLICY is expected'],
    [
      'CREATE POLICY p ON t FOR READ USING (1)',
      '1:26 "READ" stands where SELECT, INSERT, UPDATE, DELETE, ALL is expected',
    ],
    ['CREATE POLICY p ON t FOR INSERT USING (1)', '1:1 a policy FOR INSERT has no USING'],
    ['CREATE POLICY p ON t FOR DELETE USING (1) WITH CHECK (1)', '1:1 a policy FOR DELETE has no WITH CHECK'],
    ['CREATE POLICY p ON t FOR UPDATE WITH CHECK (1)', '1:1 a policy FOR UPDATE needs USING'],
    ['CREATE POLICY p ON t USING (1) USING (2)', '1:32 USING is given twice'],
    [`${policy}a = )`, '1:44 ")" stands where an expression is expected'],
    [`${policy}\n  a = 'x)`, "2:7 the quote ' is not closed"],
    [`${policy}a = 1`, '1:45 the text ends where ) is expected'],
    [`${policy}a ? 1)`, '1:42 "?" means nothing here'],
    [`${policy}a IN b)`, '1:45 IN needs a list or a query in brackets'],
    [`${policy}a NOT 1)`, '1:46 "1" stands where IN, LIKE, GLOB, BETWEEN or NULL is expected'],
    [`${policy}count(*) OVER ())`, '1:49 OVER is not part of the language'],
    [`${policy}a IN (WITH x AS (SELECT 1) SELECT * FROM x))`, '1:46 WITH is not part of the language'],
    [`${policy}a IN (SELECT b FROM main.c))`, '1:60 a table of another database cannot be used'],
    [`${policy}a IN (SELECT b FROM c NATURAL JOIN d))`, '1:62 NATURAL JOIN is not part of the language'],
    [`${policy}a IN (SELECT b FROM c JOIN d USING (b)))`, '1:69 USING is not part of the language'],
    [`${policy}${'('.repeat(300)}1${')'.repeat(300)})`, '1:240 the expression is nested too deeply'],
  ])('%.60s', (text, expected) => {
    expect(errorsOf(text)).toEqual([expected]);
  });

  test('in one statement do not hide those of the next', () => {
    const text = `${policy}a = );\n-- a comment; with a semicolon\n${policy}a LIKE);\n${policy}b);`;
    expect(errorsOf(text)).toEqual([
      '1:44 ")" stands where an expression is expected',
      '3:46 ")" stands where an expression is expected',
    ]);
    expect(parsePolicies(text).statements.map(({ name }) => name)).toEqual(['p']);
  });
});

test('a policy is read with all its parts', () => {
  const text = `create policy "my policy" on [my table] as restrictive for all using (a) with check (b)`;
  const [statement] = parsePolicies(text).statements;
  expect(statement).toMatchObject({
    name: 'my policy',
    table: 'my table',
    isRestrictive: true,
    command: 'ALL',
  });
  expect(statement?.using).toMatchObject({ kind: 'column', name: 'a' });
  expect(statement?.check).toMatchObject({ kind: 'column', name: 'b' });
});

describe('random expressions', () => {
  let db: Connection;
  beforeAll(() => {
    db = openDatabase({ extension: false });
    db.exec(`CREATE TABLE t(a INTEGER, b TEXT, c);
      INSERT INTO t VALUES (1, 'x', 2.5), (0, '1', NULL), (NULL, 'X', 'x'), (3, '', 1), (-1, '10', x'31');`);
  });
  afterAll(() => {
    db.close();
  });

  test('mean what SQLite reads', () => {
    const options = propertyOptions('parser', 3000);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const text = operatorChain(new Random(seed, 'expressions'));
        const expected = valuesOf(db, text);
        if (expected === undefined) return;
        const stream = new TokenStream(text);
        const printed = new Printer().expression(parseExpression(stream));
        expect(stream.isAtEnd).toBe(true);
        expect(valuesOf(db, printed), `${text}\n${printed}`).toEqual(expected);
      }),
      options,
    );
  });
});

const OPERATORS = `OR AND = == <> != < <= > >= & | << >> + - * / % || IS LIKE GLOB`.split(' ');
const TWO_WORDS = ['IS NOT', 'NOT LIKE', 'IS NOT DISTINCT FROM', 'IS DISTINCT FROM', 'NOT GLOB'];

/** Operands and operators one after another, with few brackets, so that precedence decides. */
function operatorChain(random: Random): string {
  const words: string[] = [];
  for (let left = random.between(1, 6); left >= 0; left -= 1) {
    if (words.length > 0) words.push(random.chance(0.8) ? random.pick(OPERATORS) : random.pick(TWO_WORDS));
    while (random.chance(0.2)) words.push(random.pick(['NOT', '-', '+', '~']));
    words.push(operand(random));
    if (random.chance(0.1)) words.push(random.pick(['ISNULL', 'NOTNULL', 'NOT NULL', 'COLLATE NOCASE']));
    if (random.chance(0.1)) words.push(`${random.pick(['', 'NOT '])}IN (1, 'x', ${operand(random)})`);
    if (random.chance(0.1)) words.push(`BETWEEN ${operand(random)} AND ${operand(random)}`);
  }
  return words.join(' ');
}

function operand(random: Random): string {
  const plain = [
    'a',
    'b',
    'c',
    't.a',
    '1',
    '2.5',
    "'x'",
    "'1'",
    'NULL',
    'TRUE',
    "x'31'",
    '.5e1',
    '0x1F',
    '"b"',
    '[c]',
  ];
  const more = [
    '(a + 1)',
    'CASE a WHEN 1 THEN b ELSE c END',
    'CAST(b AS INTEGER)',
    'upper(b)',
    '(SELECT max(a) FROM t)',
  ];
  return random.chance(0.8) ? random.pick(plain) : random.pick(more);
}

/** What an expression is for every row; undefined when SQLite does not read it. */
function valuesOf(db: Connection, expression: string): unknown[] | undefined {
  try {
    return db.prepare(`SELECT ${expression} FROM t`).pluck().all();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_ERROR') return undefined;
    throw error;
  }
}

test('a mistake is no other error', () => {
  expect(() => parseExpression(new TokenStream('a +'))).toThrow(PolicyError);
});
