/**
 * quota.ts: what pushes may make of one database. A push that would let it grow beyond its size is refused, and
 * nothing of it is there; one that does not let it grow is taken, so that deleting helps. Reading goes on in any case.
 */
import { SyncError } from '../errors.js';
import type { SyncDatabase } from './database.js';

/** 0 = any. */
export interface Quota {
  /** Size of the database. */
  bytes: number;
  /** Rows of one push. */
  rows: number;
}

export const NO_QUOTA: Quota = { bytes: 0, rows: 0 };

/**
 * Merges one packet within the quota. The caller undoes what the work did when this throws.
 *
 * @param work merges, and returns how many rows came
 * @throws SyncError quota; packet_too_large for too many rows, upon which a device sends smaller packets
 */
export function mergeWithinQuota(database: SyncDatabase, packetBytes: number, work: () => number): number {
  const { bytes, rows: rowsMax } = database.quota;
  const before = bytes === 0 ? 0 : usedBytes(database);
  const rows = work();
  if (rowsMax > 0 && rows > rowsMax) {
    const problem = `the packet has ${rows} rows, at most ${rowsMax} are allowed`;
    throw new SyncError('packet_too_large', `${problem}; send smaller ones`, Math.floor(packetBytes / 2));
  }
  if (bytes === 0) return rows;
  const after = usedBytes(database);
  if (after > bytes && after > before) {
    throw new SyncError(
      'quota',
      `database ${database.name} may have ${bytes} bytes and would have ${after}; its operator can allow more`,
    );
  }
  return rows;
}

/** Bytes of the pages in use, those of the running transaction too. */
function usedBytes(database: SyncDatabase): number {
  const number = (pragma: string) => database.prepare<[], number>(`PRAGMA ${pragma}`).pluck().get() ?? 0;
  return (number('page_count') - number('freelist_count')) * number('page_size');
}
