/**
 * requests.ts: builds the requests of docs/PROTOCOL.md section 3 from what the database holds.
 */
import { SITE_SIZE } from '../catalog/schema';
import { ownSite, siteBytes } from '../catalog/sites';
import { loadTables, Table } from '../catalog/table';
import { writeArray, writeBinary, writeString, writeUnsigned } from '../bytes/msgpack';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { xxh64 } from '../bytes/xxh64';
import { hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { httpAction } from './action';
import { acknowledgedBatch, acknowledgedMark, cursor, endpoint, epoch } from './endpoint';

/** Raw bytes that a page of changes should have. */
const PULL_BYTES: u64 = 1 << 20;

/** Bytes of a cursor that an address may carry. */
const CURSOR_IN_ADDRESS: u32 = 1024;

function urlOf(path: string): Slice {
  return new Text(256).bytes(endpoint()).add(path).slice();
}

function writeSite(body: Writer): void {
  writeBinary(body, siteBytes(ownSite()).pointer, SITE_SIZE);
}

function writeMark(body: Writer): void {
  const value = acknowledgedMark();
  writeBinary(body, value.pointer, value.size);
}

function writeEpoch(body: Writer): void {
  const value = epoch();
  writeBinary(body, value.pointer, value.size);
}

/** The tables that take part: enabled, there, and not being altered. */
export function liveTables(): Array<Table> {
  const all = loadTables();
  const list: Array<Table> = [];
  for (let i = 0; i < all.length; i++) {
    if (all[i].enabled && !all[i].altering && all[i].open() && !all[i].missing) list.push(all[i]);
  }
  return list;
}

function writeTables(body: Writer, tables: Array<Table>): void {
  writeArray(body, tables.length);
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    writeArray(body, 3);
    writeString(body, table.name.pointer, table.name.size);
    writeUnsigned(body, table.algorithm);
    writeArray(body, table.keys.length + table.columns.length);
    for (let k = 0; k < table.keys.length; k++)
      writeString(body, table.keys[k].name.pointer, table.keys[k].name.size);
    for (let k = 0; k < table.columns.length; k++) {
      writeString(body, table.columns[k].name.pointer, table.columns[k].name.size);
    }
  }
}

/** Digest of what a registration tells the server; when it changes, the server must be told again. */
export function tablesDigest(): i64 {
  const body = new Writer(1024);
  writeTables(body, liveTables());
  writeSite(body);
  return <i64>xxh64(body.start, body.size, 0);
}

export function registerRequest(): usize {
  const body = new Writer(1024);
  writeArray(body, 2);
  writeSite(body);
  writeTables(body, liveTables());
  return hasFailed() ? 0 : httpAction(urlOf('/sites'), body, null, 0);
}

export function publishRequest(): usize {
  const tables = liveTables();
  const body = new Writer(4096);
  writeArray(body, 2);
  writeSite(body);
  writeArray(body, tables.length);
  for (let i = 0; i < tables.length; i++) {
    const statement = new Statement(
      new Text().add("SELECT sql FROM main.sqlite_schema WHERE type='table' AND name=?1"),
    );
    const sql = statement.text(1, tables[i].name).step() ? statement.columnBytes(0) : new Slice(0, 0);
    statement.close();
    writeArray(body, 3);
    writeString(body, tables[i].name.pointer, tables[i].name.size);
    writeUnsigned(body, tables[i].algorithm);
    writeString(body, sql.pointer, sql.size);
  }
  return hasFailed() ? 0 : httpAction(urlOf('/schema'), body, null, 0);
}

export function pushRequest(batch: i64, packet: Slice): usize {
  const body = new Writer(packet.size + 64);
  writeArray(body, 5);
  writeSite(body);
  writeEpoch(body);
  writeUnsigned(body, batch);
  writeBinary(body, packet.pointer, packet.size);
  writeMark(body);
  const key = new Text(96).add('Idempotency-Key: ').hex(siteBytes(ownSite()).pointer, SITE_SIZE);
  key.add(':').number(batch).add('\r\n');
  return hasFailed() ? 0 : httpAction(urlOf('/push'), body, key, 0);
}

export function pullRequest(): usize {
  const position = cursor();
  const body = new Writer(256);
  writeArray(body, 6);
  writeSite(body);
  writeEpoch(body);
  writeUnsigned(body, acknowledgedBatch());
  writeBinary(body, position.pointer, position.size);
  writeUnsigned(body, PULL_BYTES);
  writeMark(body);
  return hasFailed() ? 0 : httpAction(urlOf('/pull'), body, null, 0);
}

/** A long cursor does not fit into an address: it goes into a body. */
export function waitRequest(seconds: i32): usize {
  const position = cursor();
  if (position.size > CURSOR_IN_ADDRESS) return longWaitRequest(position, seconds);
  const url = new Text(512).bytes(endpoint()).add('/wait?site=').hex(siteBytes(ownSite()).pointer, SITE_SIZE);
  url.add('&since=').hex(position.pointer, position.size);
  const prefer = new Text(64).add('Prefer: wait=').number(seconds).add('\r\n');
  return hasFailed() ? 0 : httpAction(url.slice(), null, prefer, seconds * 1000);
}

function longWaitRequest(position: Slice, seconds: i32): usize {
  const body = new Writer(position.size + 64);
  writeArray(body, 3);
  writeSite(body);
  writeBinary(body, position.pointer, position.size);
  writeUnsigned(body, seconds);
  return hasFailed() ? 0 : httpAction(urlOf('/wait'), body, null, seconds * 1000);
}
