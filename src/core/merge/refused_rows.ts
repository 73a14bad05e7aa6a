/**
 * refused_rows.ts: rows that a merge leaves out of what arrives: a server has judged them, and refuses them. Keys count
 * as the same when the table would store the same: a packet may say '5' where the clocks say 5, and no spelling may get
 * a refused row through.
 */
import { findTable, Table } from '../catalog/table';
import { canonicalKey } from '../catalog/held_rows';
import { isStoredAsIs, storedValue } from '../catalog/stored_value';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { valueSize } from '../bytes/value';
import { Writer } from '../bytes/writer';
import { xxh64 } from '../bytes/xxh64';
import { isKeyOf } from '../clock/keys';
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
    const stored = storedKey(table, key);
    const slot = slotOf(stored);
    this.slots[slot] = new Refused(name, stored, this.slots[slot]);
  }

  /** True when the row is to be left out: of the table with that name, `table` where it is here. */
  has(name: Slice, key: Slice, table: Table | null): bool {
    const mark = arenaMark();
    const stored = storedKey(table, key);
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

/**
 * The key as the table would store it, in bytes that are equal when the keys are. A key that fits no table here is only
 * equal to itself.
 */
function storedKey(table: Table | null, key: Slice): Slice {
  if (table == null || !isKeyOf(table, key)) return key;
  const target = new Writer(64);
  let at = key.pointer;
  for (let i = 0; i < table.keys.length; i++) {
    const type = table.keys[i].declaredType;
    const size = valueSize(at);
    if (isStoredAsIs(at, type)) {
      target.bytes(at, size);
    } else {
      const stored = storedValue(type, false, at);
      target.bytes(stored.start, stored.size);
    }
    at += size;
  }
  return canonicalKey(table, target.start);
}
