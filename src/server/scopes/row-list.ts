/**
 * row-list.ts: rows by name, as the extension's functions for servers and the frame "untag" have them: an array of
 * [table, key].
 */
import { MessageWriter } from '../msgpack/writer.js';
import type { SyncDatabase } from '../store/database.js';
import type { TrackedTable } from './tracked-tables.js';

export interface NamedRow {
  table: Pick<TrackedTable, 'name'>;
  pk: Buffer;
}

/** A name for a row in maps and sets. */
export function rowName(tableId: number, pk: Buffer): string {
  return `${tableId} ${pk.toString('latin1')}`;
}

export function encodeRowList(rows: readonly NamedRow[]): Buffer {
  const writer = new MessageWriter().array(rows.length);
  for (const { table, pk } of rows) writer.array(2).text(table.name).binary(pk);
  return writer.finish();
}

/** The bytes that a packet is allowed at least: the extension asks for that. */
const PACKET_BYTES_MIN = 1024;
const COUNT_BYTES = 4;

/**
 * A packet of rows as far as they are newer than `since`, without what `site` itself has written; the whole rows when
 * since is 0. `used` is how many rows of the list came in before the packet was full.
 */
export function packRows(
  database: SyncDatabase,
  rows: readonly NamedRow[],
  { since, site, bytes }: { since: number; site: Uint8Array | null; bytes: number },
): { used: number; packet: Buffer } {
  const sql = 'SELECT cloudsync_payload_rows(?, ?, ?, ?) AS result';
  const statement = database.prepare<unknown[], { result: Buffer }>(sql);
  const size = BigInt(Math.max(bytes, PACKET_BYTES_MIN));
  const result = statement.get(encodeRowList(rows), BigInt(since), site, size)?.result;
  if (result === undefined || result.length < COUNT_BYTES)
    throw new Error('cloudsync_payload_rows: no result');
  return { used: result.readUInt32LE(0), packet: result.subarray(COUNT_BYTES) };
}
