/** merging.ts: which table the running merge writes to; for cloudsync_is_sync() in triggers of the application. */
import { Slice } from '../bytes/slice';

let current: Slice | null = null;

export function setMergingTable(name: Slice | null): void {
  current = name;
}

/** Name of the table, or null when no merge is running. */
export function mergingTable(): Slice | null {
  return current;
}
