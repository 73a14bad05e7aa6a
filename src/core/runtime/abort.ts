/**
 * abort.ts: what happens when an assertion of the core fails or memory runs out: remember why and where, then trap.
 * The host reads the exported globals from the instance it is about to discard.
 */

/** 0 = an assertion failed (a defect of ours), 1 = the core's memory is exhausted. */
export let abort_reason: i32 = 0;
/** Address of the file name as a UTF-16 string whose size in bytes is the u32 before it, or 0. */
export let abort_file: usize = 0;
export let abort_line: i32 = 0;
export let abort_column: i32 = 0;

/** Called by the compiler for failed assertions and bounds checks. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  abort_file = changetype<usize>(file);
  abort_line = <i32>line;
  abort_column = <i32>column;
  unreachable();
}

/** Ends the call because linear memory cannot grow; SQLite will report "out of memory". */
export function abortOutOfMemory(): void {
  abort_reason = 1;
  unreachable();
}
