/**
 * action.ts: what the host is to do next: an HTTP exchange, a pause, or nothing more. Eleven u32 in the arena, valid
 * until the next call of session_next:
 *
 *     kind, method (0 GET, 1 POST), url, its size, headers, their size, body, its size, timeout_ms, response_max,
 *     sleep_ms
 *
 * The host adds the credential to the request; the core never sees it. The first header line is the type of answer that
 * is accepted, with a name that was drawn for this request: an answer whose type has another name is none.
 */
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { random_bytes } from '../host';
import { arenaAllocate } from '../runtime/arena';
import { Text } from '../sql/text';

const ACTION_DONE: u32 = 0;
const ACTION_HTTP: u32 = 1;
const ACTION_SLEEP: u32 = 2;
const ACTION_SIZE: usize = 44;

/** Largest answer that the core takes: a page with one packet of the largest size, and its frames. */
export const RESPONSE_MAX: u32 = 24 * 1024 * 1024;

const EXCHANGE_TIMEOUT_MS: u32 = 60000;
const REQUEST_NAME_SIZE: u32 = 8;

function newAction(kind: u32): usize {
  const action = arenaAllocate(ACTION_SIZE);
  memory.fill(action, 0, ACTION_SIZE);
  store<u32>(action, kind);
  return action;
}

export function doneAction(): usize {
  return newAction(ACTION_DONE);
}

export function sleepAction(milliseconds: i32): usize {
  const action = newAction(ACTION_SLEEP);
  store<u32>(action + 40, <u32>milliseconds);
  return action;
}

/** An exchange; without a body it is a GET. `extraWaitMs` is what the server may wait before it answers. */
export function httpAction(
  url: Slice,
  body: Writer | null,
  extraHeaders: Text | null,
  extraWaitMs: u32,
): usize {
  const action = newAction(ACTION_HTTP);
  const headers = new Text(256).add('Accept: application/vnd.cloudsync+msgpack;request=');
  const name = arenaAllocate(REQUEST_NAME_SIZE);
  random_bytes(name, REQUEST_NAME_SIZE);
  headers.hex(name, REQUEST_NAME_SIZE).add('\r\nCloudsync-Protocol: 1\r\n');
  if (body != null) headers.add('Content-Type: application/vnd.cloudsync+msgpack\r\n');
  if (extraHeaders != null) headers.bytes(extraHeaders.slice());
  store<u32>(action + 4, body == null ? 0 : 1);
  store<u32>(action + 8, <u32>url.pointer);
  store<u32>(action + 12, url.size);
  store<u32>(action + 16, <u32>headers.pointer);
  store<u32>(action + 20, headers.size);
  if (body != null) {
    store<u32>(action + 24, <u32>body.start);
    store<u32>(action + 28, body.size);
  }
  store<u32>(action + 32, EXCHANGE_TIMEOUT_MS + extraWaitMs);
  store<u32>(action + 36, RESPONSE_MAX);
  return action;
}
