/**
 * state.ts: the state of the network session that is running. Numbers only: the arena is emptied between two steps, and
 * everything that matters beyond the session is in the database.
 */

export const PHASE_IDLE: i32 = 0;
export const PHASE_REGISTER: i32 = 1;
export const PHASE_PUBLISH: i32 = 2;
export const PHASE_PUSH: i32 = 3;
export const PHASE_PULL: i32 = 4;
export const PHASE_WAIT: i32 = 5;
export const PHASE_DONE: i32 = 6;

/** How often one session may rewind, change identity or register again before it gives up. */
export const RECOVERIES_MAX: i32 = 4;

/** How often one session may look for changes of its own after it has received some of others. */
export const ROUNDS_MAX: i32 = 8;

/** How often one session lets the server take everything away. */
export const RESETS_MAX: i32 = 2;

/** After how many answers with rows in them one session still sends: a server may answer each batch with the next. */
export const REPAIRS_MAX: i32 = 100;

export class Session {
  phase: i32 = PHASE_IDLE;
  pushing: bool = false;
  pulling: bool = false;
  /** Milliseconds that the session may still wait for changes of others. */
  waitLeft: i32 = 0;
  retriesMax: i32 = 0;
  /** Failed tries of the exchange that is being made. */
  attempt: i32 = 0;
  /** Pause before the next exchange. */
  sleepMs: i32 = 0;
  recoveries: i32 = 0;
  /** Raw bytes that a batch aims at; halved when the server finds batches too large. */
  batchAim: u32 = 0;
  mayPublish: bool = false;
  /** The server has refused a batch because its database is full. */
  serverFull: bool = false;
  /** The server may have something that has not been asked for: true until a last page has come. */
  mustPull: bool = false;
  /** How often a last page has brought something. */
  rounds: i32 = 0;
  sentRows: i64 = 0;
  sentBatches: i64 = 0;
  receivedRows: i64 = 0;
  refusedRows: i64 = 0;
  /** How often the server has asked to forget everything. */
  resets: i32 = 0;
  /**
   * What the newest request said: own site, last acknowledged batch, digest of the epoch. When the database says
   * something else by the time of the answer, another connection has synchronised meanwhile.
   */
  requestSite: i32 = 0;
  requestBatch: i64 = 0;
  requestEpoch: i64 = 0;
  /** How often an answer to a batch has brought rows, and those may have to be sent. */
  repairs: i32 = 0;
  /** Number of the batch that was sent last. */
  pushedBatch: i64 = 0;
  /** Pages in a row that brought nothing. */
  emptyPages: i64 = 0;
  /** Digest of the tables that the newest registration describes. */
  toldTables: i64 = 0;
  /** Rows received since the last time that own changes were looked for. */
  receivedSincePush: i64 = 0;
}

/** Lives in static memory: it must survive the arena. */
const memoryOfSession = memory.data(offsetof<Session>() + 16, 16);

export function session(): Session {
  return changetype<Session>(memoryOfSession);
}

/** Starts a session with everything else at zero. */
export function startSession(pushing: bool, pulling: bool, waitMs: i32, retriesMax: i32): void {
  memory.fill(memoryOfSession, 0, offsetof<Session>());
  const state = session();
  state.phase = PHASE_REGISTER;
  state.pushing = pushing;
  state.pulling = pulling;
  state.mustPull = true;
  state.waitLeft = waitMs;
  state.retriesMax = retriesMax;
}
