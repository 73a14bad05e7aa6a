/**
 * flaws.ts: planted flaws, realistic mistakes of one line each, and the band that has to notice each of them. They are
 * patched into a copy of the sources (build.ts), all into one build, and chosen at run time by CLOUDSYNC_FLAW=<name>.
 */

export interface Flaw {
  /** Lower case and hyphens; CLOUDSYNC_FLAW chooses it. */
  name: string;
  /** The band that must fail within its short length (test/support/bands.ts). */
  band: string;
  file: string;
  /** Text that the file contains once. */
  find: string;
  /** What stands there instead; FLAW is true when this flaw is chosen. */
  replace: string;
}

export const FLAWS: readonly Flaw[] = [
  {
    name: 'older-claim-loses',
    band: 'constraints-unique',
    file: 'src/core/merge/row_ranks.ts',
    find: 'if (order != 0) return order;',
    replace: 'if (order != 0) return FLAW ? -order : order;',
  },
  {
    name: 'equal-generations-lose-columns',
    band: 'constraints-rows',
    file: 'src/core/merge/decision.ts',
    find: 'if (row.cl < this.clock.cl) return OUTCOME_KNOWN;',
    replace:
      'if (row.cl < this.clock.cl || (FLAW && row.cl == this.clock.cl && row.cl > 1)) return OUTCOME_KNOWN;',
  },
];
