/** payload_merge.ts: merges all packets of a payload in one transaction: all of it or, after a failure, nothing. */
import { loadSites } from '../catalog/sites';
import { loadTables } from '../catalog/table';
import { foldTables } from '../fold/fold';
import { Slice } from '../bytes/slice';
import { PacketStream } from '../packet/source';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { WAITS_FOR_DATA } from './held';
import { PacketMerge } from './packet_merge';
import { RefusedRows } from './refused_rows';
import { settleHeldRows } from './settle';
import { TriggerSwitch } from './trigger_switch';

/**
 * Merges the packets of a source. Inside an operation that writes. `sender` is the site that they come from, for a
 * server that has to know, else 0; `refused` are left out. Returns the rows merged, -1 after a failure.
 */
export function mergeSource(source: PacketStream, sender: i32, refused: RefusedRows | null): i64 {
  const triggers = new TriggerSwitch();
  const merge = new PacketMerge(triggers, false);
  merge.sender = sender;
  merge.refusedRows = refused;
  while (!hasFailed()) {
    const mark = arenaMark();
    const packet = source.next();
    if (packet == null) break;
    merge.merge(packet);
    arenaRelease(mark);
    loadSites();
  }
  return finish(triggers, merge);
}

/** Merges one packet that lies in memory. As mergeSource. */
export function mergeOne(packet: Slice): i64 {
  const triggers = new TriggerSwitch();
  const merge = new PacketMerge(triggers, false);
  const mark = arenaMark();
  merge.merge(packet);
  arenaRelease(mark);
  loadSites();
  return finish(triggers, merge);
}

/** Tries what is held again, now that something has arrived, and restores the triggers. */
function finish(triggers: TriggerSwitch, merge: PacketMerge): i64 {
  const rows = merge.rows;
  let ok = !hasFailed();
  if (ok && rows > 0) ok = new PacketMerge(triggers, true).retryHeld(WAITS_FOR_DATA) && settle(triggers);
  return triggers.close() && ok ? rows : -1;
}

/** What foreign-key actions and triggers of the application did to other rows counts before it is settled. */
function settle(triggers: TriggerSwitch): bool {
  const tables = loadTables();
  return foldTables(tables) && settleHeldRows(tables, triggers, false);
}
