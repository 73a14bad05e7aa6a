/**
 * scope-pull.ts: reading for principals that see only some rows: a page after a cursor of scopes, and whether there
 * is anything after it.
 */
import { LIMITS } from '../limits.js';
import type { Principal } from '../principal.js';
import { decodeCursor, NONCE_BYTES } from '../store/cursor.js';
import type { Page } from '../store/store.js';
import { readState } from './layout.js';
import { scopesOf } from './principal-scopes.js';
import { dropPushedRows } from './pushed-rows.js';
import { encodeRowList } from './row-list.js';
import { decodeScopeCursor, encodeScopeCursor, isScopeCursor, type ScopeCursor } from './scope-cursor.js';
import { updateIndex } from './scope-index.js';
import { makePage } from './scope-page.js';
import { advance, ScopeScan } from './scope-scan.js';
import type { Scoped } from './scoped.js';

export interface PageRequest {
  site: Uint8Array;
  cursor: Uint8Array;
  maxBytes: number;
}

/**
 * One page. Inside a transaction that writes.
 *
 * @param entries how many entries of the index a page may cover
 * @throws SyncError bad_request (foreign cursor), epoch_changed
 */
export function pullScopes(
  scoped: Scoped,
  principal: Principal,
  request: PageRequest,
  entries: number = LIMITS.scopeEntriesPerPage,
): Page {
  const { database } = scoped;
  const head = updateIndex(scoped);
  database.recordHead();
  const { cursor, reset } = openCursor(scoped, request);
  dropPushedRows(database, request.site, cursor.pushed);
  database.readers.note(request.site, cursor.head === 0 ? head : cursor.head);
  const view = { head, own: scopesOf(scoped, principal) };
  const scan = new ScopeScan(scoped, request.site, cursor, view, entries);
  const page = makePage(scoped, scan.steps, request.site, request.maxBytes);
  const next = encodeScopeCursor(database, {
    ...advance(cursor, scan.steps.slice(0, page.steps)),
    head,
    nonce: database.requireNonceAt(head),
    indexEpoch: cursor.indexEpoch,
  });
  return {
    reset,
    forgotten: page.forgotten.length > 0 ? encodeRowList(page.forgotten) : Buffer.alloc(0),
    packets: page.packets,
    cursor: next,
    complete: scan.isComplete && page.steps === scan.steps.length,
  };
}

/** Whether a page after the cursor would have anything for the device; the scopes of its principal. As pullScopes. */
export function findNews(
  scoped: Scoped,
  principal: Principal,
  request: Omit<PageRequest, 'maxBytes'>,
): { isNews: boolean; scopes: number[] } {
  const head = updateIndex(scoped);
  scoped.database.recordHead();
  const { cursor, reset } = openCursor(scoped, request);
  const view = { head, own: scopesOf(scoped, principal) };
  const scopes = [...view.own];
  if (reset) return { isNews: true, scopes };
  scoped.database.readers.note(request.site, cursor.head);
  const scan = new ScopeScan(scoped, request.site, cursor, view, LIMITS.scopeEntriesPerPage);
  return { isNews: !scan.isComplete || scan.steps.some((step) => step.news !== undefined), scopes };
}

/** The place where the device is; it begins anew where its cursor does not belong to this index. */
function openCursor(
  { database }: Scoped,
  { site, cursor }: Pick<PageRequest, 'site' | 'cursor'>,
): { cursor: ScopeCursor; reset: boolean } {
  const { epoch: indexEpoch } = readState(database);
  const start = {
    head: 0,
    nonce: Buffer.alloc(NONCE_BYTES),
    indexEpoch,
    pushed: { batch: 0, id: 0 },
    scopes: new Map(),
  };
  if (cursor.length === 0) return { cursor: start, reset: hasReadBefore(database, site) };
  if (!isScopeCursor(cursor)) {
    const former = decodeCursor(cursor, database.cursorSecret);
    database.requireHistory(former.position, former.nonce);
    return { cursor: start, reset: true };
  }
  const read = decodeScopeCursor(database, cursor);
  database.requireHistory(read.head, read.nonce);
  noteReader(database, site);
  const isOfThisIndex = read.indexEpoch.equals(indexEpoch);
  return isOfThisIndex ? { cursor: read, reset: false } : { cursor: start, reset: true };
}

function hasReadBefore(database: Scoped['database'], site: Uint8Array): boolean {
  const sql = 'SELECT 1 FROM cloudsync_scope_readers WHERE site = ?';
  return database.prepare<[Uint8Array], unknown>(sql).get(site) !== undefined;
}

function noteReader(database: Scoped['database'], site: Uint8Array): void {
  database.prepare('INSERT OR IGNORE INTO cloudsync_scope_readers VALUES (?)').run(site);
}
