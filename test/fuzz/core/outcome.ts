/** outcome.ts: what a reader did with its input. */

export const REFUSED: i32 = 0;
export const ACCEPTED: i32 = 1;
/** Accepted, but written and read again it is something else. */
export const BROKEN: i32 = 2;
