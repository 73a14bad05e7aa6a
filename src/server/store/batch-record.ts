/**
 * batch-record.ts: by what a batch is known again: SHA-256 of its packet tells a repeat from another batch under the
 * same number; behind it stands the packet's own checksum, the mark by which the device names it in later requests.
 * Numbers alone would not do: of two copies of a device, one may have sent a batch that the server has lost with a
 * restored file, and the other one another batch under that number since.
 */
import { createHash } from 'node:crypto';
import { SyncError } from '../errors.js';

const DIGEST_BYTES = 32;
/** Where the checksum stands in a packet; docs/PROTOCOL.md section 1.1. */
const CHECKSUM_START = 16;
const CHECKSUM_END = 24;

/** What is kept of a batch with that packet. */
export function recordOf(packet: Uint8Array): Buffer {
  const digest = createHash('sha256').update(packet).digest();
  return Buffer.concat([digest, packet.subarray(CHECKSUM_START, CHECKSUM_END)]);
}

/**
 * The device's last batch must be the one that is recorded here. A device that names none, or a record that is gone,
 * says nothing.
 *
 * @throws SyncError epoch_changed
 */
export function requireSameMark(record: Buffer | null, mark: Uint8Array | undefined): void {
  const recorded = record?.subarray(DIGEST_BYTES) ?? Buffer.alloc(0);
  if (mark === undefined || mark.length === 0 || recorded.length === 0 || recorded.equals(mark)) return;
  const problem = 'the last batch of the device is not the one that is recorded here under its number';
  throw new SyncError('epoch_changed', `${problem}: this server was restored; register and start over`);
}
