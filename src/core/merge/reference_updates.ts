/**
 * reference_updates.ts: ON UPDATE under merge. Before a merged row changes columns that other rows refer to (unique
 * ones besides the key), these rows become held; afterwards the foreign key's action gives them the new value, as an
 * edit of this device. (A changed key is a deletion and an insert, so ON DELETE decides there.)
 */
import { ACTION_CASCADE, ACTION_NONE, ACTION_SET_DEFAULT, ForeignKey } from '../catalog/foreign_keys';
import { HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { compareValues } from '../bytes/value';
import { RowClock } from '../clock/row_clock';
import { hasFailed } from '../sql/failure';
import { DataTable } from './data_table';
import { exchangeIsComplete } from './completion';
import { Member } from './placement';
import { defaultOf, editHeld, encodedNull, isOwn, isUnseen } from './reference_actions';
import { childKeys, RowValues } from './row_values';
import { Visibility } from './visibility';

class Detached {
  constructor(
    public foreign: ForeignKey,
    public child: Table,
    public key: Slice,
  ) {}
}

export class ReferenceUpdates {
  /** The foreign keys that refer to other columns than the key. */
  private keys: Array<ForeignKey> = [];
  private detached: Array<Detached> = [];

  constructor(
    private table: Table,
    private visibility: Visibility,
  ) {
    const keys = visibility.referringTo(table);
    for (let i = 0; i < keys.length; i++) if (keys[i].keyPlaces() == null) this.keys.push(keys[i]);
  }

  private concerns(foreign: ForeignKey, changes: ColumnSet): bool {
    for (let i = 0; i < foreign.parentColumns.length; i++) {
      const index = this.table.columnIndex(foreign.parentColumns[i]);
      if (index >= 0 && changes.value(index) != 0) return true;
    }
    return false;
  }

  /** Before the row `key`, which is visible, gets `changes`: what refers to it is hidden. False on errors. */
  before(key: usize, changes: ColumnSet): bool {
    this.detached = [];
    for (let i = 0; i < this.keys.length; i++) {
      const child: Table | null = this.keys[i].child;
      if (child == null || !this.concerns(this.keys[i], changes)) continue;
      const found = childKeys(this.keys[i], this.table, key);
      for (let k = 0; k < found.length; k++) {
        this.detached.push(new Detached(this.keys[i], child, new Slice(found[k].start, found[k].size)));
      }
      if (!this.visibility.hideReferring(this.keys[i], this.table, found)) return false;
    }
    return !hasFailed();
  }

  /** After it: the actions run. `clock` has the stamps of the row. False on errors. */
  after(key: usize, clock: RowClock): bool {
    if (this.detached.length == 0) return true;
    const data = new DataTable(this.table, false);
    const values = new ColumnSet(this.table.width);
    const present = data.read(key, values);
    data.close();
    const row = new RowValues(this.table, key, values);
    for (let i = 0; present && i < this.detached.length && !hasFailed(); i++)
      this.act(this.detached[i], row, clock);
    return !hasFailed();
  }

  private act(detached: Detached, parent: RowValues, clock: RowClock): void {
    const foreign = detached.foreign;
    const child = detached.child;
    const held = new HeldRows(child);
    const values = new ColumnSet(child.width);
    if (foreign.onUpdate == ACTION_NONE || !held.read(detached.key.pointer, values)) return;
    const member = new Member(child, held, detached.key, values);
    const changes = new ColumnSet(child.width);
    let different = false;
    for (let i = 0; i < foreign.columns.length; i++) {
      const index = child.columnIndex(foreign.columns[i]);
      const value = this.newValue(foreign, i, index, child, parent);
      if (value == 0 || index < 0) return;
      if (values.value(index) == 0 || compareValues(values.value(index), value) != 0) different = true;
      changes.put(index, value);
    }
    if (!different) return;
    const column = this.newestColumn(foreign, clock);
    if (!exchangeIsComplete() && !isOwn(foreign, member)) return;
    if (!isUnseen(foreign, member, clock.stamps.clock(column), clock.stamps.site(column))) return;
    editHeld(member, changes);
  }

  private newValue(foreign: ForeignKey, place: i32, index: i32, child: Table, parent: RowValues): usize {
    if (foreign.onUpdate == ACTION_CASCADE) return parent.value(foreign.parentColumns[place]);
    return foreign.onUpdate == ACTION_SET_DEFAULT ? defaultOf(child, index) : encodedNull();
  }

  /** Which of the columns that are referred to was written last. */
  private newestColumn(foreign: ForeignKey, clock: RowClock): i32 {
    let newest = -1;
    for (let i = 0; i < foreign.parentColumns.length; i++) {
      const index = this.table.columnIndex(foreign.parentColumns[i]);
      if (index < 0) continue;
      if (newest < 0) newest = index;
      const stamps = clock.stamps;
      if (stamps.compare(index, stamps.clock(newest), stamps.site(newest)) > 0) newest = index;
    }
    return newest < 0 ? 0 : newest;
  }
}
