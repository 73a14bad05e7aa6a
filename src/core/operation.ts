/**
 * operation.ts: the frame of every operation that reads or changes the core's state: open a transaction, read the
 * counters and sites, fold the logs, merge what is in the inbox, settle the row filters; at the end settle them again
 * (a merge may have changed rows), write the counters back and close the transaction.
 */
import { noticeSchema, schemaNews } from './capture/notice';
import { schemaHasChanged } from './capture/track';
import { currentSeq, loadCounters, saveCounters } from './catalog/counters';
import { catalogExists, ensureCatalog, failWithoutCatalog } from './catalog/schema';
import { loadSites } from './catalog/sites';
import { findTable, failUntracked, loadTables, Table } from './catalog/table';
import { Slice } from './bytes/slice';
import { hasUnsettled, settleFilters } from './fold/filter';
import { foldTables, hasLog } from './fold/fold';
import { sql_readonly } from './host';
import { WAITS_FOR_DATA, WAITS_FOR_SCHEMA } from './merge/held';
import { hasInbox, retryHeldChanges, takeInbox } from './merge/inbox';
import { PacketMerge } from './merge/packet_merge';
import { settleHeldRows } from './merge/settle';
import { TriggerSwitch } from './merge/trigger_switch';
import { hasFailed } from './sql/failure';
import { beginRead, beginWrite, endTransaction } from './sql/transaction';

/** The tracked tables of the operation that is running. */
export let tables: Array<Table> = [];

let writing: bool = false;

/**
 * Opens an operation that writes; creates the catalog when it is missing. After it, `tables` is loaded and the logs
 * are folded. On false the failure is recorded and the transaction closed.
 */
export function beginOperation(): bool {
  return beginWriting(false);
}

function beginWriting(altering: bool): bool {
  writing = true;
  if (!beginWrite()) return false;
  if (ensureCatalog() && enter(altering)) return true;
  return endTransaction(false);
}

/** Opens an operation on a database that must have tracked tables already. */
export function beginTrackedOperation(): bool {
  if (!catalogExists()) return hasFailed() ? false : failWithoutCatalog();
  return beginOperation();
}

/** As beginTrackedOperation, for what concerns a table that is being altered: that is left as it is. */
export function beginAlteringOperation(): bool {
  if (!catalogExists()) return hasFailed() ? false : failWithoutCatalog();
  return beginWriting(true);
}

/**
 * Opens an operation that reads. It writes only when there is something to fold or to take from the inbox; a read-only
 * database does nothing of this and shows what was done before.
 */
export function beginReading(): bool {
  if (!catalogExists()) return hasFailed() ? false : failWithoutCatalog();
  tables = loadTables();
  let log = false;
  for (let i = 0; i < tables.length && sql_readonly() == 0; i++)
    log = log || tables[i].altering || hasLog(tables[i]);
  if (log || (sql_readonly() == 0 && (hasInbox() || schemaHasChanged() || hasUnsettled(tables)))) {
    return beginOperation();
  }
  return beginReadingOn();
}

/** As beginReading, and folds nothing: for the pages of a scan after its first one. */
export function beginReadingOn(): bool {
  writing = false;
  if (!beginRead()) return false;
  loadCounters();
  loadSites();
  tables = loadTables();
  return hasFailed() ? endTransaction(false) : true;
}

function enter(altering: bool): bool {
  loadCounters();
  loadSites();
  tables = loadTables();
  if (!noticeSchema(tables, altering)) return false;
  return (schemaNews ? takeUp() : foldAndSettle()) && takeInbox() && settleFilters(tables);
}

function foldAndSettle(): bool {
  const seq = currentSeq();
  if (!foldTables(tables)) return false;
  return currentSeq() == seq ? !hasFailed() : settleHeld();
}

/** After local writes: rows that were held may have got their place, and others may have lost theirs. */
export function settleHeld(): bool {
  const triggers = new TriggerSwitch();
  const ok = settleHeldRows(tables, triggers, false);
  return triggers.close() && ok;
}

/** Goes on with the tables as they are now: what was logged for a change is folded, what waited for it is tried. */
export function takeUp(): bool {
  tables = loadTables();
  return foldTables(tables) && releaseWaiting();
}

/** Everything of an exchange has arrived: what had to wait for the rest of it is tried, and held rows are settled. */
export function finishExchange(): bool {
  const triggers = new TriggerSwitch();
  const ok =
    new PacketMerge(triggers, true).retryHeld(WAITS_FOR_DATA) && settleHeldRows(tables, triggers, true);
  return triggers.close() && ok;
}

/** Tries what is held until the schema has changed. */
export function releaseWaiting(): bool {
  if (!retryHeldChanges()) return false;
  const triggers = new TriggerSwitch();
  const ok =
    new PacketMerge(triggers, true).retryHeld(WAITS_FOR_SCHEMA) && settleHeldRows(tables, triggers, true);
  return triggers.close() && ok;
}

/** Closes the operation. False when it failed, also when the end itself does. */
export function endOperation(ok: bool): bool {
  const saved = ok && !hasFailed() && (!writing || (settleFilters(tables) && saveCounters()));
  tables = [];
  return endTransaction(saved);
}

/** The tracked table of that name, or null with a failure. */
export function trackedTable(name: Slice): Table | null {
  const table = findTable(tables, name);
  if (table == null) failUntracked(name);
  return table;
}
