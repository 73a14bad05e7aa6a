/** commands.ts: what tests tell the server that decides row by row (row_server.ts), and what it tells them. */
import type { Algorithm } from '../packet/packet.js';

/** A row: "table/key in hex". */
export type RowId = string;

export interface Command {
  /** Begins anew: makes the tables, and tracks them. */
  schema?: string;
  tables?: [string, Algorithm][];
  /** Asks for a Picture. */
  picture?: boolean;
  /** Runs SQL on the server's database; rows come back as arrays. */
  sql?: string;
  /** Rows leave what the device may see, or enter it. */
  hide?: RowId[];
  show?: RowId[];
  /** The rows whose edits are not accepted from now on, with the code. */
  deny?: [RowId, string][];
  /** The next page takes everything away first. */
  reset?: boolean;
  /** Size of the cursors, and names of rows in one page. */
  cursorBytes?: number;
  pageRows?: number;
  /** Bodies in hex that are answered in place of the right ones, once each, by the last part of the path. */
  answers?: [string, string][];
}

/** What the server has. */
export interface Picture {
  /** Packets in hex of all rows that the device may see. */
  packets: string[];
  /** All texts that batches have brought in rows that were accepted. */
  texts: string[];
}

export interface Report {
  result: unknown;
  /** Since the last command. */
  requests: { method: string; url: string; bytes: number }[];
}
