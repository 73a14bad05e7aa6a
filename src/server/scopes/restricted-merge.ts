/**
 * restricted-merge.ts: merges a packet as far as its sender may write. The row is the unit: each is judged by itself,
 * on the state before the packet, by its image after it. What is accepted is merged, and then the rest is judged
 * again, as long as that helps: so the order in which a device wrote a membership and a row that needs it does not
 * matter. A row that is refused stops no other.
 */
import { LIMITS } from '../limits.js';
import type { Write } from '../policies/judge.js';
import type { Principal } from '../principal.js';
import { type PacketRow, rowsOfPacket } from './packet-rows.js';
import { scopesOf } from './principal-scopes.js';
import { rowName } from './row-list.js';
import type { Scoped } from './scoped.js';
import type { ClockRow, TrackedTable } from './tracked-tables.js';
import { type ChangedRow, type Delivery, merge, type Objection } from './trial.js';

/** The same words for a row that the principal must not see and for one that is not there. */
export const DENIED = 'the policies of this database do not allow it';

export class RestrictedMerge {
  /** Rows that did not come in, by name. */
  readonly refused = new Map<string, Objection>();
  /** Rows that came in, and rows that are here as they came. */
  readonly accepted = new Map<string, { table: TrackedTable; pk: Buffer }>();
  readonly #scoped: Scoped;
  readonly #principal: Principal;
  readonly #delivery: Delivery;
  /** Rows that may not come in whatever policies say. */
  readonly #barred = new Map<string, Objection>();

  constructor(scoped: Scoped, principal: Principal, { site, packet }: Omit<Delivery, 'subject'>) {
    this.#scoped = scoped;
    this.#principal = principal;
    this.#delivery = { site, packet, subject: principal.subject };
  }

  /**
   * Merges what may be merged.
   *
   * @returns the rows in the packet
   * @throws SyncError bad_packet
   */
  run(): number {
    const first = this.#try();
    const changed = new Set(first.changed.map((row) => row.name));
    const isAllChanged = first.rows <= changed.size;
    let trial = first;
    for (let round = 0; ; round += 1) {
      const isNews = this.#bar(trial.objections);
      const denied = this.#judge(trial.changed, round >= LIMITS.judgeRounds);
      const isProgress = denied.size < trial.changed.length;
      if (isNews || (isProgress && !this.#keep(denied))) {
        trial = this.#try();
        continue;
      }
      this.#settle(trial.changed, denied);
      if (!isProgress || denied.size === 0) break;
      trial = this.#try();
    }
    if (!isAllChanged) this.#judgeWithoutEffect(changed);
    return first.rows;
  }

  /** Merges all that is not barred, to see what comes of it, and undoes it. */
  #try() {
    const { sqlite } = this.#scoped.database;
    sqlite.exec('SAVEPOINT trial');
    const result = merge(this.#scoped, this.#delivery, list(this.#barred));
    sqlite.exec('ROLLBACK TO trial; RELEASE trial');
    return result;
  }

  /** Merges what is neither barred nor denied. False, and undone, when something stands against that. */
  #keep(denied: ReadonlyMap<string, Objection>): boolean {
    const { sqlite } = this.#scoped.database;
    sqlite.exec('SAVEPOINT merge');
    const { objections } = merge(this.#scoped, this.#delivery, [...list(this.#barred), ...list(denied)]);
    const isKept = !this.#bar(objections, denied);
    sqlite.exec(isKept ? 'RELEASE merge' : 'ROLLBACK TO merge; RELEASE merge');
    return isKept;
  }

  /** Bars rows from now on. True when that is news. */
  #bar(objections: ReadonlyMap<string, Objection>, denied?: ReadonlyMap<string, Objection>): boolean {
    let isNews = false;
    for (const [name, objection] of objections) {
      if (this.#barred.has(name) || denied?.has(name)) continue;
      this.#barred.set(name, objection);
      this.refused.set(name, objection);
      isNews = true;
    }
    return isNews;
  }

  /**
   * The rows that the policies, or the bounds of clocks, do not let in. Runs on the state before them.
   *
   * @param isEnough whether to let in no more, because it was asked too often
   */
  #judge(changed: readonly ChangedRow[], isEnough: boolean): Map<string, Objection> {
    const denied = new Map<string, Objection>();
    for (const row of changed) {
      const place = { table: row.table.name, pk: row.pk };
      const before = row.table.findClock(row.values);
      if (row.causalLength > (before?.causalLength ?? 0) + LIMITS.causalLengthStep) {
        const reason = 'it claims to have been deleted and made again too often';
        denied.set(row.name, { ...place, code: 'clock', reason });
      } else if (isEnough || !this.#mayWrite(row, before)) {
        denied.set(row.name, { ...place, code: 'denied', reason: DENIED });
      }
    }
    return denied;
  }

  #mayWrite(row: ChangedRow, before: ClockRow | undefined): boolean {
    const isHere = row.table.image(row.values) !== undefined;
    const { values: key, image } = row;
    if (isHere && image !== undefined) return this.#allows(row.table, { command: 'update', key, image });
    if (isHere) return this.#allows(row.table, { command: 'delete', key });
    if (image !== undefined) return this.#allows(row.table, { command: 'insert', image });
    // The deletion of what is deleted already. It matters to nobody, but to say yes would tell that the row was here.
    return before !== undefined && this.#hasSeen(row);
  }

  #settle(changed: readonly ChangedRow[], denied: ReadonlyMap<string, Objection>): void {
    for (const row of changed) {
      const objection = denied.get(row.name) ?? this.#barred.get(row.name);
      if (objection === undefined) {
        this.accepted.set(row.name, row);
        this.refused.delete(row.name);
      } else this.refused.set(row.name, objection);
    }
  }

  /** Rows that change nothing are judged like others: else the answer would tell what is here. */
  #judgeWithoutEffect(changed: ReadonlySet<string>): void {
    for (const row of rowsOfPacket(this.#delivery.packet)) {
      const known = this.#find(row);
      if (known === undefined || changed.has(rowName(known.table.id, known.clock.pk))) continue;
      const { table, clock } = known;
      const { values: key, pk } = clock;
      const image = table.image(key);
      const isIn =
        this.#hasSeen({ table, pk }) ||
        (image !== undefined && this.#allows(table, { command: 'update', key, image }));
      const name = rowName(table.id, clock.pk);
      if (isIn) this.accepted.set(name, { table, pk: clock.pk });
      else this.refused.set(name, { table: table.name, pk: clock.pk, code: 'denied', reason: DENIED });
    }
  }

  #allows(table: TrackedTable, write: Write): boolean {
    const { compiled, database } = this.#scoped;
    const policies = compiled.tables.get(table.foldedName);
    if (policies === undefined) return false;
    return database.auth.asPrincipal(this.#principal, () => database.judge.allows(policies, write));
  }

  #find({ table: name, pk }: PacketRow): { table: TrackedTable; clock: ClockRow } | undefined {
    const table = this.#scoped.tables.byName(name);
    const clock = table?.findClockOf(pk);
    return table === undefined || clock === undefined ? undefined : { table, clock };
  }

  /** Whether the row is, or was, in a scope that the principal has. */
  #hasSeen({ table, pk }: { table: TrackedTable; pk: Buffer }): boolean {
    const { database } = this.#scoped;
    const sql = 'SELECT scope FROM cloudsync_scope_rows WHERE tbl = ? AND pk = ?';
    const entries = database.prepare<unknown[], { scope: number }>(sql).all(table.id, pk);
    if (entries.length === 0) return false;
    const own = scopesOf(this.#scoped, this.#principal);
    return entries.some(({ scope }) => own.has(scope));
  }
}

function list(objections: ReadonlyMap<string, Objection>) {
  return [...objections.values()].map(({ table, pk }) => ({ table: { name: table }, pk }));
}
