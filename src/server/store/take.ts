/**
 * take.ts: gives a packet to the extension to merge.
 */
import { SyncError } from '../errors.js';
import type { SyncDatabase } from './database.js';
import { isAboutFuture, isExtensionRefusal } from './sqlite-errors.js';

/**
 * Merges a packet, without the rows that are refused (an array of [table, key]).
 *
 * @returns the rows in the packet
 * @throws SyncError bad_packet, clock_ahead
 */
export function takePacket(
  database: SyncDatabase,
  { packet, site }: { packet: Uint8Array; site: Uint8Array },
  refused: Uint8Array | null,
): number {
  try {
    const sql = 'SELECT cloudsync_payload_take(?, ?, ?) AS rows';
    return database.prepare<unknown[], { rows: number }>(sql).get(packet, site, refused)?.rows ?? 0;
  } catch (error) {
    if (!isExtensionRefusal(error)) throw error;
    throw isAboutFuture(error)
      ? clockAhead(database, error.message)
      : new SyncError('bad_packet', error.message);
  }
}

/** The refusal of a packet with stamps of a time that has not come: the device is told ours, and stamps anew. */
export function clockAhead(database: SyncDatabase, problem: string): SyncError {
  return new SyncError('clock_ahead', problem, database.surroundings.now() * 1000);
}
