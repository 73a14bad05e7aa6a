/**
 * settle.ts: decides which held rows return to their tables. What is visible shall be a function of the merged state
 * (docs/PROTOCOL.md section 2.2), whatever the order in which it came:
 *
 *     - a row that its table refuses by itself is held;
 *     - with foreign keys on, a row is held while the row that it refers to is not visible;
 *     - of rows that claim the same unique value the one with the oldest claim (row_ranks.ts) is visible.
 *
 * Because claims are totally ordered there is exactly one set of visible rows like that. It is reached by trying held
 * rows, parents' tables first and the oldest claims first, until nothing moves any more (placement.ts): one that fits
 * is shown; one that only younger rows oppose takes their place, and they are held.
 */
import { currentSeq } from '../catalog/counters';
import { deferForeignKeys, ForeignKey, foreignKeysEnforced } from '../catalog/foreign_keys';
import { anyRowHeld, HeldRows } from '../catalog/held_rows';
import { rankTables } from '../catalog/ranks';
import { ReferenceGroups } from '../catalog/reference_groups';
import { setInteger, settingInteger } from '../catalog/settings';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sliceOf } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { Member, Placement } from './placement';
import { ReferenceActions } from './reference_actions';
import { Rank, RowRanks, sortRanks } from './row_ranks';
import { TriggerSwitch } from './trigger_switch';
import { Visibility } from './visibility';
import { waitForParent, wakeAll, wakeForChanges, wakeWaiting } from './waiting';

const SETTLED = 'settled';
const PLACE_SAVEPOINT = 'cloudsync_place';

/** Every round that moves something makes older claims visible, so there is an end; this is the emergency brake. */
const ROUNDS_MAX: i32 = 1000;

class Settler {
  private visibility: Visibility;
  private actions: ReferenceActions;
  private groups: ReferenceGroups;
  private moved: bool = false;

  constructor(
    private tables: Array<Table>,
    triggers: TriggerSwitch,
  ) {
    const visibility = new Visibility(tables, triggers);
    this.visibility = visibility;
    this.actions = new ReferenceActions(visibility);
    this.groups = new ReferenceGroups(visibility.foreignKeysInForce());
  }

  run(): bool {
    const last = rankTables(this.tables);
    let seen = currentSeq();
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.moved = false;
      for (let rank = 0; rank <= last; rank++) {
        for (let i = 0; i < this.tables.length; i++) {
          if (this.tables[i].rank == rank && !this.settleTable(this.tables[i])) return false;
        }
      }
      if (!this.moved) break;
      const now = currentSeq();
      if (now > seen && !wakeForChanges(this.tables, seen)) return false;
      seen = now;
    }
    return !hasFailed();
  }

  private settleTable(table: Table): bool {
    if (!table.open() || table.missing || table.altering || !table.enabled) return !hasFailed();
    const mark = arenaMark();
    const held = new HeldRows(table);
    const claims = this.claims(table, held);
    const inner = arenaMark();
    for (let i = 0; i < claims.length && !hasFailed(); i++) {
      this.settleRow(table, held, claims[i]);
      arenaRelease(inner);
    }
    arenaRelease(mark);
    return !hasFailed();
  }

  /** The claims of the table's held rows, the oldest first. */
  private claims(table: Table, held: HeldRows): Array<Rank> {
    const ranks = new RowRanks(table);
    const clocks = new ClockTable(table, false);
    const clock = new RowClock(table);
    const list: Array<Rank> = [];
    const keys = held.keysToTry();
    for (let i = 0; i < keys.length && !hasFailed(); i++) {
      if (clocks.read(keys[i].pointer, clock)) list.push(ranks.of(clock, keys[i]));
    }
    clocks.close();
    sortRanks(list);
    return list;
  }

  private settleRow(table: Table, held: HeldRows, claim: Rank): void {
    const key = claim.key.pointer;
    const values = new ColumnSet(table.width);
    if (!held.read(key, values)) return;
    const row = new Member(table, held, claim.key, values);
    const placement = new Placement(this.visibility, this.groups, claim);
    if (!placement.gather(row)) {
      if (!hasFailed()) this.wait(row, placement.broken);
      return;
    }
    if (!savepoint(PLACE_SAVEPOINT)) return;
    if (placement.place() && !hasFailed()) {
      placement.announceFiltered();
      for (let i = 0; i < placement.members.length; i++) {
        wakeWaiting(placement.members[i].table, placement.members[i].key);
      }
      releaseSavepoint(PLACE_SAVEPOINT);
      this.moved = true;
      return;
    }
    const reason = this.visibility.reason;
    if (rollbackToSavepoint(PLACE_SAVEPOINT) && !hasFailed()) held.explain(key, reason);
  }

  /** The row has no parent that is visible. When that one is dead, the foreign key may want an edit. */
  private wait(row: Member, broken: ForeignKey | null): void {
    if (broken == null) {
      row.held.explain(row.key.pointer, sliceOf('a row that it refers to, directly or not, is held'));
    } else if (this.actions.apply(broken, row)) {
      this.moved = true;
    } else if (!hasFailed() && row.held.explain(row.key.pointer, this.actions.reason)) {
      if (!this.actions.parentIsDead) waitForParent(broken, row, this.groups);
    }
  }
}

/** What the newest settling has seen: the newest change, and whether foreign keys counted. */
function settledState(enforced: bool): i64 {
  return currentSeq() * 2 + (enforced ? 1 : 0);
}

/** Wakes what waits for rows that have changed since the last settling; everything when foreign keys count anew. */
function wakeSince(tables: Array<Table>, enforced: bool): bool {
  const settled = settingInteger(SETTLED, -1);
  const comparable = settled >= 0 && (settled & 1) == (enforced ? 1 : 0);
  return comparable ? wakeForChanges(tables, settled >> 1) : wakeAll();
}

/**
 * Brings held rows to where the merged state wants them. Inside an operation that writes, with the logs folded. Where
 * no row has changed since the last time nothing is done, unless `anew`: the schema may be another one, or the exchange
 * complete. False on errors.
 */
export function settleHeldRows(tables: Array<Table>, triggers: TriggerSwitch, anew: bool): bool {
  if (!anyRowHeld()) return !hasFailed();
  const enforced = foreignKeysEnforced();
  if (!anew && settingInteger(SETTLED, -1) == settledState(enforced)) return !hasFailed();
  if (!(anew ? wakeAll() : wakeSince(tables, enforced))) return false;
  const settler = new Settler(tables, triggers);
  const deferred = deferForeignKeys(1);
  const ok = deferred >= 0 && settler.run() && deferForeignKeys(deferred) >= 0;
  return ok && setInteger(SETTLED, settledState(enforced));
}
