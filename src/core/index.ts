/**
 * index.ts: the exports of core.wasm on one screen: what a host (the C shim, a browser, a test) may call.
 *
 * Life of a call: the host calls `call(index, argument_count, nested)`. The core reads the arguments and sets the
 * result through host.ts. It answers CALL_DONE, or CALL_SESSION: then the host drives the network session, alternating
 * `session_next` (what to do next, a pointer to an Action) with `session_answer` (what came of it) until the action is
 * ACTION_DONE; the result has been set by then.
 *
 * A trap means a defect of ours or no memory: the host must discard the instance. abort_reason, abort_line,
 * abort_column and abort_file (a UTF-16 string; its size in bytes is the u32 before it; 0 = unknown) say where.
 */
import { describeFunction, functionCount } from './functions/registry';
import { dispatch, mayNest } from './functions/dispatch';
import { arenaAllocate, arenaMark, arenaRelease, arenaReset } from './runtime/arena';
import { abandonSession, nextAction, takeAnswer } from './session/machine';
import { Slice } from './bytes/slice';
import { setMergingTable } from './merge/merging';
import { clearFailure, failWith, hasFailed, reportFailure } from './sql/failure';

export { abort_column, abort_file, abort_line, abort_reason } from './runtime/abort';

const CALL_DONE: i32 = 0;
const CALL_SESSION: i32 = 1;

/** Room for `size` bytes that the host writes before it calls `session_answer`. */
export function core_allocate(size: u32): usize {
  return arenaAllocate(size);
}

export function function_count(): i32 {
  return functionCount();
}

/** Seven u32 that describe function `index`; see functions/registry.ts. */
export function function_describe(index: i32): usize {
  arenaReset();
  return describeFunction(index);
}

/** Serves one SQL function call. `nested` is 1 while another call is on the stack of this connection. */
export function call(index: i32, argument_count: i32, nested: i32): i32 {
  if (nested != 0) return callNested(index, argument_count);
  arenaReset();
  clearFailure();
  setMergingTable(null);
  const begun = dispatch(index, argument_count);
  if (hasFailed()) reportFailure();
  return begun ? CALL_SESSION : CALL_DONE;
}

/** A call from a trigger or function of the application while the core runs a statement. */
function callNested(index: i32, count: i32): i32 {
  const mark = arenaMark();
  const failedBefore = hasFailed();
  if (mayNest(index)) dispatch(index, count);
  else failWith('this function cannot be called while cloudsync is at work on this connection');
  if (hasFailed() && !failedBefore) {
    reportFailure();
    clearFailure();
  }
  arenaRelease(mark);
  return CALL_DONE;
}

/** What the network session wants next; see session/action.ts. */
export function session_next(): usize {
  arenaReset();
  clearFailure();
  const action = nextAction();
  if (hasFailed()) reportFailure();
  return action;
}

/**
 * What came of the HTTP exchange: the status (0 = the transport failed and the body is its message), seconds of
 * Retry-After or -1, 1 when the content type is ours, and the body in memory of core_allocate.
 */
export function session_answer(
  status: i32,
  retry_after_seconds: i32,
  kind: i32,
  body: usize,
  size: u32,
): void {
  clearFailure();
  takeAnswer(status, retry_after_seconds, kind, new Slice(body, size));
  if (!hasFailed()) return;
  reportFailure();
  abandonSession();
}
