/**
 * refused_rows.ts: rows that a merge leaves out of what arrives: a server has judged them, and refuses them. Keys count
 * as the same when the table would store the same: a packet may say '5' where the clocks say 5, and no spelling may get
 * a refused row through.
 */
import { findTable, Table } from '../catalog/table';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { xxh64 } from '../bytes/xxh64';
import { isKeyOf } from '../clock/keys';
import { storedKey } from '../clock/stored_key';
import { NamedRows } from '../packet/named_rows';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { failWith, hasFailed } from '../sql/failure';

const SLOTS: i32 = 1024;

class Refused {
  constructor(
    public table: Slice,
    public key: Slice,
    /** Next row with the same hash slot. */
    public next: Refused | null,
  ) {}
}

export class RefusedRows {
  private slots: StaticArray<Refused | null> = new StaticArray<Refused | null>(SLOTS);

  /** Reads a list of rows (packet/named_rows.ts) that stays where it is. Check hasFailed(). */
  constructor(list: Slice, tables: Array<Table>) {
    const reader = new Reader(list.pointer, list.pointer + list.size);
    const rows = new NamedRows(reader);
    while (rows.next() && !hasFailed()) this.add(rows.table, rows.key, findTable(tables, rows.table));
    if (reader.bad || reader.left != 0) failWith('the list of refused rows is damaged');
  }

  private add(name: Slice, key: Slice, table: Table | null): void {
    if (table != null && !table.open()) return;
    const stored = nameOf(table, key);
    const slot = slotOf(stored);
    this.slots[slot] = new Refused(name, stored, this.slots[slot]);
  }

  /** True when the row is to be left out: of the table with that name, `table` where it is here. */
  has(name: Slice, key: Slice, table: Table | null): bool {
    const mark = arenaMark();
    const stored = nameOf(table, key);
    let refused = this.slots[slotOf(stored)];
    while (refused != null && !(refused.key.equals(stored) && refused.table.equalsIgnoreCase(name)))
      refused = refused.next;
    arenaRelease(mark);
    return refused != null;
  }
}

function slotOf(key: Slice): i32 {
  return <i32>(xxh64(key.pointer, key.size, 0) & (SLOTS - 1));
}

/** The key of a row; one that fits no table here is only equal to itself. */
function nameOf(table: Table | null, key: Slice): Slice {
  return table != null && isKeyOf(table, key) ? storedKey(table, key.pointer) : key;
}
