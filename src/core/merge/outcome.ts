/** outcome.ts: what became of one incoming row. */

/** It told us nothing new. */
export const OUTCOME_KNOWN: i32 = 0;
/** The data table or the clocks changed. */
export const OUTCOME_APPLIED: i32 = 1;
/** It could not even be held as a row: its packet has to wait. `refusal` is the reason. */
export const OUTCOME_REFUSED: i32 = 2;
/** The whole operation has failed; a failure is recorded. */
export const OUTCOME_FAILED: i32 = 3;
/** A deletion that a trigger of the application or a row that refers to this one opposes. */
export const OUTCOME_BLOCKED: i32 = 4;
