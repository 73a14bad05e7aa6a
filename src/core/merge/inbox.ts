/**
 * inbox.ts: changes that were inserted into cloudsync_changes. The INSERT checks a row and puts it into cloudsync_inbox
 * as cells (bytes/cell.ts); the next operation merges all that is there in its own transaction, like packets. So what
 * an INSERT brings lives and dies with its transaction, and merging has the savepoints that it needs.
 *
 * Nothing in the inbox can stop an operation: what fits no table, or is refused by the merge, goes to cloudsync_held
 * with the reason, and is tried again when the schema has changed.
 */
import { loadCounters, saveCounters } from '../catalog/counters';
import { rankTables } from '../catalog/ranks';
import { sendEverything } from '../catalog/send_settings';
import { loadSites } from '../catalog/sites';
import { loadTables, Table } from '../catalog/table';
import { CellReader } from '../bytes/cell';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { ARRIVED, ChangeReader } from '../packet/change_reader';
import { PickedChanges } from '../packet/picked_changes';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed, takeRefusal } from '../sql/failure';
import { execute, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { TYPE_BLOB, TYPE_TEXT } from '../sql/types';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { heldPacket, holdChange, releaseHeld, WAITS_AS_CHANGE } from './held';
import { setMergingTable } from './merging';
import { mergeSource } from './payload_merge';

/** Bytes of the changes that are merged together. */
const CHUNK_BYTES: u32 = 1 << 20;
const INBOX_SAVEPOINT = 'cloudsync_inbox';

export function hasInbox(): bool {
  return queryInteger(new Text().add('SELECT 1 FROM main.cloudsync_inbox LIMIT 1'), 0) != 0;
}

/** Puts the cells of a checked row into the inbox. Its id; check hasFailed(). */
export function putIntoInbox(change: Slice): i64 {
  const insert = new Statement(
    new Text().add('INSERT INTO main.cloudsync_inbox(change) VALUES(?1) RETURNING id'),
  );
  const id = insert.blob(1, change.pointer, change.size).step() ? insert.columnInteger(0) : 0;
  if (id != 0) insert.run();
  insert.close();
  return id;
}

/** The tracked tables, open, so that nothing of them is allocated in a loop that releases it. */
function openTables(): Array<Table> {
  const tables = loadTables();
  for (let i = 0; i < tables.length; i++) tables[i].open();
  rankTables(tables);
  return tables;
}

/** Merges what is in the inbox and empties it. Inside an operation that writes, after the fold. False on errors. */
export function takeInbox(): bool {
  if (!hasInbox()) return !hasFailed();
  const tables = openTables();
  let more = true;
  while (more && !hasFailed()) {
    const mark = arenaMark();
    more = takeChunk(tables);
    arenaRelease(mark);
    loadSites();
  }
  return !hasFailed() && sendEverything();
}

/** False when nothing was left, and on errors. */
function takeChunk(tables: Array<Table>): bool {
  const select = new Statement(new Text().add('SELECT id, change FROM main.cloudsync_inbox ORDER BY id'));
  const changes: Array<Slice> = [];
  let size: u32 = 0;
  let last: i64 = 0;
  while (size < CHUNK_BYTES && select.step()) {
    last = select.columnInteger(0);
    const change = select.columnBytes(1);
    size += change.size;
    changes.push(change);
  }
  select.close();
  if (changes.length == 0 || hasFailed()) return false;
  const fitting: Array<Slice> = [];
  for (let i = 0; i < changes.length; i++) {
    if (fits(tables, changes[i])) fitting.push(changes[i]);
    else if (hasFailed() || !hold(changes[i])) return false;
  }
  if (!mergeAll(tables, fitting)) return false;
  return execute(new Text().add('DELETE FROM main.cloudsync_inbox WHERE id<=').number(last));
}

/** Why the newest change was not merged. */
let refusal: Slice | null = null;

/** Can a packet be made of the change here and now? On false: `refusal`, or a failure that is not about the change. */
function fits(tables: Array<Table>, change: Slice): bool {
  if (new ChangeReader(tables, CellReader.ofMemory(change), ARRIVED).next() != null) return true;
  refusal = takeRefusal();
  return false;
}

/** Keeps a change that was refused where the user finds it, whatever is in it. */
function hold(change: Slice): bool {
  const reason = refusal!;
  const none = new Slice(0, 0);
  const names: StaticArray<Slice> = [none, none, none];
  const cells = CellReader.ofMemory(change);
  for (let i = 0; i < names.length && cells.next(change.size); i++) {
    if (cells.type == TYPE_TEXT || cells.type == TYPE_BLOB) names[i] = cells.bytes;
  }
  if (hasFailed() && takeRefusal() == null) return false;
  return holdChange(names[0], names[1], names[2], reason, change);
}

/** All together, so that rows come with what they refer to; when that is refused, one by one. */
function mergeAll(tables: Array<Table>, changes: Array<Slice>): bool {
  if (changes.length == 0) return true;
  const together = new Writer(CHUNK_BYTES);
  for (let i = 0; i < changes.length; i++) together.bytes(changes[i].pointer, changes[i].size);
  if (attempt(tables, new Slice(together.start, together.size))) return true;
  for (let i = 0; i < changes.length && !hasFailed(); i++) {
    if (!attempt(tables, changes[i]) && !hasFailed()) hold(changes[i]);
  }
  return !hasFailed();
}

/** Merges changes in a savepoint. On false nothing has happened: `refusal`, or a failure that stands. */
function attempt(tables: Array<Table>, changes: Slice): bool {
  if (!saveCounters() || !savepoint(INBOX_SAVEPOINT)) return false;
  const reader = new ChangeReader(tables, CellReader.ofMemory(changes), ARRIVED);
  if (mergeSource(new PickedChanges(reader, false), 0, null) >= 0) {
    return saveCounters() && releaseSavepoint(INBOX_SAVEPOINT);
  }
  setMergingTable(null);
  refusal = takeRefusal();
  if (refusal == null || !rollbackToSavepoint(INBOX_SAVEPOINT)) return false;
  loadCounters();
  loadSites();
  return false;
}

/** Tries the changes again that fitted no table when they came. False on errors. */
export function retryHeldChanges(): bool {
  const ids: Array<i64> = [];
  const select = new Statement(
    new Text()
      .add('SELECT id FROM main.cloudsync_held WHERE waits=')
      .number(WAITS_AS_CHANGE)
      .add(' AND tbl COLLATE NOCASE IN (SELECT name FROM main.cloudsync_tables) ORDER BY id'),
  );
  while (select.step()) ids.push(select.columnInteger(0));
  select.close();
  if (ids.length == 0) return !hasFailed();
  const tables = openTables();
  let merged = false;
  for (let i = 0; i < ids.length && !hasFailed(); i++) {
    const mark = arenaMark();
    const change = heldPacket(ids[i]);
    if (fits(tables, change) && attempt(tables, change)) merged = releaseHeld(ids[i]);
    arenaRelease(mark);
    loadSites();
  }
  return !hasFailed() && (!merged || sendEverything());
}
