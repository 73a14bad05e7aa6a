/**
 * machine.ts: the sync session as a state machine without I/O: `nextAction` says what to do, `takeAnswer` what came of
 * it. Time passes and requests are made only in the host.
 *
 *     REGISTER -> PUBLISH -> PUSH -> PULL -> WAIT -> DONE
 *
 * REGISTER and PUBLISH are skipped while the server knows our tables; PUSH repeats per batch, PULL per page, and after
 * a pull that brought something PUSH looks once more (a merge can cause local changes: cascades, revived rows), and
 * when it has sent some PULL does.
 *
 * Every loop that sends a request again, and what ends it:
 *     transient failure: the same request after a pause    at most retriesMax times in a row
 *     413: the batch halved                                 down to 1 KiB, then the error is reported
 *     507: pulled without pushing, then reported            once
 *     unknown_site, site_fork, gap, epoch_changed           at most RECOVERIES_MAX per session
 *     clock_ahead                                           the same, and only when there was something to stamp anew
 *     rows that come with the answer to a batch             what they cause is sent at most REPAIRS_MAX times
 *     next batch, next page: sent and cursor have moved     when there is nothing more; an answer that does not lead on
 *                                                           is an error
 *     pull and push in turn                                 when there is nothing to send, at most ROUNDS_MAX times
 *     wait                                                  when its time is over
 */
import { catalogExists, failWithoutCatalog } from '../catalog/schema';
import { rejectedCount } from '../catalog/rejected';
import { loadSites, ownSite } from '../catalog/sites';
import { settingBytes, settingInteger } from '../catalog/settings';
import { Slice } from '../bytes/slice';
import { random_bytes, result_text, secret_is_set, sql_autocommit } from '../host';
import { heldCount } from '../merge/held';
import { beginOperation, endOperation } from '../operation';
import { arenaAllocate } from '../runtime/arena';
import { failWith, hasFailed } from '../sql/failure';
import { Text } from '../sql/text';
import { doneAction, sleepAction } from './action';
import {
  changeIdentity,
  forgetSite,
  readPublication,
  readRegistration,
  startAgain,
  takeServerTime,
} from './answers';
import { acknowledgedBatch, endpoint, epochDigest } from './endpoint';
import { SERVER_FULL, ServerError } from './errors';
import { Batch, discardWaitingBatch, nextBatch, waitingBatch } from './outbox';
import { pageComplete, readPage } from './page';
import {
  publishRequest,
  pullRequest,
  pushRequest,
  registerRequest,
  tablesDigest,
  waitRequest,
} from './requests';
import {
  PHASE_DONE,
  PHASE_IDLE,
  PHASE_PUBLISH,
  PHASE_PULL,
  PHASE_PUSH,
  PHASE_REGISTER,
  PHASE_WAIT,
  RECOVERIES_MAX,
  REPAIRS_MAX,
  ROUNDS_MAX,
  session,
  startSession,
} from './state';
import { readPushAnswer } from './verdicts';

const BACKOFF_FIRST_MS: i32 = 500;
const BACKOFF_MAX_MS: i32 = 60000;
const BATCH_AIM_DEFAULT: u32 = 256 * 1024;
const BATCH_AIM_MIN: u32 = 1024;
const WAIT_SECONDS_MIN: i32 = 5;
const WAIT_SECONDS_MAX: i32 = 25;

/** Begins a session. False with a failure when it cannot. */
export function beginSession(pushing: bool, pulling: bool, waitMs: i32, retriesMax: i32): bool {
  if (sql_autocommit() == 0) {
    return failWith('synchronisation cannot run inside a transaction; COMMIT first');
  }
  if (!catalogExists()) return hasFailed() ? false : failWithoutCatalog();
  if (endpoint().size == 0) {
    return failWith("no server is set: call cloudsync_network_init('https://host/database') first");
  }
  if (secret_is_set() == 0) {
    return failWith(
      'no credential is set on this connection: call cloudsync_network_set_token() or cloudsync_network_set_apikey()',
    );
  }
  startSession(pushing, pulling, waitMs, retriesMax);
  session().batchAim = <u32>settingInteger('set.batch_bytes', BATCH_AIM_DEFAULT);
  return !hasFailed();
}

/** What to do now. A failure ends the session; the caller reports it. */
export function nextAction(): usize {
  const state = session();
  if (state.sleepMs > 0) {
    const pause = state.sleepMs;
    state.sleepMs = 0;
    return sleepAction(pause);
  }
  let action: usize = 0;
  while (action == 0 && !hasFailed()) {
    loadSites();
    rememberRequest();
    if (state.phase == PHASE_REGISTER) action = register();
    else if (state.phase == PHASE_PUBLISH) action = publishRequest();
    else if (state.phase == PHASE_PUSH) action = push();
    else if (state.phase == PHASE_PULL) action = pull();
    else if (state.phase == PHASE_WAIT) action = wait();
    else return state.phase == PHASE_DONE ? finish() : endSession();
  }
  return hasFailed() ? endSession() : action;
}

/** Notes what a request that is made now says, so that the answer can be judged by it. */
function rememberRequest(): void {
  const state = session();
  state.requestSite = ownSite();
  state.requestBatch = acknowledgedBatch();
  state.requestEpoch = epochDigest();
}

function endSession(): usize {
  abandonSession();
  return doneAction();
}

/** Ends the session after a failure that has been reported. */
export function abandonSession(): void {
  session().phase = PHASE_IDLE;
}

/** Registers when the server has not been told about our tables as they are now. */
function register(): usize {
  // New columns are noticed and the logs folded here, before the tables are described.
  if (!beginOperation() || !endOperation(true)) return 0;
  session().toldTables = tablesDigest();
  if (settingInteger('network.registered', 0) == session().toldTables && !hasFailed()) {
    session().phase = PHASE_PUSH;
    return 0;
  }
  return registerRequest();
}

function push(): usize {
  const state = session();
  state.receivedSincePush = 0;
  // A batch whose answer was lost is settled before anything else: the server compares batch numbers.
  if (!state.pushing && waitingBatch() == null) {
    state.phase = PHASE_PULL;
    return 0;
  }
  const batch: Batch | null = state.repairs > REPAIRS_MAX ? null : nextBatch(state.batchAim);
  if (batch != null) {
    state.pushedBatch = batch.number;
    state.mustPull = true;
    return pushRequest(batch.number, batch.packet);
  }
  if (!hasFailed()) state.phase = !state.pulling ? PHASE_DONE : state.mustPull ? PHASE_PULL : PHASE_WAIT;
  return 0;
}

function pull(): usize {
  if (session().pulling) return pullRequest();
  session().phase = PHASE_DONE;
  return 0;
}

function wait(): usize {
  const state = session();
  if (state.waitLeft <= 0 || state.receivedRows > 0) {
    state.phase = PHASE_DONE;
    return 0;
  }
  let seconds = (state.waitLeft + 999) / 1000;
  if (seconds > WAIT_SECONDS_MAX) seconds = WAIT_SECONDS_MAX;
  state.waitLeft -= seconds * 1000;
  return waitRequest(seconds);
}

/** Takes the outcome of an exchange: `status` 0 is a failure of the transport, whose words are the body. */
export function takeAnswer(status: i32, retryAfterSeconds: i32, kind: i32, body: Slice): void {
  loadSites();
  const state = session();
  if ((status == 200 && kind == 1) || (status == 204 && state.phase == PHASE_WAIT)) {
    state.attempt = 0;
    succeed(status, body);
  } else {
    recover(new ServerError(status, kind, body), retryAfterSeconds);
  }
}

function succeed(status: i32, body: Slice): void {
  const state = session();
  if (state.phase == PHASE_REGISTER) {
    if (readRegistration(body)) state.phase = state.mayPublish ? PHASE_PUBLISH : PHASE_REGISTER;
    countRecovery();
  } else if (state.phase == PHASE_PUBLISH) {
    if (readPublication(body)) state.phase = PHASE_PUSH;
  } else if (state.phase == PHASE_PUSH) {
    readPushAnswer(body);
  } else if (state.phase == PHASE_PULL) {
    if (readPage(body) && pageComplete) pulledAll();
  } else if (state.phase == PHASE_WAIT) {
    if (status == 200) state.phase = PHASE_PULL;
  }
}

/**
 * The device has everything that the server had. What it merged can have caused changes of its own; two sides that keep
 * causing changes in each other go on with the next session.
 */
function pulledAll(): void {
  const state = session();
  state.mustPull = false;
  const looksAgain = state.pushing && state.receivedSincePush > 0 && ++state.rounds <= ROUNDS_MAX;
  state.phase = looksAgain ? PHASE_PUSH : state.serverFull ? PHASE_DONE : PHASE_WAIT;
}

/** Registering twice in a row happens after a change of identity; a server that never agrees must not keep us busy. */
function countRecovery(): void {
  const state = session();
  if (++state.recoveries > RECOVERIES_MAX && !hasFailed()) {
    failWith('the server keeps asking to start over; look at its log');
  }
}

function recover(error: ServerError, retryAfterSeconds: i32): void {
  const state = session();
  // A database that was there and is gone is created again by a registration, where the credential may do so.
  const gone = error.status == 404 && error.code.is('no_database') && state.phase != PHASE_REGISTER;
  if (error.status == 409 && othersHaveMovedOn()) {
    state.phase = PHASE_REGISTER;
    return;
  }
  if (error.status == 409 || gone) {
    countRecovery();
    if (hasFailed()) return;
    state.phase = PHASE_REGISTER;
    state.mustPull = true;
    if (gone || error.code.is('unknown_site')) forgetSite();
    else if (error.code.is('site_fork')) changeIdentity();
    else if (error.code.is('gap') || error.code.is('epoch_changed')) startAgain();
    else error.report();
    return;
  }
  if (error.status == 413 && state.phase == PHASE_PUSH && state.batchAim > BATCH_AIM_MIN) {
    state.batchAim /= 2;
    discardWaitingBatch();
    return;
  }
  if (error.code.is('clock_ahead') && state.phase == PHASE_PUSH) {
    countRecovery();
    if (!hasFailed()) takeServerTime(error.extra);
    return;
  }
  if (error.isFull && state.phase == PHASE_PUSH && state.pulling) {
    pullOnly();
    return;
  }
  if (!error.isTransient || state.attempt >= state.retriesMax) {
    error.report();
    return;
  }
  state.sleepMs =
    retryAfterSeconds >= 0 ? min(retryAfterSeconds, BACKOFF_MAX_MS / 1000) * 1000 : backoff(state.attempt);
  state.attempt++;
}

/**
 * The server takes nothing more into its full database: the batch is given up, and made anew by a later session. What
 * others have written is received all the same; then the session fails with the reason.
 */
function pullOnly(): void {
  const state = session();
  if (!discardWaitingBatch()) return;
  state.pushing = false;
  state.serverFull = true;
  state.phase = PHASE_PULL;
}

/**
 * True when the server's objection is explained by another connection that synchronises the same file: then nothing is
 * wrong, and the session goes on from the state that the other one has left.
 */
function othersHaveMovedOn(): bool {
  const state = session();
  if (state.requestSite != ownSite() || state.requestBatch != acknowledgedBatch()) return true;
  // The other one has sent a batch and not yet recorded the answer: it is sent again, and answered as a repeat.
  return state.requestEpoch != epochDigest() || (state.phase == PHASE_PULL && waitingBatch() != null);
}

/** Full jitter: a random pause of up to 0.5 s, doubled with every try up to a minute. */
function backoff(attempt: i32): i32 {
  const doubled = attempt < 7 ? BACKOFF_FIRST_MS << attempt : BACKOFF_MAX_MS;
  const ceiling = doubled < BACKOFF_MAX_MS ? doubled : BACKOFF_MAX_MS;
  const random = arenaAllocate(4);
  random_bytes(random, 4);
  return 1 + <i32>(load<u32>(random) % <u32>ceiling);
}

function finish(): usize {
  const state = session();
  if (state.serverFull) {
    failWith(
      'everything was received, but not everything sent: ' +
        SERVER_FULL +
        '. Changes stay in the database and are sent later',
    );
    return endSession();
  }
  const json = new Text(256).add('{"sent":{"batches":').number(state.sentBatches);
  json.add('},"received":{"rows":').number(state.receivedRows).add('},"held":').number(heldCount());
  json.add(',"refused":').number(state.refusedRows).add(',"rejected":').number(rejectedCount());
  const missing = settingBytes('network.missing');
  if (missing.size > 0) json.add(',"missing":').json(missing);
  json.add('}');
  if (!hasFailed()) result_text(json.pointer, json.size);
  return endSession();
}
