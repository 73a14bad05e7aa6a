/**
 * scope-cursor.ts: the cursor of a principal whose reading is restricted: how far its device has read each of its
 * scopes. It is encrypted, not only signed: its numbers would tell how much goes on that the device must not see.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version, 3 |
 * | 12 | nonce of the encryption (AES-256-GCM; the key is derived from the database's secret) |
 * | .. | encrypted: the fields below, numbers as LEB128 |
 * | 16 | authentication tag, over the version too |
 *
 * | field | |
 * |---|---|
 * | 8 bytes, number | nonce of the commit at which the page was made, and its seq; see store/cursor.ts |
 * | 8 bytes | identity of the scope index |
 * | 2 numbers | how far the device's own list was read (pushed-rows.ts): batch, id |
 * | number | how many scopes follow |
 * | per scope | number (difference to the one before), state, and the numbers of that state |
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { foreignCursor, NONCE_BYTES } from '../store/cursor.js';
import type { SyncDatabase } from '../store/database.js';
import { INDEX_EPOCH_BYTES } from './layout.js';

/** A place in the reading order of a scope. */
export interface Place {
  seq: number;
  entry: number;
}

/**
 * How far a scope was read.
 * caughtUp: to its end, when the index was at `base`.
 * reading: from `base`, since the index was at `started`, up to `place`.
 * leaving: the principal has lost it; what the device may have had from it by `base` is taken back up to `place`. What
 * left the scope up to `told` was dealt with while it was read: the device does not have it, or never had.
 */
export type Progress =
  | { state: 'caughtUp'; base: number }
  | { state: 'reading'; base: number; started: number; place: Place }
  | { state: 'leaving'; base: number; told: number; place: Place };

export interface ScopeCursor {
  head: number;
  /** Of the commit that `head` belongs to. */
  nonce: Buffer;
  indexEpoch: Buffer;
  pushed: { batch: number; id: number };
  scopes: Map<number, Progress>;
}

const VERSION = 3;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** In the order of their numbers in a cursor. `caughtUpAtHead` is short for the state of nearly all scopes. */
const STATES = ['caughtUpAtHead', 'caughtUp', 'reading', 'leaving'] as const;

/** Whether the bytes have the form of a cursor of scopes. */
export function isScopeCursor(bytes: Uint8Array): boolean {
  return bytes[0] === VERSION;
}

export function encodeScopeCursor(database: SyncDatabase, cursor: ScopeCursor): Buffer {
  const numbers: number[] = [cursor.pushed.batch, cursor.pushed.id, cursor.scopes.size];
  let previous = 0;
  for (const [scope, progress] of [...cursor.scopes].sort(([left], [right]) => left - right)) {
    numbers.push(scope - previous, ...numbersOf(progress, cursor.head));
    previous = scope;
  }
  const plain = Buffer.concat([
    cursor.nonce,
    cursor.indexEpoch,
    Buffer.from([cursor.head, ...numbers].flatMap(varint)),
  ]);
  const iv = database.surroundings.randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(database), iv);
  cipher.setAAD(Buffer.from([VERSION]));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.from([VERSION]), iv, body, cipher.getAuthTag()]);
}

/** @throws SyncError bad_request when the database did not make it */
export function decodeScopeCursor(database: SyncDatabase, bytes: Uint8Array): ScopeCursor {
  const plain = decrypt(database, Buffer.from(bytes));
  const reader = new NumberReader(plain, NONCE_BYTES + INDEX_EPOCH_BYTES);
  const head = reader.next();
  const pushed = { batch: reader.next(), id: reader.next() };
  const scopes = new Map<number, Progress>();
  let scope = 0;
  for (let left = reader.next(); left > 0; left -= 1) {
    scope += reader.next();
    scopes.set(scope, readProgress(reader, head));
  }
  return {
    head,
    nonce: plain.subarray(0, NONCE_BYTES),
    indexEpoch: plain.subarray(NONCE_BYTES, NONCE_BYTES + INDEX_EPOCH_BYTES),
    pushed,
    scopes,
  };
}

function keyOf(database: SyncDatabase): Buffer {
  return createHmac('sha256', database.cursorSecret).update('cursor of scopes').digest();
}

function decrypt(database: SyncDatabase, bytes: Buffer): Buffer {
  if (bytes.length < 1 + IV_BYTES + TAG_BYTES) throw foreignCursor();
  const decipher = createDecipheriv('aes-256-gcm', keyOf(database), bytes.subarray(1, 1 + IV_BYTES));
  decipher.setAAD(bytes.subarray(0, 1)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = decipher.update(bytes.subarray(1 + IV_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    // There is one way for it to fail: the tag is not that of these bytes.
    throw foreignCursor();
  }
}

function numbersOf(progress: Progress, head: number): number[] {
  if (progress.state === 'caughtUp') {
    return progress.base === head
      ? [STATES.indexOf('caughtUpAtHead')]
      : [STATES.indexOf('caughtUp'), progress.base];
  }
  const { state, base, place } = progress;
  const second = state === 'reading' ? progress.started : progress.told;
  return [STATES.indexOf(state), base, second, place.seq, place.entry];
}

function readProgress(reader: NumberReader, head: number): Progress {
  const state = STATES[reader.next()];
  if (state === 'caughtUpAtHead') return { state: 'caughtUp', base: head };
  const base = reader.next();
  if (state === 'caughtUp') return { state, base };
  if (state === undefined) throw new Error('a cursor of ours holds an unknown state');
  const second = reader.next();
  const place = { seq: reader.next(), entry: reader.next() };
  return state === 'leaving' ? { state, base, told: second, place } : { state, base, started: second, place };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** Reads numbers from bytes of our own. */
class NumberReader {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  next(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes.readUInt8(this.#offset);
      this.#offset += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}
