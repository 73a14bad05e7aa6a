/**
 * verdicts.ts: reads the answer to a batch: which of its rows the server did not accept as they are, and how it has
 * those that this device may see. The device gives its own version of them up, keeps the lost edits in
 * cloudsync_rejected and takes the server's; all in the transaction that acknowledges the batch.
 */
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { ownSite } from '../catalog/sites';
import { holdReport, WAITS_FOR_SERVER } from '../merge/held';
import { mergeOne } from '../merge/payload_merge';
import { beginOperation, endOperation } from '../operation';
import { HEADER_SIZE } from '../packet/envelope';
import { NAME_MAX, PACKET_MAX } from '../packet/limits';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sliceOf, Text } from '../sql/text';
import { acknowledge, acknowledgedBatch, forgetRegistration } from './endpoint';
import { badAnswer } from './errors';
import { ForgottenRows, settleForgotten } from './forgotten_rows';
import { nameOperations, newestRejected } from './rejections';
import { waitingBatch } from './outbox';
import { session } from './state';

const VERDICTS_MAX: u32 = 100000;

/** Rows that could not be merged there, and rows that the server did not accept. */
let held: i64 = 0;
let refused: i64 = 0;

/** [batch, verdicts] or [batch, verdicts, packet]. */
export function readPushAnswer(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  const items = reader.array(3);
  if (items < 2) reader.reject();
  const number = <i64>reader.unsigned(1 << 53);
  if (!beginOperation()) return false;
  held = 0;
  refused = 0;
  readVerdicts(reader, items == 3, isWaiting(number));
  // What was held may be for want of a table or column that the server has lost since it was told.
  if (held > 0) forgetRegistration();
  if (!endOperation(!hasFailed() && settle(number))) return false;
  session().sentBatches++;
  session().refusedRows += held + refused;
  return true;
}

/** False when another connection has taken the answer already: the rows are as the server wants them, or newer. */
function isWaiting(number: i64): bool {
  const batch = waitingBatch();
  return batch != null && batch.number == number && number == session().pushedBatch;
}

/**
 * Records that the server has the batch, unless another connection that sent it too has done so already. A server that
 * acknowledges another batch than the one that was sent would have us send it for ever.
 */
function settle(number: i64): bool {
  if (number != session().pushedBatch) return badAnswer();
  const batch = waitingBatch();
  if (batch != null && batch.number == number) return acknowledge(batch.number, batch.since, batch.upto);
  return session().requestSite != ownSite() || number <= acknowledgedBatch() || badAnswer();
}

/** The verdicts and, `withPacket`, the packet behind them. They change rows only when the answer is `awaited`. */
function readVerdicts(reader: Reader, withPacket: bool, awaited: bool): void {
  const count = reader.array(VERDICTS_MAX);
  const newest = count > 0 ? newestRejected() : 0;
  const forgotten = count > 0 ? takeVerdicts(reader, count, awaited) : 0;
  if (hasFailed()) return;
  const packet = withPacket ? reader.binary(PACKET_MAX + HEADER_SIZE) : new Slice(0, 0);
  if (reader.bad || reader.left != 0) {
    badAnswer();
    return;
  }
  if (awaited && packet.size > 0 && mergeOne(packet) > 0) session().repairs++;
  if (!hasFailed() && settleForgotten(forgotten) && count > 0) nameOperations(newest);
}

/** Returns how many rows this device has given up. */
function takeVerdicts(reader: Reader, count: u32, awaited: bool): i64 {
  const rows = new ForgottenRows();
  const mark = arenaMark();
  for (let i: u32 = 0; i < count && !reader.bad && !hasFailed(); i++) {
    readVerdict(reader, rows, awaited);
    arenaRelease(mark);
  }
  rows.close();
  return rows.count;
}

/** [table, key, code, detail] */
function readVerdict(reader: Reader, rows: ForgottenRows, awaited: bool): void {
  if (reader.array(4) != 4) reader.reject();
  const table = reader.string(NAME_MAX);
  const key = reader.binary(PACKET_MAX);
  const code = reader.string(NAME_MAX);
  const detail = reader.string(PACKET_MAX);
  if (reader.bad) return;
  if (code.is('gone')) {
    if (awaited) rows.leaveAccepted(table, key);
  } else if (code.is('denied') || code.is('constraint') || code.is('clock')) {
    if (awaited) rows.refuse(table, key, code, detail);
    refused++;
  } else {
    // The row itself stays as it is.
    const reason = new Text().add('the server did not accept the row (').bytes(code).add('): ').bytes(detail);
    holdReport(table, key, sliceOf(''), reason.slice(), WAITS_FOR_SERVER);
    held++;
  }
}
