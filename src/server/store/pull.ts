/**
 * pull.ts: a page of changes after a cursor, and whether there is anything after it.
 */
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { isRestricted, type Principal } from '../principal.js';
import { decodeScopeCursor, isScopeCursor } from '../scopes/scope-cursor.js';
import { findNews, pullScopes } from '../scopes/scope-pull.js';
import { openScoped } from '../scopes/scoped.js';
import { versionOf } from '../scopes/view-version.js';
import { requireSameMark } from './batch-record.js';
import { type Cursor, decodeCursor, encodeCursor } from './cursor.js';
import type { SyncDatabase } from './database.js';
import type { Operations, Page } from './store.js';

/** A page as the extension returns it: u64 upto, u8 complete, then one packet or nothing. */
const PAGE_HEAD_BYTES = 9;
/** A position below that of every change. */
const BEFORE_ALL = -1;

/** What there is to read where there are no tables yet. */
const NOTHING: Page = {
  reset: false,
  forgotten: new Uint8Array(0),
  packets: [],
  cursor: new Uint8Array(0),
  complete: true,
};

/** @throws SyncError epoch_changed, unknown_site, forbidden, site_fork, bad_request (foreign cursor) */
export function pull(
  database: SyncDatabase,
  principal: Principal,
  input: Operations['pull']['input'],
): Operations['pull']['result'] {
  const isPartial = seesSomeRows(database, principal);
  const transaction = database.sqlite.transaction(() => {
    database.requireEpoch(input.epoch);
    const site = database.requireSite(principal, input.site);
    requireSameBatch(input.lastBatch, site.last_batch);
    requireSameMark(site.digest, input.mark);
    if (!isPartial) return pullAll(database, input);
    const scoped = openScoped(database);
    return scoped === undefined ? NOTHING : pullScopes(scoped, principal, input);
  });
  // The index of scopes may have to be brought up to date first.
  return isPartial ? transaction.immediate() : transaction();
}

function pullAll(database: SyncDatabase, input: Operations['pull']['input']): Page {
  const { cursor, reset } = requireCursor(database, input.cursor);
  const page = readPage(database, cursor, input.maxBytes, input.site);
  database.readers.note(input.site, cursor.position === 0 ? page.upto : cursor.position);
  const nonce = database.requireNonceAt(page.upto);
  // While pages are left, the device does not have what rows behind this one had before they moved there.
  const since = page.complete ? page.upto : cursor.since;
  const next = encodeCursor({ since, position: page.upto, nonce }, database.cursorSecret);
  const packets = page.packet.length > 0 ? [page.packet] : [];
  return { reset, forgotten: new Uint8Array(0), packets, cursor: next, complete: page.complete };
}

/** @throws SyncError unknown_site, forbidden, epoch_changed, bad_request (foreign cursor) */
export function peek(
  database: SyncDatabase,
  principal: Principal,
  input: Operations['peek']['input'],
): Operations['peek']['result'] {
  const isPartial = seesSomeRows(database, principal);
  const transaction = database.sqlite.transaction(() => {
    database.requireSite(principal, input.site);
    if (!isPartial) {
      const { position } = requireCursor(database, input.cursor).cursor;
      database.readers.note(input.site, position);
      return { position, head: database.head(), scopes: undefined };
    }
    const scoped = openScoped(database);
    const { isNews, scopes } = scoped ? findNews(scoped, principal, input) : { isNews: false, scopes: [] };
    const head = database.head();
    return { position: isNews ? BEFORE_ALL : head, head, scopes };
  });
  return isPartial ? transaction.immediate() : transaction();
}

/** @throws SyncError unknown_site, forbidden */
export function version(
  database: SyncDatabase,
  principal: Principal,
  { site }: Operations['version']['input'],
): Operations['version']['result'] {
  const isPartial = seesSomeRows(database, principal);
  const transaction = database.sqlite.transaction(() => {
    database.requireSite(principal, site);
    const scoped = isPartial ? openScoped(database) : undefined;
    if (scoped !== undefined) return versionOf(scoped, principal);
    const head = database.head();
    return isPartial ? { version: '', head, scopes: [] } : { version: String(head), head, scopes: undefined };
  });
  return isPartial ? transaction.immediate() : transaction();
}

function seesSomeRows(database: SyncDatabase, principal: Principal): boolean {
  return isRestricted(principal) && database.policies.current() !== undefined;
}

/** The device and the server must agree about the device's last batch before anything is handed out. */
function requireSameBatch(device: number, server: number): void {
  if (device < server) {
    const problem = `the device knows batch ${device} as its last, here it is ${server}`;
    throw new SyncError('site_fork', `${problem}: its database is an older copy; take a new site id`);
  }
  if (device > server) {
    const problem = `the device knows batch ${device} as its last, here it is ${server}`;
    throw new SyncError('epoch_changed', `${problem}: this server was restored; register and start over`);
  }
}

/** The cursor, and whether the device has to begin anew, because it has read only some rows until now. */
function requireCursor(database: SyncDatabase, bytes: Uint8Array): { cursor: Cursor; reset: boolean } {
  const reset = isScopeCursor(bytes);
  if (reset) decodeScopeCursor(database, bytes);
  const cursor = decodeCursor(reset ? new Uint8Array(0) : bytes, database.cursorSecret);
  database.requireHistory(cursor.position, cursor.nonce);
  return { cursor, reset };
}

interface FeedPage {
  upto: number;
  complete: boolean;
  packet: Uint8Array;
}

function readPage(database: SyncDatabase, cursor: Cursor, maxBytes: number, asker: Uint8Array): FeedPage {
  if (!database.hasTables()) return { upto: 0, complete: true, packet: new Uint8Array(0) };
  const size = Math.min(Math.max(maxBytes, LIMITS.pageBytesMin), LIMITS.pageBytesMax);
  const sql = 'SELECT cloudsync_payload_page(?, ?, ?, ?) AS page';
  const statement = database.prepare<[bigint, bigint, bigint, Uint8Array], { page: Buffer }>(sql);
  // better-sqlite3 binds a number as REAL, a bigint as INTEGER.
  const page = statement.get(BigInt(cursor.position), BigInt(cursor.since), BigInt(size), asker)?.page;
  if (page === undefined || page.length < PAGE_HEAD_BYTES)
    throw new Error('cloudsync_payload_page: no page came');
  // Reading a page also folds what another program wrote into the file; that needs a mark for the cursor.
  database.recordHead();
  return {
    upto: Number(page.readBigUInt64LE(0)),
    complete: page[8] === 1,
    packet: page.subarray(PAGE_HEAD_BYTES),
  };
}
