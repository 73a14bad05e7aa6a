/**
 * forgotten_rows.ts: rows that the server takes from this device, or whose state it replaces: because they have left
 * what the device may see, or because it did not accept an edit of them. What only this device has of them is kept
 * first (lost_edits.ts).
 */
import { wipeConflicts } from '../catalog/conflicts';
import { rankTables } from '../catalog/ranks';
import { ClockScan } from '../clock/clock_scan';
import { Slice } from '../bytes/slice';
import { Forgetting, RowsOf } from '../merge/forgetting';
import { forgetHeldPackets } from '../merge/held_packets';
import { settleHeld, tables } from '../operation';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sliceOf } from '../sql/text';
import { batchClock } from './endpoint';
import { LostEdits } from './lost_edits';

const LEFT = 'left';
const LEFT_REASON = 'the row left what this device may see before the edit was sent';

export class ForgottenRows {
  private forgetting: Forgetting = new Forgetting(tables);
  private edits: LostEdits = new LostEdits(tables);

  /** Rows that are gone now. */
  get count(): i64 {
    return this.forgetting.rows;
  }

  /** The row has left what this device may see. One that is not here is passed over. False on errors. */
  leave(table: Slice, key: Slice): bool {
    const mark = arenaMark();
    const rows = this.find(table, key);
    const ok = rows == null ? !hasFailed() : this.leaveUnsent(rows, this.edits.sentUpTo);
    arenaRelease(mark);
    return ok;
  }

  /** The row was accepted as the batch that waits has it, and this device may not see it. False on errors. */
  leaveAccepted(table: Slice, key: Slice): bool {
    const mark = arenaMark();
    const rows = this.find(table, key);
    const ok = rows == null ? !hasFailed() : this.leaveUnsent(rows, batchClock());
    arenaRelease(mark);
    return ok;
  }

  /** The server did not accept the row: what it shows of it comes with the answer. False on errors. */
  refuse(table: Slice, key: Slice, code: Slice, reason: Slice): bool {
    const mark = arenaMark();
    const rows = this.find(table, key);
    const ok =
      rows == null
        ? !hasFailed()
        : this.edits.noteRefused(rows, code, reason) && this.forgetting.forget(rows);
    arenaRelease(mark);
    return ok;
  }

  private find(table: Slice, key: Slice): RowsOf | null {
    return this.forgetting.forgetPackets(table, key) ? this.forgetting.find(table, key) : null;
  }

  private leaveUnsent(rows: RowsOf, after: i64): bool {
    return (
      this.edits.noteUnsent(rows, after, sliceOf(LEFT), sliceOf(LEFT_REASON)) && this.forgetting.forget(rows)
    );
  }

  /** Everything leaves that this device does not have for itself alone, children first. False on errors. */
  leaveAll(): bool {
    if (!forgetHeldPackets() || !wipeConflicts()) return false;
    const all = this.forgetting.all;
    for (let rank = rankTables(tables); rank >= 0; rank--) {
      for (let i = 0; i < all.length; i++) {
        if (all[i].table.rank == rank && !this.leaveTable(all[i])) return false;
      }
    }
    return !hasFailed();
  }

  private leaveTable(rows: RowsOf): bool {
    const scan = new ClockScan(rows.table, 0, i64.MAX_VALUE);
    const mark = arenaMark();
    let ok = true;
    // The scan's key is read before the next round makes another one.
    while (ok && scan.advance()) {
      const key = scan.encodedKey;
      const found = this.forgetting.find(rows.table.name, key);
      const stays = found == null || (found.clock.alive && this.edits.isPrivate(found));
      if (!stays) ok = this.leaveUnsent(found!, this.edits.sentUpTo);
      arenaRelease(mark);
    }
    scan.close();
    return ok && !hasFailed();
  }

  /** False on errors. */
  close(): bool {
    return this.forgetting.close() && !hasFailed();
  }
}

/** Puts held rows where they belong now that rows are gone. */
export function settleForgotten(count: i64): bool {
  return count == 0 || settleHeld();
}
