/**
 * held_packets.ts: what waits in cloudsync_held as packets of rows (merge/held.ts), by the names of the rows. Rows are
 * forgotten by the thousand and hardly anything waits: who asks learns quickly that there is nothing.
 */
import { Slice } from '../bytes/slice';
import { xxh64 } from '../bytes/xxh64';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { WAITS_FOR_SCHEMA } from './held';

const SLOTS: i32 = 4096;

export class HeldPackets {
  /** Keys with this hash are among those that wait. */
  private present: StaticArray<bool> = new StaticArray<bool>(SLOTS);
  private any: bool = false;

  constructor() {
    const statement = new Statement(
      new Text().add('SELECT pk FROM main.cloudsync_held WHERE table_id IS NULL'),
    );
    const mark = arenaMark();
    while (statement.step()) {
      this.present[slotOf(statement.columnBytes(0))] = true;
      this.any = true;
      arenaRelease(mark);
    }
    statement.close();
  }

  /** Forgets what waits of a row, and reports about it. False on errors. */
  forget(table: Slice, key: Slice): bool {
    if (!this.any || !this.present[slotOf(key)]) return true;
    const sql = new Text().add('DELETE FROM main.cloudsync_held WHERE table_id IS NULL AND pk=?2');
    const statement = new Statement(sql.add(' AND tbl=?1 COLLATE NOCASE'));
    const ok = statement.text(1, table).blob(2, key.pointer, key.size).run();
    statement.close();
    return ok;
  }
}

/** Forgets all packets that wait; what the application itself has inserted and the reports stay. False on errors. */
export function forgetHeldPackets(): bool {
  const sql = new Text().add('DELETE FROM main.cloudsync_held WHERE table_id IS NULL AND waits<=');
  return execute(sql.number(WAITS_FOR_SCHEMA));
}

function slotOf(key: Slice): i32 {
  return <i32>(xxh64(key.pointer, key.size, 0) & (SLOTS - 1));
}
