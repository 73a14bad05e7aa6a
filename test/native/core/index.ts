/**
 * index.ts: a stand-in for the core that misbehaves on demand. The test of the shim's guard compiles it the way
 * the real core is compiled, links it with the shim and calls its functions from SQL (test/native/guard.test.ts).
 */
import * as host from '../../../src/core/host';
import { abortOutOfMemory } from '../../../src/core/runtime/abort';
import { arenaAllocate } from '../../../src/core/runtime/arena';

export { abort_column, abort_file, abort_line, abort_reason } from '../../../src/core/runtime/abort';

enum Function {
  version,
  bounds,
  unreachable,
  divide,
  overflow,
  stack,
  memory,
  assertion,
  pointer,
  statement,
  run,
  trapAfter,
  append,
  fetch,
  secret,
  grow,
  nested,
  sleep,
  echo,
  count,
}

const description: usize = memory.data(28);
const action: usize = memory.data(44);
let isAnswered: bool = false;

class FunctionEntry {
  constructor(
    public name: string,
    public minimum: i32,
    public maximum: i32,
    public flags: i32,
  ) {}
}

function entryOf(index: i32): FunctionEntry {
  switch (index) {
    case Function.version: return new FunctionEntry('cloudsync_version', 0, 0, 2);
    case Function.bounds: return new FunctionEntry('trap_bounds', 0, 0, 1);
    case Function.unreachable: return new FunctionEntry('trap_unreachable', 0, 0, 0);
    case Function.divide: return new FunctionEntry('trap_divide', 1, 1, 0);
    case Function.overflow: return new FunctionEntry('trap_overflow', 1, 1, 0);
    case Function.stack: return new FunctionEntry('trap_stack', 1, 1, 0);
    case Function.memory: return new FunctionEntry('trap_memory', 0, 0, 0);
    case Function.assertion: return new FunctionEntry('trap_assertion', 0, 0, 0);
    case Function.pointer: return new FunctionEntry('bad_pointer', 0, 0, 0);
    case Function.statement: return new FunctionEntry('bad_statement', 0, 0, 0);
    case Function.run: return new FunctionEntry('run', 1, 1, 0);
    case Function.trapAfter: return new FunctionEntry('trap_after', 1, 1, 1);
    case Function.append: return new FunctionEntry('append', 2, 2, 0);
    case Function.fetch: return new FunctionEntry('fetch', 4, 6, 0);
    case Function.secret: return new FunctionEntry('secret', 2, 2, 0);
    case Function.grow: return new FunctionEntry('grow', 1, 1, 0);
    case Function.nested: return new FunctionEntry('nested', 0, 0, 0);
    case Function.sleep: return new FunctionEntry('sleep', 1, 1, 0);
    default: return new FunctionEntry('echo', 1, 1, 4);
  }
}

export function core_allocate(size: u32): usize {
  return arenaAllocate(size);
}

export function function_count(): i32 {
  return Function.count;
}

export function function_describe(index: i32): usize {
  const entry = entryOf(index);
  const name = String.UTF8.encode(entry.name);
  store<usize>(description, changetype<usize>(name));
  store<u32>(description, name.byteLength, 4);
  store<i32>(description, entry.minimum, 8);
  store<i32>(description, entry.maximum, 12);
  store<u32>(description, entry.flags, 16);
  store<usize>(description, changetype<usize>(name), 20);
  store<u32>(description, name.byteLength, 24);
  return description;
}

function argumentBytes(index: i32): ArrayBuffer {
  const bytes = new ArrayBuffer(host.argument_size(index));
  host.argument_copy(index, 0, changetype<usize>(bytes), bytes.byteLength);
  return bytes;
}

function resultText(text: string): void {
  const bytes = String.UTF8.encode(text);
  host.result_text(changetype<usize>(bytes), bytes.byteLength);
}

/** Runs one statement and leaves it open, as a careless core would; returns the first integer of its last row. */
function run(sql: ArrayBuffer): i64 {
  const statement = host.sql_prepare(changetype<usize>(sql), sql.byteLength);
  if (statement <= 0) return statement;
  let value: i64 = 0;
  let code = host.sql_step(statement);
  while (code == 100) {
    value = host.sql_column_integer(statement, 0);
    code = host.sql_step(statement);
  }
  return code == 101 ? value : -code;
}

function recurse(depth: i64): i64 {
  return depth == 0 ? 0 : 1 + recurse(depth - 1) * (depth & 1);
}

/** Opens a savepoint, switches triggers off, runs SQL, leaves a file open and traps in the middle of it all. */
function trapAfter(): void {
  run(String.UTF8.encode('SAVEPOINT cloudsync'));
  host.sql_triggers(0);
  run(argumentBytes(0));
  unreachable();
}

function append(): void {
  const bytes = argumentBytes(1);
  for (let round = host.argument_integer(0); round > 0; round--) {
    const code = host.result_append(changetype<usize>(bytes), bytes.byteLength);
    if (code != 0) {
      const text = String.UTF8.encode('append: ' + code.toString());
      host.result_error(code, changetype<usize>(text), text.byteLength);
      return;
    }
  }
}

/** fetch(method, url, headers, body[, timeout_ms[, response_max]]) */
function beginFetch(count: i32): void {
  const url = argumentBytes(1);
  const headers = argumentBytes(2);
  const body = argumentBytes(3);
  store<u32>(action, 1);
  store<u32>(action, <u32>host.argument_integer(0), 4);
  store<usize>(action, changetype<usize>(url), 8);
  store<u32>(action, url.byteLength, 12);
  store<usize>(action, changetype<usize>(headers), 16);
  store<u32>(action, headers.byteLength, 20);
  store<usize>(action, changetype<usize>(body), 24);
  store<u32>(action, body.byteLength, 28);
  store<u32>(action, count > 4 ? <u32>host.argument_integer(4) : 5000, 32);
  store<u32>(action, count > 5 ? <u32>host.argument_integer(5) : 1 << 20, 36);
  isAnswered = false;
}

export function session_next(): usize {
  if (isAnswered) store<u32>(action, 0);
  return action;
}

export function session_answer(status: i32, retryAfter: i32, kind: i32, body: usize, size: u32): void {
  isAnswered = true;
  const head = status.toString() + '|' + retryAfter.toString() + '|' + kind.toString() + '|';
  resultText(head + String.UTF8.decodeUnsafe(body, size));
}

function echo(): void {
  const type = host.argument_type(0);
  const bytes = argumentBytes(0);
  if (type == 1) host.result_integer(host.argument_integer(0));
  else if (type == 2) resultText(reinterpret<f64>(host.argument_real(0)).toString());
  else if (type == 3) host.result_text(changetype<usize>(bytes), bytes.byteLength);
  else if (type == 4) host.result_blob(changetype<usize>(bytes), bytes.byteLength);
  else host.result_null();
}

function misbehave(index: i32): void {
  switch (index) {
    case Function.bounds: host.result_integer(load<u32>(0xfffffff0)); break;
    case Function.unreachable: unreachable(); break;
    case Function.divide: host.result_integer(10 / host.argument_integer(0)); break;
    case Function.overflow: host.result_integer(i64.MIN_VALUE / host.argument_integer(0)); break;
    case Function.stack: host.result_integer(recurse(host.argument_integer(0))); break;
    case Function.memory: while (memory.grow(64) >= 0) {} abortOutOfMemory(); break;
    case Function.assertion: assert(host.sql_autocommit() == 99); break;
    case Function.pointer: host.result_text(0xfffffff0, 100); break;
    case Function.statement: host.result_integer(host.sql_step(99)); break;
    default: trapAfter();
  }
}

export function call(index: i32, count: i32, nested: i32): i32 {
  switch (index) {
    case Function.version: resultText('stand-in'); break;
    case Function.run: host.result_integer(run(argumentBytes(0))); break;
    case Function.append: append(); break;
    case Function.fetch: beginFetch(count); return 1;
    case Function.secret: {
      const bytes = argumentBytes(1);
      host.secret_set(<i32>host.argument_integer(0), changetype<usize>(bytes), bytes.byteLength);
      host.result_integer(host.secret_is_set());
      break;
    }
    case Function.grow: host.result_integer(memory.grow(<i32>host.argument_integer(0))); break;
    case Function.nested: host.result_integer(nested); break;
    case Function.sleep: host.sleep_milliseconds(<i32>host.argument_integer(0)); break;
    case Function.echo: echo(); break;
    default: misbehave(index);
  }
  return 0;
}
