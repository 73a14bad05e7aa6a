/**
 * combine.ts: how several policies of one table become one expression.
 */
import type { Expression } from '../language/syntax.js';

/** One permissive policy must agree, and all restrictive ones; null when there is no permissive one. */
export function combined(
  permissive: readonly Expression[],
  restrictive: readonly Expression[],
): Expression | null {
  const [first, ...rest] = permissive;
  if (first === undefined) return null;
  const join =
    (operator: string) =>
    (left: Expression, right: Expression): Expression => {
      return { kind: 'binary', offset: right.offset, operator, left, right };
    };
  return restrictive.reduce(join('AND'), rest.reduce(join('OR'), first));
}
