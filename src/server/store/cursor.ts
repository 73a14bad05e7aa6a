/**
 * cursor.ts: cursors are opaque to clients, and worthless to anyone who changes a bit.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version, 1 |
 * | 8 | position, little endian: the `seq` up to which the device has everything |
 * | 8 | nonce of the commit that produced this `seq` (zero at position 0) |
 * | 16 | first half of HMAC-SHA-256 over the above with the database's own secret |
 *
 * The nonce detects a server file that was restored from an older copy: there the same `seq` was, or will be,
 * given to other changes by a commit with another nonce.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SyncError } from '../errors.js';

const VERSION = 1;
const SIGNED_BYTES = 17;
const TAG_BYTES = 16;
export const NONCE_BYTES = 8;

export interface Cursor {
  position: number;
  nonce: Buffer;
}

export function encodeCursor(cursor: Cursor, secret: Buffer): Buffer {
  const bytes = Buffer.alloc(SIGNED_BYTES + TAG_BYTES);
  bytes[0] = VERSION;
  bytes.writeBigUInt64LE(BigInt(cursor.position), 1);
  cursor.nonce.copy(bytes, 9);
  authenticationTag(bytes, secret).copy(bytes, SIGNED_BYTES);
  return bytes;
}

/**
 * Reads a cursor that this database made; the empty cursor is the start.
 *
 * @throws SyncError bad_request when the database did not make it
 */
export function decodeCursor(bytes: Uint8Array, secret: Buffer): Cursor {
  if (bytes.length === 0) return { position: 0, nonce: Buffer.alloc(NONCE_BYTES) };
  const buffer = Buffer.from(bytes);
  const isOurs =
    buffer.length === SIGNED_BYTES + TAG_BYTES &&
    timingSafeEqual(buffer.subarray(SIGNED_BYTES), authenticationTag(buffer, secret)) &&
    buffer[0] === VERSION;
  if (!isOurs) {
    throw new SyncError(
      'bad_request',
      'cursor: this database did not make it; pull from the start (empty cursor)',
    );
  }
  return { position: Number(buffer.readBigUInt64LE(1)), nonce: buffer.subarray(9, SIGNED_BYTES) };
}

function authenticationTag(bytes: Buffer, secret: Buffer): Buffer {
  const signed = bytes.subarray(0, SIGNED_BYTES);
  return createHmac('sha256', secret).update(signed).digest().subarray(0, TAG_BYTES);
}
