/**
 * policy-error.ts: why a text is no usable policy: where, what is wrong, and what to write instead. One class for all
 * stages, so that `policy check` reports a missing bracket and a refused link in the same way.
 */
export class PolicyError extends Error {
  /** Offset in the text of the policies. */
  readonly offset: number;
  /** What to write instead; empty when the reason says it. */
  readonly remedy: string;

  constructor(offset: number, reason: string, remedy = '') {
    super(reason);
    this.name = 'PolicyError';
    this.offset = offset;
    this.remedy = remedy;
  }
}

/** Line and column of an offset, both from 1, as editors count. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}
