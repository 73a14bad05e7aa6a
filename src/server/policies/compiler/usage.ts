/**
 * usage.ts: what an expression depends on: the row that is judged and those joined with it, the principal, tables.
 */
import { type Expression, type Select, type Source, walk, walkSelect } from '../language/syntax.js';
import { isAuthFunction } from '../language/vocabulary.js';

export interface Usage {
  /** Columns of the row that is judged, or of a table that is joined with it. */
  usesRow: boolean;
  /** auth_*(), or columns of a table that tells about the principal. */
  usesPrincipal: boolean;
  /** Queries of its own. */
  hasQuery: boolean;
}

type Visit = Parameters<typeof walk>[1];

function observer(usage: Usage): Visit {
  return {
    expression: (each) => {
      if (each.kind === 'column' && each.source?.side === 'row') usage.usesRow = true;
      if (each.kind === 'column' && each.source?.side === 'principal') usage.usesPrincipal = true;
      if (each.kind === 'call' && isAuthFunction(each.name)) usage.usesPrincipal = true;
    },
    select: () => {
      usage.hasQuery = true;
    },
  };
}

export function usageOf(expression: Expression): Usage {
  const usage = { usesRow: false, usesPrincipal: false, hasQuery: false };
  walk(expression, observer(usage));
  return usage;
}

export function usageOfSelect(select: Select): Usage {
  const usage = { usesRow: false, usesPrincipal: false, hasQuery: false };
  walkSelect(select, observer(usage));
  return usage;
}

/** The sources whose columns an expression uses, those of its own queries included. */
export function sourcesOf(expression: Expression): Set<Source> {
  const sources = new Set<Source>();
  walk(expression, {
    expression: (each) => {
      if (each.kind === 'column' && each.source !== undefined) sources.add(each.source);
    },
  });
  return sources;
}
