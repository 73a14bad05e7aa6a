/**
 * messages.ts: the bodies of requests and answers, as docs/PROTOCOL.md section 3 lays them out. Reading
 * checks everything that can be checked without a database.
 */
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { MessageReader } from '../msgpack/reader.js';
import { MessageWriter } from '../msgpack/writer.js';
import type { Operations, TableDefinition, TableShape } from '../store/store.js';

export const MEDIA_TYPE = 'application/vnd.cloudsync+msgpack';

/** The name of a request, in what it accepts. */
const REQUEST_NAME = /;\s*request=([0-9a-f]{1,32})(?![^\s;,])/i;
const SITE_BYTES = 16;
const EPOCH_BYTES = 16;
/** The checksum of a packet; empty when the device has sent none. */
const MARK_BYTES = 8;
const NO_MARK = new Uint8Array(0);
/** Numbers of row algorithms fit into this; which of them exist is the store's business. */
const ALGORITHM_MAX = 255;

/** Types of the frames of a pull answer that this server sends. */
const FRAME_PUT = 1;
const FRAME_UNTAG = 2;
const FRAME_RESET = 4;
const FRAME_CURSOR = 5;

/**
 * The type of an answer to a request that accepts this: it repeats the request's name, so that a device does not take
 * an answer for another one (an old one, or one that a proxy mixed up).
 */
export function answerType(accept: string | undefined): string {
  const [, name] = REQUEST_NAME.exec(accept ?? '') ?? [];
  return name === undefined ? MEDIA_TYPE : `${MEDIA_TYPE};request=${name}`;
}

export function readRegister(body: Uint8Array): Operations['register']['input'] {
  const reader = new MessageReader(body);
  reader.tuple('registration', 2);
  const site = reader.fixedBinary('site', SITE_BYTES);
  const tables: TableShape[] = [];
  for (let left = reader.array('tables', LIMITS.tables); left > 0; left -= 1) {
    reader.tuple('table', 3);
    const name = reader.text('table name', LIMITS.nameBytes);
    const algorithm = reader.unsigned('algorithm', ALGORITHM_MAX);
    const columns: string[] = [];
    for (let count = reader.array('columns', LIMITS.columnsPerTable); count > 0; count -= 1) {
      columns.push(reader.text('column name', LIMITS.nameBytes));
    }
    tables.push({ name, algorithm, columns });
  }
  reader.end('registration');
  return { site, tables };
}

/**
 * @param mayPublish whether the asking key may publish table definitions
 * @param packetMax largest packet that this server takes, in bytes
 * @param now the server's time, in milliseconds since 1970
 */
export function writeRegister(
  result: Operations['register']['result'],
  mayPublish: boolean,
  packetMax: number,
  now: number,
): Buffer {
  const writer = new MessageWriter()
    .array(6)
    .binary(result.epoch)
    .unsigned(result.lastBatch)
    .unsigned(now * 1000)
    .unsigned(mayPublish ? 1 : 0)
    .unsigned(packetMax)
    .array(result.missing.length);
  for (const name of result.missing) writer.text(name);
  return writer.finish();
}

export function readSchema(body: Uint8Array): Operations['schema']['input'] {
  const reader = new MessageReader(body);
  reader.tuple('schema', 2);
  const site = reader.fixedBinary('site', SITE_BYTES);
  const definitions: TableDefinition[] = [];
  for (let left = reader.array('definitions', LIMITS.tables); left > 0; left -= 1) {
    reader.tuple('definition', 3);
    definitions.push({
      name: reader.text('table name', LIMITS.nameBytes),
      algorithm: reader.unsigned('algorithm', ALGORITHM_MAX),
      sql: reader.text('CREATE TABLE text', LIMITS.definitionBytes),
    });
  }
  reader.end('schema');
  return { site, definitions };
}

export function writeSchema(result: Operations['schema']['result']): Buffer {
  const writer = new MessageWriter().array(result.length);
  for (const { name, outcome } of result) writer.array(2).text(name).text(outcome);
  return writer.finish();
}

/**
 * @param packetMax largest packet that this server takes, in bytes
 * @param idempotencyKey the request's Idempotency-Key header; when given it must fit the body
 * @throws SyncError packet_too_large, bad_request
 */
export function readPush(
  body: Uint8Array,
  packetMax: number,
  idempotencyKey: string | undefined,
): Operations['push']['input'] {
  const reader = new MessageReader(body);
  const isMarked = reader.tupleWithOption('push', 4);
  const site = reader.fixedBinary('site', SITE_BYTES);
  const epoch = reader.fixedBinary('epoch', EPOCH_BYTES);
  const batch = reader.unsigned('batch');
  if (batch === 0) throw new SyncError('bad_request', 'request body, batch: 0; batches are counted from 1');
  const packet = reader.binary('packet', body.length);
  const mark = isMarked ? reader.binary('mark', MARK_BYTES) : NO_MARK;
  reader.end('push');
  if (packet.length > packetMax) throw packetTooLarge(packetMax);
  const expected = `${Buffer.from(site).toString('hex')}:${batch}`;
  if (idempotencyKey !== undefined && idempotencyKey !== expected) {
    throw new SyncError(
      'bad_request',
      `the header Idempotency-Key does not fit the body, which says ${expected}`,
    );
  }
  return { site, epoch, batch, packet, mark };
}

export function packetTooLarge(packetMax: number): SyncError {
  return new SyncError(
    'packet_too_large',
    `a packet may have at most ${packetMax} bytes; send smaller ones`,
    packetMax,
  );
}

export function readPull(body: Uint8Array): Operations['pull']['input'] {
  const reader = new MessageReader(body);
  const isMarked = reader.tupleWithOption('pull', 5);
  const input = {
    site: reader.fixedBinary('site', SITE_BYTES),
    epoch: reader.fixedBinary('epoch', EPOCH_BYTES),
    lastBatch: reader.unsigned('last batch'),
    cursor: reader.binary('cursor', LIMITS.cursorBytes),
    maxBytes: reader.unsigned('max bytes'),
    mark: isMarked ? reader.binary('mark', MARK_BYTES) : NO_MARK,
  };
  reader.end('pull');
  return input;
}

export function writePull(result: Operations['pull']['result']): Buffer {
  const { reset, forgotten, packets } = result;
  const frames = (reset ? 1 : 0) + (forgotten.length > 0 ? 1 : 0) + packets.length + 1;
  const writer = new MessageWriter().array(frames);
  if (reset) writer.array(1).unsigned(FRAME_RESET);
  if (forgotten.length > 0) writer.array(2).unsigned(FRAME_UNTAG).encoded(forgotten);
  for (const packet of packets) writer.array(2).unsigned(FRAME_PUT).binary(packet);
  writer
    .array(3)
    .unsigned(FRAME_CURSOR)
    .binary(result.cursor)
    .unsigned(result.complete ? 1 : 0);
  return writer.finish();
}

/** The answer of a wait that was woken. */
export function writeWait(): Buffer {
  return new MessageWriter().array(1).unsigned(1).finish();
}

/**
 * Reads the query of a wait: `site` (32 hex digits) and `since` (a cursor in hex, empty = from the start).
 */
export function readWaitQuery(query: Record<string, unknown>): Operations['peek']['input'] {
  const site = readSite(query);
  const cursor = readHex('since', query.since);
  if (cursor.length > LIMITS.cursorBytesInUrl) {
    throw new SyncError(
      'bad_request',
      `query, since: at most ${LIMITS.cursorBytesInUrl * 2} hex digits are allowed; send it by POST`,
    );
  }
  return { site, cursor };
}

/** Reads the body of a wait whose cursor is too long for a query. */
export function readWaitBody(body: Uint8Array): Operations['peek']['input'] & { seconds: number } {
  const reader = new MessageReader(body);
  reader.tuple('wait', 3);
  const site = reader.fixedBinary('site', SITE_BYTES);
  const cursor = reader.binary('cursor', LIMITS.cursorBytes);
  const seconds = clampSeconds(reader.unsigned('seconds'));
  reader.end('wait');
  return { site, cursor, seconds };
}

/**
 * The site that a request names, in hex; undefined when it names none. Every body begins with it, and every query of a
 * GET has it, so it can be read before the rest is.
 */
export function askingSite(body: unknown, query: Record<string, unknown>): string | undefined {
  const { site } = query;
  if (typeof site === 'string') return site.length === SITE_BYTES * 2 ? site.toLowerCase() : undefined;
  if (!(body instanceof Uint8Array) || body[1] !== 0xc4 || body[2] !== SITE_BYTES) return undefined;
  return Buffer.from(body.subarray(3, 3 + SITE_BYTES)).toString('hex');
}

/** Reads `Prefer: wait=seconds` (RFC 7240), clamped to the limits. */
export function readWaitSeconds(prefer: string | undefined): number {
  const [, seconds] = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?/i.exec(prefer ?? '') ?? [];
  if (seconds === undefined) return LIMITS.waitSecondsDefault;
  return clampSeconds(Number(seconds));
}

function clampSeconds(seconds: number): number {
  return Math.min(Math.max(seconds, LIMITS.waitSecondsMin), LIMITS.waitSecondsMax);
}

/** Reads `site` of a query: 32 hex digits. */
export function readSite(query: Record<string, unknown>): Buffer {
  const site = readHex('site', query.site);
  if (site.length !== SITE_BYTES)
    throw new SyncError('bad_request', 'query, site: 32 hex digits are expected');
  return site;
}

function readHex(what: string, text: unknown): Buffer {
  if (typeof text !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(text)) {
    throw new SyncError('bad_request', `query, ${what}: hex digits in pairs are expected`);
  }
  return Buffer.from(text, 'hex');
}
