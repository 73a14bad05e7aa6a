/** protocol.ts: what parent and child of a band that is played in child processes say to each other. */

/** Width of the number in the file of progress. */
export const PROGRESS_DIGITS = 16;

/** The last line that a child prints. */
export interface Report {
  /** It got to the end of its cases, or found as many failures as it reports. */
  done: true;
  failures: Array<{ number: number; what: string }>;
  detail: Record<string, number>;
}
