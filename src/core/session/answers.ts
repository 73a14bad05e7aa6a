/**
 * answers.ts: reads the answers of the server about this device and its tables, and does what they ask, each in one
 * transaction. What answers a batch is read in verdicts.ts, a page of changes in page.ts.
 */
import { setBlob, setInteger, setText } from '../catalog/settings';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { ownSite } from '../catalog/sites';
import { withdrawServerReports } from '../merge/held';
import { wakeAll } from '../merge/waiting';
import { beginOperation, endOperation, settleHeld, tables } from '../operation';
import { executeLiteral } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { takeNewIdentity } from './identity';
import { acknowledgedBatch, epoch, EPOCH_SIZE, forgetRegistration, rewind } from './endpoint';
import { badAnswer } from './errors';
import { waitingBatch } from './outbox';
import { restampUnsent } from './restamp';
import { session } from './state';

const NAME_MAX: u32 = 1024;
const TABLES_MAX: u32 = 4096;

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
