/**
 * index.ts: a core whose only purpose is to be fuzzed: it exports the readers of bytes that come from elsewhere, each
 * as a function over a piece of memory. It is compiled with the options of the real core, from the same sources; only
 * test/fuzz/decoder stands behind its imports in place of SQLite.
 *
 * `fuzz_run` says REFUSED or ACCEPTED; BROKEN means that something that was accepted did not survive being written and
 * read again. A trap is a failure too.
 */
import { Reader } from '../../../src/core/bytes/reader';
import { Slice } from '../../../src/core/bytes/slice';
import { xxh64 } from '../../../src/core/bytes/xxh64';
import { FORMAT } from '../../../src/core/catalog/schema';
import { loadSites } from '../../../src/core/catalog/sites';
import { HEADER_SIZE, seal, unseal } from '../../../src/core/packet/envelope';
import { arenaAllocate, arenaReset } from '../../../src/core/runtime/arena';
import { clearFailure } from '../../../src/core/sql/failure';
import { ServerError } from '../../../src/core/session/errors';
import { runChanges, runDeletedStamps } from './changes';
import { runAnswer } from './answers';
import { ACCEPTED, BROKEN, REFUSED } from './outcome';
import { runLz4, runValues, runVarints } from './pieces';
import { runRows } from './rows';

export { abort_column, abort_file, abort_line, abort_reason } from '../../../src/core/runtime/abort';

/** The readers; test/fuzz/decoder/targets.c has their names in the same order. */
enum Target {
  packet,
  body,
  values,
  varints,
  lz4,
  changes,
  deletedStamps,
  serverError,
  registration,
  publication,
  pushAnswer,
  page,
  count,
}

/** What a packet begins with, as envelope.ts has it. */
const MAGIC: u32 = 0x01505343;

export function fuzz_target_count(): i32 {
  return Target.count;
}

/** What a database says that this core knows. */
export function fuzz_format(): i32 {
  return <i32>FORMAT;
}

/** Room for an input; everything of the run before is gone. */
export function fuzz_input(size: u32): usize {
  arenaReset();
  clearFailure();
  return arenaAllocate(size);
}

/** Makes sizes and checksum of a packet fit its bytes, so that a mutation comes further than the header. */
function fixPacket(pointer: usize, size: u32): void {
  const stored = size - HEADER_SIZE;
  store<u32>(pointer + 12, stored);
  if ((load<u8>(pointer + 4) & 1) == 0) store<u32>(pointer + 8, stored);
  fixChecksum(pointer, stored);
}

function fixChecksum(pointer: usize, stored: u32): void {
  store<u64>(pointer + 16, xxh64(pointer + HEADER_SIZE, stored, load<u64>(pointer + 8)));
}

/** Makes the checksums of an input fit: of a packet, and of the packets within an answer. */
export function fuzz_fix(target: i32, pointer: usize, size: u32): void {
  if (size <= HEADER_SIZE) return;
  if (target == Target.packet) return fixPacket(pointer, size);
  for (let at: u32 = 0; at < size - HEADER_SIZE; at++) {
    if (load<u32>(pointer + at) != MAGIC) continue;
    const stored = load<u32>(pointer + at + 12);
    if (stored <= size - at - HEADER_SIZE) fixChecksum(pointer + at, stored);
  }
}

export function fuzz_run(target: i32, pointer: usize, size: u32): i32 {
  loadSites();
  const input = new Slice(pointer, size);
  switch (target) {
    case Target.packet: return runPacket(input);
    case Target.body: return runBody(input);
    case Target.values: return runValues(input);
    case Target.varints: return runVarints(input);
    case Target.lz4: return runLz4(input);
    case Target.changes: return runChanges(input);
    case Target.deletedStamps: return runDeletedStamps(input);
    case Target.serverError: return runServerError(input);
    default: return runAnswer(target - Target.registration, input);
  }
}

function runPacket(input: Slice): i32 {
  const body = unseal(input);
  return body == null ? REFUSED : runRows(body);
}

/** The rows of a body that needs no envelope; and the envelope around it must give it back. */
function runBody(input: Slice): i32 {
  if (input.size == 0) return REFUSED;
  const outcome = runRows(input);
  if (outcome != ACCEPTED) return outcome;
  const again = unseal(seal(input));
  return again != null && again.equals(input) ? ACCEPTED : BROKEN;
}

/** The status is in the first byte, the rest is the body. */
function runServerError(input: Slice): i32 {
  const reader = new Reader(input.pointer, input.pointer + input.size);
  const status = reader.take(1);
  if (reader.bad) return REFUSED;
  const body = new Slice(reader.position, reader.left);
  const error = new ServerError(<i32>load<u8>(status) * 2, 1, body);
  error.report();
  return error.code.size > 0 ? ACCEPTED : REFUSED;
}
