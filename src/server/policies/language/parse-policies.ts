/**
 * parse-policies.ts: reads a text of CREATE POLICY statements. One that cannot be read does not hide the others: each
 * mistake is reported, and reading goes on behind the next semicolon.
 */

import { PolicyError } from '../policy-error.js';
import { parseExpression } from './parse-expression.js';
import type { Expression } from './syntax.js';
import { TokenStream } from './tokens.js';

export type Command = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'ALL';
const COMMANDS: readonly Command[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'ALL'];

export interface PolicyStatement {
  offset: number;
  name: string;
  table: string;
  tableOffset: number;
  isRestrictive: boolean;
  command: Command;
  using: Expression | null;
  check: Expression | null;
}

export interface ParsedPolicies {
  statements: PolicyStatement[];
  errors: PolicyError[];
}

export function parsePolicies(text: string): ParsedPolicies {
  const parsed: ParsedPolicies = { statements: [], errors: [] };
  let stream: TokenStream;
  try {
    stream = new TokenStream(text);
  } catch (error) {
    parsed.errors.push(asPolicyError(error));
    return parsed;
  }
  while (stream.take(';'));
  while (!stream.isAtEnd) {
    try {
      parsed.statements.push(parseStatement(stream));
      if (!stream.isAtEnd) stream.require(';');
    } catch (error) {
      parsed.errors.push(asPolicyError(error));
      while (!stream.isAtEnd && !stream.sees(';')) stream.next();
    }
    while (stream.take(';'));
  }
  return parsed;
}

/** What was thrown, when it is about the text; everything else is a defect and goes on. */
export function asPolicyError(error: unknown): PolicyError {
  if (error instanceof PolicyError) return error;
  throw error;
}

function parseStatement(stream: TokenStream): PolicyStatement {
  const { offset } = stream.peek();
  stream.require('CREATE', 'POLICY');
  const name = stream.name('the name of the policy');
  stream.require('ON');
  const tableOffset = stream.peek().offset;
  const table = stream.name('a table');
  const isRestrictive = parseMode(stream);
  const command = stream.take('FOR') ? parseCommand(stream) : 'ALL';
  const clauses = parseClauses(stream);
  const statement = { offset, name, table, tableOffset, isRestrictive, command, ...clauses };
  requireFittingClauses(statement);
  return statement;
}

function parseMode(stream: TokenStream): boolean {
  if (!stream.take('AS')) return false;
  if (stream.take('RESTRICTIVE')) return true;
  stream.require('PERMISSIVE');
  return false;
}

function parseCommand(stream: TokenStream): Command {
  const command = COMMANDS.find((each) => stream.take(each));
  if (command === undefined) throw stream.unexpected(COMMANDS.join(', '));
  return command;
}

function parseClauses(stream: TokenStream): { using: Expression | null; check: Expression | null } {
  let using: Expression | null = null;
  let check: Expression | null = null;
  for (;;) {
    const { offset } = stream.peek();
    if (stream.take('USING', '(')) {
      if (using !== null) throw new PolicyError(offset, 'USING is given twice');
      using = parseExpression(stream);
    } else if (stream.take('WITH', 'CHECK', '(') || stream.take('CHECK', '(')) {
      if (check !== null) throw new PolicyError(offset, 'WITH CHECK is given twice');
      check = parseExpression(stream);
    } else {
      return { using, check };
    }
    stream.require(')');
  }
}

function requireFittingClauses({ offset, command, using, check }: PolicyStatement): void {
  if (using === null && check === null) {
    throw new PolicyError(offset, 'the policy has neither USING nor WITH CHECK');
  }
  if (command !== 'INSERT' && using === null) {
    throw new PolicyError(
      offset,
      `a policy FOR ${command} needs USING`,
      'for new rows only, write FOR INSERT',
    );
  }
  if (command === 'INSERT' && using !== null) {
    throw new PolicyError(offset, 'a policy FOR INSERT has no USING', 'write WITH CHECK (..)');
  }
  if ((command === 'SELECT' || command === 'DELETE') && check !== null) {
    throw new PolicyError(offset, `a policy FOR ${command} has no WITH CHECK`, 'write USING (..)');
  }
}
