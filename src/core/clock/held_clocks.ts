/**
 * held_clocks.ts: the clocks of the held rows of a table, taken aside while clocks without data rows are removed: a
 * held row has none either, and is not gone.
 */
import { HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { ClockTable } from './clock_table';
import { RowClock } from './row_clock';

export class HeldClocks {
  private keys: Array<Slice>;
  private clocks: Array<RowClock> = [];

  constructor(private table: Table) {
    this.keys = new HeldRows(table).keys();
    const clocks = new ClockTable(table, false);
    for (let i = 0; i < this.keys.length && !hasFailed(); i++) {
      const clock = new RowClock(table);
      clocks.read(this.keys[i].pointer, clock);
      this.clocks.push(clock);
    }
    clocks.close();
  }

  /** Puts the clocks back that are missing now. False on errors. */
  restore(): bool {
    const clocks = new ClockTable(this.table, false);
    const now = new RowClock(this.table);
    let ok = !hasFailed();
    for (let i = 0; ok && i < this.clocks.length; i++) {
      const clock = this.clocks[i];
      ok = clocks.read(this.keys[i].pointer, now);
      if (!ok || now.found || !clock.found) continue;
      clock.found = false;
      ok = clocks.write(this.keys[i].pointer, clock, 0);
    }
    clocks.close();
    return ok;
  }
}
