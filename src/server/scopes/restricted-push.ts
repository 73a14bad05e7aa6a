/**
 * restricted-push.ts: the answer to a batch of a principal that may write only some rows: what came in, what did not
 * and why, and how the rows that did not are here. A verdict is final: the batch is taken with it.
 */
import { LIMITS } from '../limits.js';
import { MessageWriter } from '../msgpack/writer.js';
import type { Principal } from '../principal.js';
import { recordRefusals } from '../store/refusals.js';
import { isVisible, scopesOf } from './principal-scopes.js';
import { notePushedRow } from './pushed-rows.js';
import { RestrictedMerge } from './restricted-merge.js';
import { packRows, rowName } from './row-list.js';
import { updateIndex } from './scope-index.js';
import type { Scoped } from './scoped.js';
import { isAlive, type TrackedTable } from './tracked-tables.js';

export interface Batch {
  site: Uint8Array;
  batch: number;
  packet: Uint8Array;
}

interface Verdict {
  table: string;
  pk: Buffer;
  code: 'denied' | 'constraint' | 'clock' | 'gone';
  detail: string;
}

interface PlacedRow {
  table: TrackedTable;
  pk: Buffer;
}

/**
 * Merges what the principal may write. Inside a transaction that writes.
 *
 * @returns `answer`: the encoded answer, [batch, verdicts, packet]; `rows`: of the packet
 * @throws SyncError bad_packet
 */
export function pushRestricted(
  scoped: Scoped,
  principal: Principal,
  batch: Batch,
): { answer: Buffer; rows: number } {
  updateIndex(scoped);
  const merge = new RestrictedMerge(scoped, principal, batch);
  const rows = merge.run();
  updateIndex(scoped);
  const own = scopesOf(scoped, principal);
  const verdicts: Verdict[] = [];
  const repaired: PlacedRow[] = [];
  for (const { table: name, pk, code, reason } of merge.refused.values()) {
    verdicts.push({ table: name, pk, code, detail: reason });
    const table = scoped.tables.byName(name);
    if (table === undefined) continue;
    if (isVisible(scoped, own, table, { pk })) repaired.push({ table, pk });
    else note(scoped, batch, { table, pk }, true);
  }
  recordRefusals(scoped.database, batch.site, principal.subject, verdicts);
  for (const row of merge.accepted.values()) {
    const isGone = isLiving(row) && !isVisible(scoped, own, row.table, row);
    if (isGone) {
      const detail = 'it was accepted, and this user does not see it';
      verdicts.push({ table: row.table.name, pk: row.pk, code: 'gone', detail });
    }
    note(scoped, batch, row, isGone);
  }
  return { answer: writeAnswer(batch.batch, verdicts, repair(scoped, batch, repaired)), rows };
}

function isLiving({ table, pk }: PlacedRow): boolean {
  return isAlive(table.findClockOf(pk)?.causalLength ?? 0);
}

function note(
  { database }: Scoped,
  { site, batch }: Batch,
  { table, pk }: PlacedRow,
  forgotten: boolean,
): void {
  notePushedRow(database, site, batch, { tbl: table.id, pk, forgotten });
}

/** The refused rows as they are here, of which the user sees all. What is too much for a packet is read later. */
function repair(scoped: Scoped, batch: Batch, rows: readonly PlacedRow[]): Buffer {
  if (rows.length === 0) return Buffer.alloc(0);
  const bytes = LIMITS.pageBytesMax;
  const { used, packet } = packRows(scoped.database, rows, { since: 0, site: null, bytes });
  const sent = new Set(rows.slice(0, used).map((row) => rowName(row.table.id, row.pk)));
  for (const row of rows) note(scoped, batch, row, !sent.has(rowName(row.table.id, row.pk)));
  return packet;
}

function writeAnswer(batch: number, verdicts: readonly Verdict[], packet: Buffer): Buffer {
  const writer = new MessageWriter().array(3).unsigned(batch).array(verdicts.length);
  for (const { table, pk, code, detail } of verdicts) {
    writer.array(4).text(table).binary(pk).text(code).text(detail);
  }
  return writer.binary(packet).finish();
}
