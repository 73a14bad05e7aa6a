/**
 * write-checks.ts: the expressions that judge writes. USING is asked about the row as it was (OLD), WITH CHECK about
 * the row as it would be (NEW); where WITH CHECK is left out, USING counts for both, so that nobody can give a row
 * away or put one where he could not change it.
 */

import type { TablePolicies } from '../compiled.js';
import type { PolicyStatement } from '../language/parse-policies.js';
import { Printer } from '../language/print.js';
import type { Expression, Source } from '../language/syntax.js';
import { combined } from './combine.js';
import type { Resolver } from './resolve.js';
import type { TableView } from './schema-view.js';

type WriteChecks = Pick<TablePolicies, 'insertCheck' | 'updateUsing' | 'updateCheck' | 'deleteUsing'>;

interface Clause {
  command: 'INSERT' | 'UPDATE' | 'DELETE';
  /** Which row is meant when none is named. */
  bare: 'OLD' | 'NEW';
}

/** @throws PolicyError at what cannot be found */
export function writeChecksOf(
  statements: readonly PolicyStatement[],
  view: TableView,
  resolver: Resolver,
): WriteChecks {
  const text = (clause: Clause) => checkText(statements, clause, view, resolver);
  return {
    insertCheck: text({ command: 'INSERT', bare: 'NEW' }),
    updateUsing: text({ command: 'UPDATE', bare: 'OLD' }),
    updateCheck: text({ command: 'UPDATE', bare: 'NEW' }),
    deleteUsing: text({ command: 'DELETE', bare: 'OLD' }),
  };
}

function checkText(
  statements: readonly PolicyStatement[],
  clause: Clause,
  view: TableView,
  resolver: Resolver,
): string | null {
  const rows = { OLD: imageOf(view, 'OLD'), NEW: imageOf(view, 'NEW') };
  const printer = new Printer([
    [rows.OLD, 'OLD'],
    [rows.NEW, 'NEW'],
  ]);
  const writing = statements.filter(({ command }) => command === clause.command || command === 'ALL');
  const expressions = (isRestrictive: boolean) =>
    writing
      .filter((statement) => statement.isRestrictive === isRestrictive)
      .flatMap((statement) => expressionOf(statement, clause, rows, resolver));
  const expression = combined(expressions(false), expressions(true));
  return expression === null ? null : printer.expression(expression);
}

function expressionOf(
  { using, check }: PolicyStatement,
  { command, bare }: Clause,
  rows: Record<'OLD' | 'NEW', Source>,
  resolver: Resolver,
): Expression[] {
  const isUsing = bare === 'OLD' || check === null;
  const original = isUsing ? using : check;
  if (original === null) return [];
  const expression = structuredClone(original);
  const named = new Map<string, Source>();
  if (command !== 'INSERT') named.set('OLD', isUsing && bare === 'NEW' ? rows.NEW : rows.OLD);
  if (command !== 'DELETE') named.set('NEW', rows.NEW);
  resolver.resolve(expression, { bare: rows[bare], named });
  return [expression];
}

function imageOf(view: TableView, alias: string): Source {
  const nothing = { call: null, select: null, on: null };
  return { offset: 0, join: 'first', table: view.name, ...nothing, alias, view };
}
