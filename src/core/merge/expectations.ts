/**
 * expectations.ts: what the rows that a packet wrote must look like in the end. Triggers of the application run during
 * a merge (an index has to follow it), but replicas stay equal only when a merged row shows the merged values: what a
 * trigger did to such a row (`updated_at = now`, or even a delete) is undone at the end of the packet.
 */
import { compareValues } from '../bytes/value';
import { Slice } from '../bytes/slice';
import { failWithSql, hasFailed, SQLITE_CONSTRAINT, SQLITE_DONE, SQLITE_ERROR } from '../sql/failure';
import { HeldRows } from '../catalog/held_rows';
import { ColumnSet } from '../bytes/column_set';
import { DataTable } from './data_table';

class Expectation {
  constructor(
    public key: Slice,
    public alive: bool,
    /** The values that are known; a column that is not in the set may show anything. */
    public values: ColumnSet,
  ) {}
}

export class Expectations {
  private list: Array<Expectation> = [];
  private shown: ColumnSet;
  private wrong: ColumnSet;

  constructor(
    private data: DataTable,
    private held: HeldRows,
    width: i32,
  ) {
    this.shown = new ColumnSet(width);
    this.wrong = new ColumnSet(width);
  }

  /** The row's columns as they are now, to be completed by what the packet changes; empty when it is not there. */
  before(key: Slice): ColumnSet {
    const values = new ColumnSet(this.shown.width);
    this.data.read(key.pointer, values);
    return values;
  }

  /** The packet has written the row: `values` overlaid by `changes`. */
  add(key: Slice, alive: bool, values: ColumnSet, changes: ColumnSet): void {
    values.overlay(changes);
    this.list.push(new Expectation(key, alive, values));
  }

  /** Forgets the row that was added last. */
  withdraw(): void {
    this.list.pop();
  }

  /** Restores rows that triggers have changed. Triggers must be off. False on errors. */
  restore(): bool {
    for (let i = 0; i < this.list.length; i++) {
      const code = this.restoreRow(this.list[i]);
      // A constraint refuses because of what the trigger did elsewhere: the row stays as the trigger left it.
      if (code != SQLITE_DONE && (code & 0xff) != SQLITE_CONSTRAINT)
        return failWithSql(code, 'restoring a merged row');
    }
    return !hasFailed();
  }

  private restoreRow(expected: Expectation): i32 {
    const key = expected.key.pointer;
    const present = this.data.read(key, this.shown);
    if (!expected.alive) return present ? this.data.remove(key) : SQLITE_DONE;
    if (!present && this.held.has(key)) return this.restoreHeld(expected);
    if (!present) return this.data.upsert(key, expected.values);
    this.wrong.clear();
    for (let i = 0; i < expected.values.width; i++) {
      const value = expected.values.value(i);
      if (value != 0 && compareValues(value, this.shown.value(i)) != 0) this.wrong.put(i, value);
    }
    return this.wrong.count > 0 ? this.data.update(key, this.wrong) : SQLITE_DONE;
  }

  /** Hidden since, because a row that it refers to had to leave, and kept with what triggers had made of it. */
  private restoreHeld(expected: Expectation): i32 {
    const key = expected.key.pointer;
    if (!this.held.read(key, this.shown)) return SQLITE_ERROR;
    this.shown.overlay(expected.values);
    return this.held.write(key, this.shown, this.held.reason(key)) ? SQLITE_DONE : SQLITE_ERROR;
  }
}
