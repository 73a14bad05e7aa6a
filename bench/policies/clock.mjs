/**
 * clock.mjs: a clock that all processes of this machine share, so that a moment in one can be compared with one in
 * another: `performance.now()` begins anew in each.
 */

/** Milliseconds since some moment that is the same for all processes. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
