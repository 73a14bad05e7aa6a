/** outcome.ts: what became of one incoming row. */

/** It told us nothing new. */
export const OUTCOME_KNOWN: i32 = 0;
/** The data table or the clocks changed. */
export const OUTCOME_APPLIED: i32 = 1;
/** The data table refused it: it has to be held. SQLite's message is the reason. */
export const OUTCOME_REFUSED: i32 = 2;
/** The whole operation has failed; a failure is recorded. */
export const OUTCOME_FAILED: i32 = 3;
