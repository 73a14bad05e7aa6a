/**
 * bands.ts: the table of the bands of evidence: each looks for one kind of damage by one means, with a short length
 * that every complete test run plays and a long one for `npm run soak`. A complete run fails when a band played fewer
 * cases than planned here (test/reporter.ts): tests that quietly do less are the easiest way to be wrong.
 */

export interface Band {
  /** Lower case and hyphens; the name of its report in build/bands and of its rows in test/LEDGER.md. */
  name: string;
  /** What it shows, in a few words. */
  shows: string;
  /** What one case is, in the plural. */
  unit: string;
  /** The test file that plays it, and this band only. */
  file: string;
  /** Cases of a complete test run. */
  short: number;
  /** Cases of a long run. */
  long: number;
}

export const BANDS: readonly Band[] = [
  {
    name: 'constraints',
    shows: 'tables with constraints are a function of the merged state, in any order of arrival',
    unit: 'histories',
    file: 'test/constraints',
    short: 1300,
    long: 100_000,
  },
];

/** @throws Error when there is no band of that name */
export function bandNamed(name: string): Band {
  const band = BANDS.find((each) => each.name === name);
  if (band === undefined) throw new Error(`no band "${name}" in test/support/bands.ts`);
  return band;
}
