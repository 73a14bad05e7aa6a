/**
 * settle.ts: decides which held rows return to their tables. What is visible shall be a function of the merged state
 * (docs/PROTOCOL.md section 2.6), whatever the order in which it came:
 *
 *     - a row that its table refuses by itself is held;
 *     - with foreign keys on, a row is held while the row that it refers to is not visible;
 *     - of rows that claim the same unique value the one with the oldest claim (row_ranks.ts) is visible.
 *
 * Because claims are totally ordered there is exactly one set of visible rows like that. It is reached by trying held
 * rows, parents' tables first and the oldest claims first, until nothing moves any more: one that fits is shown; one
 * that only younger rows oppose takes their place, and they are held.
 */
import { HeldRows, anyRowHeld } from '../catalog/held_rows';
import { rankTables } from '../catalog/ranks';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { executeLiteral } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { ReferenceActions } from './reference_actions';
import { Rank, RowRanks, sortRanks } from './row_ranks';
import { TriggerSwitch } from './trigger_switch';
import { IN_CONFLICT, REFUSED, SHOWN, Visibility } from './visibility';

const PLACE_SAVEPOINT = 'cloudsync_place';

/** Only references in a circle through tables with unique indexes could go on for ever. */
const ROUNDS_MAX: i32 = 100;

/** Why a row is held that another one has displaced, until its next turn says more. */
const DISPLACED = 'UNIQUE constraint failed';

class Settler {
  private visibility: Visibility;
  private actions: ReferenceActions;
  private moved: bool = false;

  constructor(
    private tables: Array<Table>,
    triggers: TriggerSwitch,
  ) {
    this.visibility = new Visibility(tables, triggers);
    this.actions = new ReferenceActions();
    if (this.visibility.enforced) this.visibility.foreignKeys();
  }

  run(): bool {
    rankTables(this.tables);
    let last = 0;
    for (let i = 0; i < this.tables.length; i++) if (this.tables[i].rank > last) last = this.tables[i].rank;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.moved = false;
      for (let rank = 0; rank <= last; rank++) {
        for (let i = 0; i < this.tables.length; i++) {
          if (this.tables[i].rank == rank && !this.settleTable(this.tables[i])) return false;
        }
      }
      if (!this.moved) break;
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

  /** The table's held rows, the oldest claim first. */
  private claims(table: Table, held: HeldRows): Array<Rank> {
    const ranks = new RowRanks(table);
    const list: Array<Rank> = [];
    const keys = held.keys();
    for (let i = 0; i < keys.length && !hasFailed(); i++) list.push(rankOf(table, ranks, keys[i]));
    sortRanks(list);
    return list;
  }

  private settleRow(table: Table, held: HeldRows, claim: Rank): void {
    const key = claim.key.pointer;
    const values = new ColumnSet(table.width);
    if (!held.read(key, values)) return;
    const broken = this.visibility.brokenReference(table, key, values);
    if (hasFailed()) return;
    if (broken != null) {
      const acted = this.actions.apply(broken, table, held, claim.key, values);
      if (acted) this.moved = true;
      else if (!hasFailed()) held.explain(key, this.actions.reason);
      return;
    }
    if (!savepoint(PLACE_SAVEPOINT)) return;
    const shown = this.place(table, claim, values);
    if (hasFailed()) return;
    if (shown && held.drop(key)) {
      releaseSavepoint(PLACE_SAVEPOINT);
      this.moved = true;
      return;
    }
    const reason = this.visibility.reason;
    if (rollbackToSavepoint(PLACE_SAVEPOINT)) held.explain(key, reason);
  }

  /** Shows the row, and hides rows with younger claims that are in its way. True when it is visible then. */
  private place(table: Table, claim: Rank, values: ColumnSet): bool {
    const key = claim.key.pointer;
    let result = this.visibility.show(table, key, values);
    if (result != IN_CONFLICT) return result == SHOWN;
    const ranks = new RowRanks(table);
    while (result == IN_CONFLICT) {
      const other = rankOf(table, ranks, this.visibility.other);
      if (hasFailed()) return false;
      if (other.compare(claim) < 0) {
        this.visibility.explainConflict(table, key, values);
        return false;
      }
      if (!this.visibility.hide(table, other.key.pointer, sliceOf(DISPLACED))) return false;
      result = this.visibility.show(table, key, values);
    }
    return result == SHOWN;
  }
}

/** The rank of a living row by its encoded key. */
function rankOf(table: Table, ranks: RowRanks, key: Slice): Rank {
  const clocks = new ClockTable(table);
  const clock = new RowClock(table);
  clocks.read(key.pointer, clock);
  clocks.close();
  return ranks.of(clock, key);
}

/**
 * Brings held rows to where the merged state wants them. Inside an operation that writes, with the logs folded. False on
 * errors.
 */
export function settleHeldRows(tables: Array<Table>, triggers: TriggerSwitch): bool {
  if (!anyRowHeld()) return !hasFailed();
  const settler = new Settler(tables, triggers);
  if (!executeLiteral('PRAGMA defer_foreign_keys=ON')) return false;
  return settler.run() && executeLiteral('PRAGMA defer_foreign_keys=OFF');
}
