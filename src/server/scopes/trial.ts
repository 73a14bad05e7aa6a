/**
 * trial.ts: merges a packet inside a savepoint and looks at what it does: which rows it changes and how they would
 * be then, and which of them break a rule that has nothing to do with policies. Judged is this image, never what the
 * packet says: cells that lose against newer ones have no effect and cannot be a reason to refuse anything.
 */
import { LIMITS } from '../limits.js';
import { clockAhead, takePacket } from '../store/take.js';
import { findCulprits, heldRows } from './constraints.js';
import { encodeRowList, type NamedRow, rowName } from './row-list.js';
import type { Scoped } from './scoped.js';
import type { ClockRow, RowKey, TrackedTable } from './tracked-tables.js';
import type { SqlValue } from './values.js';

/** The packet of a device, and whose device it is. */
export interface Delivery {
  site: Uint8Array;
  subject: string;
  packet: Uint8Array;
}

/** A row that the packet changes. */
export interface ChangedRow extends RowKey {
  table: TrackedTable;
  name: string;
  causalLength: number;
  /** Its values after the merge; undefined when it is not in its table then. */
  image: SqlValue[] | undefined;
}

/** Why a row may not come in, whatever policies say. */
export interface Objection {
  /** The table's name, also where there is no such table here. */
  table: string;
  pk: Buffer;
  code: 'denied' | 'constraint' | 'clock';
  reason: string;
}

export interface TrialResult {
  changed: ChangedRow[];
  /** Rows in the packet, and so of them that changed nothing. */
  rows: number;
  objections: Map<string, Objection>;
}

const ALGORITHM_AWS = 2;

/**
 * Merges the packet without the refused rows and says what came of it. The caller keeps or undoes the savepoint in
 * which this runs.
 */
export function merge(scoped: Scoped, delivery: Delivery, refused: readonly NamedRow[]): TrialResult {
  const { database } = scoped;
  const head = database.head();
  const heldBefore = heldRows(scoped);
  const unknownBefore = waitingRows(scoped);
  const rows = takePacket(database, delivery, refused.length > 0 ? encodeRowList(refused) : null);
  const changed = scoped.tables.all.flatMap((table) =>
    table.changedAfter(head).map((row) => changedRow(table, row)),
  );
  const objections = new Map<string, Objection>();
  for (const objection of [
    ...unknownRows(scoped, unknownBefore),
    ...forgedRows(scoped, delivery, head),
    ...findCulprits(scoped, changed, heldBefore),
  ]) {
    const name = objectionName(scoped, objection);
    if (!objections.has(name)) objections.set(name, objection);
  }
  return { changed, rows, objections };
}

function changedRow(table: TrackedTable, row: ClockRow): ChangedRow {
  return { ...row, table, name: rowName(table.id, row.pk), image: table.image(row.values) };
}

/** What a row is called in `ChangedRow.name`, for one that may be of no table here. */
function objectionName({ tables }: Scoped, { table, pk }: Objection): string {
  const known = tables.byName(table);
  return known === undefined ? `${table} ${pk.toString('latin1')}` : rowName(known.id, pk);
}

/** Rows that wait for another schema, by digest: they would come in later without having been judged. */
function waitingRows({ database }: Scoped): Map<bigint, { tbl: string; pk: Buffer; reason: string }> {
  const sql = 'SELECT digest, tbl, pk, reason FROM cloudsync_held WHERE digest IS NOT NULL';
  const statement = database.prepare<[], [bigint, string, Buffer, string]>(sql).raw().safeIntegers();
  return new Map(statement.all().map(([digest, tbl, pk, reason]) => [digest, { tbl, pk, reason }]));
}

function unknownRows(scoped: Scoped, before: ReadonlyMap<bigint, unknown>): Objection[] {
  const added = [...waitingRows(scoped)].filter(([digest]) => !before.has(digest));
  return added.map(([, { tbl, pk, reason }]) => ({ table: tbl, pk, code: 'denied', reason }));
}

interface CellRow {
  tbl: string;
  pk: Buffer;
  clock: number;
  foreign: number;
}

/**
 * Rows with cells of devices of others. A device that takes a new id, because this database was restored or its own was
 * copied, sends what it wrote under the former one, which is its subject's here, or not known any more.
 * A clock that is ahead is no reason to refuse single rows: the device is told the
 * time, stamps what it has not sent anew, and loses nothing.
 *
 * @throws SyncError clock_ahead
 */
function forgedRows({ database, tables }: Scoped, { site, subject }: Delivery, head: number): Objection[] {
  const isOfOthers =
    'site_id <> @site AND (site_id = unhex(cloudsync_siteid())' +
    ' OR site_id IN (SELECT site FROM cloudsync_server_sites WHERE subject <> @subject))';
  const sql =
    `SELECT tbl, pk, max(col_version) AS clock, max(${isOfOthers}) AS "foreign"` +
    ' FROM cloudsync_changes WHERE db_version > @head GROUP BY tbl, pk';
  const rows = database.prepare<unknown[], CellRow>(sql).all({ site, subject, head: BigInt(head) });
  // Rows of add-wins tables carry what their deletions have seen, which is of others.
  const isForged = ({ tbl, foreign }: CellRow) =>
    foreign === 1 && tables.byName(tbl)?.algorithm !== ALGORITHM_AWS;
  const latest = (database.surroundings.now() + LIMITS.clockAheadMilliseconds) * 1000;
  const ahead = rows.find((row) => row.clock > latest && !isForged(row));
  if (ahead !== undefined) {
    const minutes = LIMITS.clockAheadMilliseconds / 60_000;
    throw clockAhead(database, `a row of table ${ahead.tbl} is stamped more than ${minutes} minutes ahead`);
  }
  return rows.filter(isForged).map(({ tbl, pk }) => {
    return { table: tbl, pk, code: 'denied', reason: 'it has changes of another device' };
  });
}
