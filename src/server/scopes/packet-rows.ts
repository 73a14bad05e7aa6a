/**
 * packet-rows.ts: the names of all rows in a packet, also of those that change nothing here. The extension is asked, in
 * an empty database: where it knows no table it keeps what came row by row.
 */
import Database from 'better-sqlite3';
import { load } from '../../node/index.js';

export interface PacketRow {
  table: string;
  /** The key as it is spelled in the packet. */
  pk: Buffer;
}

export function rowsOfPacket(packet: Uint8Array): PacketRow[] {
  const scratch = new Database(':memory:');
  try {
    load(scratch);
    // A tracked table makes the extension's own ones. What a packet has of a table of this name is no concern of ours.
    scratch.exec('CREATE TABLE "no table of an application"(id TEXT PRIMARY KEY NOT NULL)');
    scratch.prepare("SELECT cloudsync_init('no table of an application')").get();
    scratch.prepare('SELECT cloudsync_payload_take(?, NULL)').get(packet);
    const sql = 'SELECT tbl AS "table", pk FROM cloudsync_held ORDER BY id';
    return scratch.prepare<[], PacketRow>(sql).all();
  } finally {
    scratch.close();
  }
}
