/**
 * cursor.ts: cursors are opaque to clients, and worthless to anyone who changes a bit.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version, 2 |
 * | 8 | since, little endian: the device has every change up to this `seq`, wherever its row stands now |
 * | 8 | position, little endian: the device has read every row up to this `seq` |
 * | 8 | nonce of the commit that produced position (zero at position 0) |
 * | 16 | first half of HMAC-SHA-256 over the above with the database's own secret |
 *
 * A device that receives page after page began at `since`, which stays until a page is the last one; then both
 * numbers are the end of the feed. So a row that moved to the end while the device was reading brings its older
 * columns along: `position` alone would not tell whether the device has them.
 *
 * The nonce detects a server file that was restored from an older copy: there the same `seq` was, or will be,
 * given to other changes by a commit with another nonce.
 *
 * Version 1 had no since. Which columns its device may have missed cannot be told, so it begins again at the start.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SyncError } from '../errors.js';

const VERSION = 2;
const SIGNED_BYTES = 25;
const FORMER_VERSION = 1;
const FORMER_SIGNED_BYTES = 17;
const TAG_BYTES = 16;
export const NONCE_BYTES = 8;

export interface Cursor {
  since: number;
  position: number;
  nonce: Buffer;
}

const START: Cursor = { since: 0, position: 0, nonce: Buffer.alloc(NONCE_BYTES) };

export function encodeCursor(cursor: Cursor, secret: Buffer): Buffer {
  const bytes = Buffer.alloc(SIGNED_BYTES + TAG_BYTES);
  bytes[0] = VERSION;
  bytes.writeBigUInt64LE(BigInt(cursor.since), 1);
  bytes.writeBigUInt64LE(BigInt(cursor.position), 9);
  cursor.nonce.copy(bytes, 17);
  authenticationTag(bytes.subarray(0, SIGNED_BYTES), secret).copy(bytes, SIGNED_BYTES);
  return bytes;
}

/**
 * Reads a cursor that this database made; the empty cursor is the start.
 *
 * @throws SyncError bad_request when the database did not make it
 */
export function decodeCursor(bytes: Uint8Array, secret: Buffer): Cursor {
  if (bytes.length === 0) return START;
  const buffer = Buffer.from(bytes);
  if (isSigned(buffer, FORMER_VERSION, FORMER_SIGNED_BYTES, secret)) return START;
  if (!isSigned(buffer, VERSION, SIGNED_BYTES, secret)) throw foreignCursor();
  return {
    since: Number(buffer.readBigUInt64LE(1)),
    position: Number(buffer.readBigUInt64LE(9)),
    nonce: buffer.subarray(17, SIGNED_BYTES),
  };
}

export function foreignCursor(): SyncError {
  return new SyncError(
    'bad_request',
    'cursor: this database did not make it; pull from the start (empty cursor)',
  );
}

function isSigned(cursor: Buffer, version: number, signedBytes: number, secret: Buffer): boolean {
  return (
    cursor.length === signedBytes + TAG_BYTES &&
    cursor[0] === version &&
    timingSafeEqual(cursor.subarray(signedBytes), authenticationTag(cursor.subarray(0, signedBytes), secret))
  );
}

function authenticationTag(signed: Buffer, secret: Buffer): Buffer {
  return createHmac('sha256', secret).update(signed).digest().subarray(0, TAG_BYTES);
}
