/**
 * answers.ts: reads the answers of the server and does what they ask: records the registration, acknowledges a batch,
 * merges a page. Each in one transaction, together with the cursor or number that it moves.
 */
import { setBlob, setInteger, setText } from '../catalog/settings';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { ownSite } from '../catalog/sites';
import { beginPage } from '../merge/completion';
import { holdReport, WAITS_FOR_SERVER, withdrawServerReports } from '../merge/held';
import { mergeOne } from '../merge/payload_merge';
import { wakeAll } from '../merge/waiting';
import { beginOperation, endOperation, finishExchange, settleHeld, tables } from '../operation';
import { HEADER_SIZE } from '../packet/envelope';
import { PACKET_MAX } from '../packet/limits';
import { failWith, hasFailed } from '../sql/failure';
import { executeLiteral } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { takeNewIdentity } from './identity';
import {
  acknowledge,
  acknowledgedBatch,
  cursor,
  epoch,
  EPOCH_SIZE,
  forgetRegistration,
  rewind,
  setCursor,
} from './endpoint';
import { waitingBatch } from './outbox';
import { restampUnsent } from './restamp';
import { session } from './state';

const NAME_MAX: u32 = 1024;
const TABLES_MAX: u32 = 4096;
const CURSOR_MAX: u32 = 1024;
const VERDICTS_MAX: u32 = 100000;

/** Pages without a row, one after another, of which none is the last; a server of ours sends no such page at all. */
const EMPTY_PAGES_MAX: i64 = 100;

const FRAME_PUT: u64 = 1;
const FRAME_CURSOR: u64 = 5;

function badAnswer(): bool {
  return failWith(
    'the answer of the server cannot be understood; extension and server may be of different versions',
  );
}

/**
 * [epoch, last_batch, server_time_us, may_publish, packet_max, missing]. Compares the server's number of the last batch
 * with ours: more means that another copy of this database has sent, less that the server has lost batches.
 */
export function readRegistration(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  if (reader.array(6) != 6) reader.reject();
  const newEpoch = reader.binary(EPOCH_SIZE);
  const lastBatch = <i64>reader.unsigned(1 << 53);
  reader.unsigned(1 << 60);
  const mayPublish = reader.unsigned(1) == 1;
  reader.unsigned(1 << 40);
  const missing = new Text();
  const count = reader.array(TABLES_MAX);
  for (let i: u32 = 0; i < count && !reader.bad; i++) {
    if (i > 0) missing.add(', ');
    missing.bytes(reader.string(NAME_MAX));
  }
  if (reader.bad || reader.left != 0 || newEpoch.size != EPOCH_SIZE) return badAnswer();
  session().mayPublish = mayPublish && missing.size > 0;
  if (!beginOperation()) return false;
  return endOperation(acceptRegistration(newEpoch, lastBatch, missing.slice()));
}

function acceptRegistration(newEpoch: Slice, lastBatch: i64, missing: Slice): bool {
  const before = epoch();
  const ours = acknowledgedBatch();
  const state = session();
  if (state.requestSite != ownSite()) return true;
  // Another connection may have synchronised meanwhile; then what the server counted is not comparable.
  if (ours == state.requestBatch) {
    // The server does not know a new site yet, so with one this registration does not count.
    if (lastBatch > (waitingBatch() != null ? ours + 1 : ours)) return takeNewIdentity(tables);
    if (lastBatch < ours || (before.size > 0 && !before.equals(newEpoch))) return beginAnew();
  }
  // With tables to publish the server has been told only when it has answered to that too: until then a session that
  // breaks off leaves no trace, and the next one begins with the registration again.
  return (
    setBlob('network.epoch', newEpoch) && setMissing(missing) && (state.mayPublish || recordRegistration())
  );
}

function recordRegistration(): bool {
  return setInteger('network.registered', session().toldTables);
}

/** Records which tables the server lacks. When it has all of them, reports about rows that it refused are withdrawn. */
function setMissing(names: Slice): bool {
  return setText(sliceOf('network.missing'), names) && (names.size > 0 || withdrawServerReports());
}

/** Array of [name, outcome]; what was refused stays in network.missing. */
export function readPublication(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  const missing = new Text();
  const count = reader.array(TABLES_MAX);
  for (let i: u32 = 0; i < count && !reader.bad; i++) {
    if (reader.array(2) != 2) reader.reject();
    const name = reader.string(NAME_MAX);
    const outcome = reader.string(NAME_MAX);
    if (outcome.is('created') || outcome.is('altered') || outcome.is('unchanged')) continue;
    if (missing.size > 0) missing.add(', ');
    missing.bytes(name).add(' (').bytes(outcome).add(')');
  }
  if (reader.bad || reader.left != 0) return badAnswer();
  if (!beginOperation()) return false;
  return endOperation(setMissing(missing.slice()) && recordRegistration());
}

/** [batch, verdicts]. */
export function readPushAnswer(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  if (reader.array(2) != 2) reader.reject();
  const number = <i64>reader.unsigned(1 << 53);
  if (!beginOperation()) return false;
  const refused = readVerdicts(reader);
  if (reader.bad || reader.left != 0) badAnswer();
  // What was refused may be for want of a table or column that the server has lost since it was told.
  if (refused > 0) forgetRegistration();
  if (!endOperation(!hasFailed() && settle(number))) return false;
  session().sentBatches++;
  session().refusedRows += refused;
  return true;
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

/** Array of [table, key, code, detail]: each is reported in cloudsync_held; the device's own row stays as it is. */
function readVerdicts(reader: Reader): i64 {
  const count = reader.array(VERDICTS_MAX);
  for (let i: u32 = 0; i < count && !reader.bad; i++) {
    if (reader.array(4) != 4) reader.reject();
    const table = reader.string(NAME_MAX);
    const key = reader.binary(PACKET_MAX);
    const code = reader.string(NAME_MAX);
    const detail = reader.string(PACKET_MAX);
    if (reader.bad) break;
    const reason = new Text().add('the server did not accept the row (').bytes(code).add('): ').bytes(detail);
    holdReport(table, key, sliceOf(''), reason.slice(), WAITS_FOR_SERVER);
  }
  return count;
}

/** A page of frames: merges its packets and moves the cursor, in one transaction. Sets `pageComplete`. */
export function readPage(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  const count = reader.array(VERDICTS_MAX);
  pageComplete = false;
  if (count == 0) return badAnswer();
  if (!beginOperation()) return false;
  const lastOfSeveral = beginPage(isLastPage(body));
  let rows: i64 = 0;
  let ended = false;
  for (let i: u32 = 0; i < count && !reader.bad && !hasFailed() && !ended; i++) {
    const items = reader.array(16);
    const type = items > 0 ? reader.unsigned(255) : 0;
    if (type == FRAME_PUT && items == 2) {
      rows += mergePut(reader.binary(PACKET_MAX + HEADER_SIZE), reader.bad);
    } else if (type == FRAME_CURSOR && items == 3) {
      const position = reader.binary(CURSOR_MAX);
      pageComplete = reader.unsigned(1) == 1;
      ended = !reader.bad && leadsOn(position, rows) && setCursor(position);
    } else {
      failWith('the server sends a kind of change that this extension does not know; update the extension');
    }
  }
  if (!hasFailed() && (!ended || reader.bad || reader.left != 0)) badAnswer();
  if (!hasFailed() && lastOfSeveral) finishExchange();
  if (!endOperation(!hasFailed())) return false;
  session().receivedRows += rows;
  session().receivedSincePush += rows;
  return true;
}

/** A server whose pages lead nowhere would keep us asking for ever. */
function leadsOn(position: Slice, rows: i64): bool {
  const state = session();
  state.emptyPages = rows > 0 ? 0 : state.emptyPages + 1;
  if (pageComplete || (!position.equals(cursor()) && state.emptyPages <= EMPTY_PAGES_MAX)) return true;
  return failWith('the server announces more changes again and again and sends none; look at its log');
}

/** True when the page says that none follows. What is wrong with it is found out when it is merged. */
function isLastPage(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  for (let left = reader.array(VERDICTS_MAX); left > 0 && !reader.bad; left--) {
    const items = reader.array(16);
    if (reader.unsigned(255) == FRAME_CURSOR && items == 3) {
      reader.binary(CURSOR_MAX);
      return reader.unsigned(1) == 1;
    }
    reader.binary(PACKET_MAX + HEADER_SIZE);
  }
  return false;
}

/** The newest page was the last one. */
export let pageComplete: bool = false;

function mergePut(packet: Slice, bad: bool): i64 {
  if (bad) return 0;
  const rows = mergeOne(packet);
  return rows > 0 ? rows : 0;
}

/** Takes a new site id after the server has met another copy of this database. */
export function changeIdentity(): bool {
  return beginOperation() && endOperation(takeNewIdentity(tables));
}

/** The server does not know this site: it is told again. */
export function forgetSite(): bool {
  return beginOperation() && endOperation(forgetRegistration());
}

/** The server's time is far behind what this device has written: that is stamped anew and sent again. */
export function takeServerTime(microseconds: i64): bool {
  return beginOperation() && endOperation(restampAll(microseconds));
}

/** New stamps are other claims to unique values. */
function restampAll(serverTime: i64): bool {
  return (
    restampUnsent(tables, serverTime) &&
    executeLiteral('DELETE FROM main.cloudsync_outbox') &&
    wakeAll() &&
    settleHeld()
  );
}

/** The server has lost what it had. */
export function startAgain(): bool {
  return beginOperation() && endOperation(beginAnew());
}

/**
 * Sends and receives everything again, under a new site id: another copy of this database may have done so before
 * under the old one, and the server would take what that one sent for ours and never show it to us.
 */
function beginAnew(): bool {
  return takeNewIdentity(tables) && rewind();
}
