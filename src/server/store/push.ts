/**
 * push.ts: merges a device's packets, each exactly once. The record of a batch (its number, digest and
 * answer) is written in the transaction that merges it, so a batch whose answer was lost on the way is
 * recognised and answered again.
 */
import { SyncError } from '../errors.js';
import { MessageWriter } from '../msgpack/writer.js';
import { isRestricted, type Principal } from '../principal.js';
import { pushRestricted } from '../scopes/restricted-push.js';
import { updateIndex } from '../scopes/scope-index.js';
import { openScoped, type Scoped } from '../scopes/scoped.js';
import { recordOf, requireSameMark } from './batch-record.js';
import type { SiteRow, SyncDatabase } from './database.js';
import { mergeWithinQuota } from './quota.js';
import type { Operations } from './store.js';
import { takePacket } from './take.js';

type PushInput = Operations['push']['input'];
type PushResult = Operations['push']['result'];

export interface PushRequest {
  principal: Principal;
  input: PushInput;
}

export type PushOutcome = { result: PushResult } | { error: unknown };

interface HeldRow {
  tbl: string;
  pk: Buffer;
  reason: string;
}

/**
 * Merges the packets of several requests in one transaction (group commit): one flush to disk serves all of
 * them. Each has its own savepoint, so a refused one leaves no trace and does not touch the others. When the
 * transaction as a whole fails, all of them fail, and nothing is changed.
 *
 * @returns one outcome per request, in their order; they hold once this function has returned, not before
 */
export function pushGroup(database: SyncDatabase, requests: readonly PushRequest[]): PushOutcome[] {
  const { sqlite } = database;
  try {
    return sqlite
      .transaction(() => {
        const outcomes = requests.map((request): PushOutcome => {
          try {
            return { result: sqlite.transaction(() => pushOne(database, request))() };
          } catch (error) {
            // Some failures (a full disk) make SQLite end the whole transaction; then no request can go on.
            if (!sqlite.inTransaction) throw error;
            return { error };
          }
        });
        const scoped = openScoped(database);
        if (scoped !== undefined) updateIndex(scoped);
        database.recordHead();
        database.readers.writeNotesWhenDue();
        return outcomes;
      })
      .immediate();
  } catch (error) {
    return requests.map(() => ({ error }));
  }
}

function pushOne(database: SyncDatabase, { principal, input }: PushRequest): PushResult {
  database.requireEpoch(input.epoch);
  const site = database.requireSite(principal, input.site);
  database.requireTables();
  const digest = recordOf(input.packet);
  if (input.batch <= site.last_batch) {
    return { answer: recordedAnswer(site, input, digest), rows: 0, replayed: true };
  }
  if (input.batch > site.last_batch + 1) {
    const expected = site.last_batch + 1;
    throw new SyncError('gap', `batch ${input.batch} came, batch ${expected} is the next here`, expected);
  }
  requireSameMark(site.digest, input.mark);
  const scoped = isRestricted(principal) ? openScoped(database) : undefined;
  const { answer, rows } =
    scoped === undefined ? applyPacket(database, input) : applyRestricted(database, scoped, principal, input);
  database
    .prepare(
      'UPDATE cloudsync_server_sites SET last_batch = ?, digest = ?, answer = ?, last_seen = ?' +
        ' WHERE site = ?',
    )
    .run(input.batch, digest, answer, database.surroundings.now(), input.site);
  return { answer, rows, replayed: false };
}

function recordedAnswer(site: SiteRow, input: PushInput, digest: Buffer): Buffer {
  const isRepeat = input.batch === site.last_batch && site.digest?.equals(digest);
  if (!isRepeat || site.answer === null) {
    const problem = `batch ${input.batch} came with other content, or after batch ${site.last_batch}`;
    throw new SyncError('site_fork', `${problem}; this database is a copy: take a new site id`);
  }
  return site.answer;
}

function applyPacket(database: SyncDatabase, input: PushInput): { answer: Buffer; rows: number } {
  const heldBefore = heldDigests(database);
  const rows = mergeWithinQuota(database, input.packet.length, () => takePacket(database, input, null));
  const held = newHeldRows(database, heldBefore);
  const writer = new MessageWriter().array(2).unsigned(input.batch).array(held.length);
  for (const row of held) writer.array(4).text(row.tbl).binary(row.pk).text('held').text(row.reason);
  return { answer: writer.finish(), rows };
}

/** Merges what of a packet its sender may write. */
function applyRestricted(
  database: SyncDatabase,
  scoped: Scoped,
  principal: Principal,
  input: PushInput,
): { answer: Buffer; rows: number } {
  let answer: Buffer = Buffer.alloc(0);
  const rows = mergeWithinQuota(database, input.packet.length, () => {
    const pushed = pushRestricted(scoped, principal, input);
    answer = pushed.answer;
    return pushed.rows;
  });
  return { answer, rows };
}

/**
 * What could not be merged, by the digest that identifies it: it is tried again after changes of the schema and may
 * come back under another id, so ids would not tell the new ones. Rows that are merged and only kept out of their
 * table by a constraint have no digest; every device finds that out by itself.
 */
function heldDigests(database: SyncDatabase): Set<bigint> {
  const statement = database.prepare<[], bigint>(
    'SELECT digest FROM cloudsync_held WHERE digest IS NOT NULL',
  );
  return new Set(statement.pluck().safeIntegers().all());
}

/** The rows that are held now and were not before. */
function newHeldRows(database: SyncDatabase, before: ReadonlySet<bigint>): HeldRow[] {
  const added: HeldRow[] = [];
  for (const digest of heldDigests(database)) {
    if (before.has(digest)) continue;
    const sql = 'SELECT tbl, pk, reason FROM cloudsync_held WHERE digest = ?';
    const row = database.prepare<[bigint], HeldRow>(sql).get(digest);
    if (row !== undefined) added.push(row);
  }
  return added;
}
