/**
 * packet_merge.ts: merges one packet. Nothing of it may stop the rest: a row that its table refuses is held
 * (catalog/held_rows.ts), a row whose table or column is not known here is kept as a packet (merge/held.ts).
 *
 * Foreign keys: checking is put off to the end of the packet. Where violations are left then, or something opposes a
 * deletion, the packet is undone and merged once more carefully: each row in a savepoint of its own. A row whose parent
 * is missing is held. Deletions are tried until no more of them can be done (a child may be deleted by the same packet
 * as its parent), then all that are left together (they may refer to each other in a circle); what is still opposed
 * then is settled by TableMerge.
 */
import { sql_foreign_key_violations } from '../host';
import { currentSeq, liftClock, loadCounters, saveCounters, restoreSeq } from '../catalog/counters';
import { deferForeignKeys } from '../catalog/foreign_keys';
import { loadSites, noteRelayed } from '../catalog/sites';
import { ALGORITHM_AWS, findTable, loadTables, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { Decoder, IncomingRow } from '../packet/decoder';
import { unseal } from '../packet/envelope';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { hasFailed } from '../sql/failure';
import { sliceOf, Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { exchangeIsComplete } from './completion';
import { heldIds, heldPacket, holdRow, releaseHeld, WAITS_FOR_DATA, WAITS_FOR_SCHEMA } from './held';
import { setMergingTable } from './merging';
import { OUTCOME_APPLIED, OUTCOME_BLOCKED, OUTCOME_FAILED, OUTCOME_KNOWN, OUTCOME_REFUSED } from './outcome';
import { RefusedRows } from './refused_rows';
import {
  BROKEN_REFERENCE,
  MODE_HOLD,
  MODE_NORMAL,
  MODE_SETTLE,
  MODE_TOGETHER,
  TableMerge,
} from './table_merge';
import { dropOwnLog, TriggerSwitch } from './trigger_switch';
import { Visibility } from './visibility';

const PACKET_SAVEPOINT = 'cloudsync_packet';
const HELD_SAVEPOINT = 'cloudsync_held';
const CAREFUL_SAVEPOINT = 'cloudsync_careful';
const TOGETHER_SAVEPOINT = 'cloudsync_together';

/** How the rows of a pass are merged. */
const TOGETHER: i32 = 0;
const ONE_BY_ONE: i32 = 1;
/** One by one, and deletions that something opposes are settled. */
const FINALLY: i32 = 2;

export class PacketMerge {
  /** Rows in the packets merged so far. */
  rows: i64 = 0;
  /** Rows (or parts of rows) that have to wait as packets, of the newest packet. */
  private refused: i32 = 0;
  /** Deletions of the pass that something opposes. */
  private blocked: i32 = 0;
  private tables: Array<Table> = [];
  private way: i32 = TOGETHER;
  /** The application's own transaction has broken references already: then nobody can tell whose they are. */
  private violatedBefore: bool = false;
  /** Deletions are tried that only exclude each other. */
  private allAtOnce: bool = false;
  private sawDeletion: bool = false;
  /** The merges of this pass, open until its end. */
  private merges: Array<TableMerge> = [];
  private visibility: Visibility | null = null;
  /** On a server: the site whose device sends the packets; 0 elsewhere. */
  sender: i32 = 0;
  /** On a server: rows that are left out, as if the packets did not have them; null = none. */
  refusedRows: RefusedRows | null = null;

  /** `retrying`: the packet comes from cloudsync_held and is there still; what cannot be applied is not held again. */
  constructor(
    private triggers: TriggerSwitch,
    private retrying: bool,
  ) {}

  /**
   * Merges a packet. False on errors, with the failure recorded. The list of sites may
   * have grown: a caller that releases the arena loads it again.
   */
  merge(packet: Slice): bool {
    const ok = this.mergeBody(packet);
    this.tables = [];
    this.visibility = null;
    return ok && !hasFailed();
  }

  private mergeBody(packet: Slice): bool {
    const body = unseal(packet);
    if (body == null) return false;
    this.tables = loadTables();
    this.visibility = new Visibility(this.tables, this.triggers);
    if (!this.visibility!.enforced) return this.mergeTwice(body);
    const deferred = deferForeignKeys(1);
    return deferred >= 0 && this.mergeTwice(body) && deferForeignKeys(deferred) >= 0;
  }

  /** First all rows together; when something opposes that, once more and carefully. */
  private mergeTwice(body: Slice): bool {
    const rowsBefore = this.rows;
    this.violatedBefore = sql_foreign_key_violations() != 0;
    this.way = TOGETHER;
    if (!this.begin(PACKET_SAVEPOINT) || !this.pass(body)) return false;
    if (this.blocked == 0 && !this.violated()) return releaseSavepoint(PACKET_SAVEPOINT);
    if (!this.undo(PACKET_SAVEPOINT)) return false;
    this.rows = rowsBefore;
    this.way = ONE_BY_ONE;
    return this.pass(body);
  }

  /** The merge has left broken references. */
  private violated(): bool {
    return !this.violatedBefore && sql_foreign_key_violations() != 0;
  }

  private begin(name: string): bool {
    return saveCounters() && savepoint(name);
  }

  private undo(name: string): bool {
    if (!rollbackToSavepoint(name)) return false;
    loadCounters();
    loadSites();
    return !hasFailed();
  }

  /**
   * All rows: first the living ones, parents before children, then the deletions. So a child that moves from one parent
   * to another has moved before the cascade of its former parent's deletion comes.
   */
  private pass(body: Slice): bool {
    this.refused = 0;
    this.blocked = 0;
    this.merges = [];
    const startSeq = currentSeq();
    this.sawDeletion = false;
    if (!this.mergeRows(body, true)) return false;
    if (this.sawDeletion && !this.mergeDeletions(body)) return false;
    const settled = this.restoreRows();
    for (let i = 0; i < this.merges.length; i++) this.merges[i].close();
    if (!settled || !this.triggers.logging) return settled;
    return dropOwnLog(this.tables, startSeq);
  }

  private mergeDeletions(body: Slice): bool {
    if (this.way == TOGETHER) return this.mergeRows(body, false);
    const rowsBefore = this.rows;
    let before = 0;
    do {
      before = this.blocked;
      this.blocked = 0;
      this.rows = rowsBefore;
      if (!this.mergeRows(body, false)) return false;
    } while (this.blocked > 0 && this.blocked != before);
    if (this.blocked == 0 || this.allTogether(body)) return !hasFailed();
    this.rows = rowsBefore;
    this.way = FINALLY;
    return this.mergeRows(body, false);
  }

  /** True when the deletions that are left can be done at once. */
  private allTogether(body: Slice): bool {
    const rows = this.rows;
    const merges = this.merges.length;
    if (!this.begin(TOGETHER_SAVEPOINT)) return false;
    this.way = TOGETHER;
    this.allAtOnce = true;
    this.blocked = 0;
    const ok = this.mergeRows(body, false);
    this.way = ONE_BY_ONE;
    this.allAtOnce = false;
    this.rows = rows;
    if (!ok) return false;
    if (this.blocked == 0 && !this.violated()) return releaseSavepoint(TOGETHER_SAVEPOINT);
    // What was expected of the rows goes with what was done to them.
    while (this.merges.length > merges) this.merges.pop().close();
    this.undo(TOGETHER_SAVEPOINT);
    return false;
  }

  /** Undoes what triggers of the application did to the rows of this packet. */
  private restoreRows(): bool {
    if (!this.triggers.applicationTriggers) return !hasFailed();
    this.triggers.pause();
    let ok = true;
    for (let i = 0; ok && i < this.merges.length; i++) ok = this.merges[i].restore();
    this.triggers.resume();
    return ok && !hasFailed();
  }

  private mergeRows(body: Slice, alive: bool): bool {
    const decoder = new Decoder(body);
    if (!decoder.begin()) return false;
    if (alive && !this.triggers.set(this.targets(decoder))) return false;
    while (decoder.nextGroup()) {
      if (!this.mergeGroup(decoder, alive)) return false;
    }
    liftClock(decoder.largestClock);
    // Who brought a held packet is not known any more.
    if (this.retrying) return noteRelayed(decoder.sites, 0, currentSeq());
    return this.sender == 0 ? !hasFailed() : noteRelayed(decoder.sites, this.sender, currentSeq());
  }

  private targets(decoder: Decoder): Array<Table> {
    const list: Array<Table> = [];
    for (let i = 0; i < decoder.tables.length; i++) {
      const table = findTable(this.tables, decoder.tables[i].name);
      if (table != null) list.push(table);
    }
    return list;
  }

  private mergeGroup(decoder: Decoder, alive: bool): bool {
    const incoming = decoder.tables[decoder.table];
    const table = findTable(this.tables, incoming.name);
    if (table != null && !table.open()) return false;
    const reason = whyNot(table, incoming);
    let merge: TableMerge | null = null;
    if (reason == null) {
      merge = new TableMerge(table!, incoming, this.visibility!, this.triggers.applicationTriggers);
    }
    setMergingTable(table == null ? null : table.name);
    let clock = decoder.largestClock;
    for (let row = decoder.nextRow(); row != null; row = decoder.nextRow()) {
      if (this.isRefused(incoming, row, table)) {
        decoder.largestClock = clock;
        continue;
      }
      clock = decoder.largestClock;
      if (!row.alive) this.sawDeletion = true;
      if (row.alive != alive) continue;
      this.rows++;
      const mark = arenaMark();
      if (!this.mergeRow(merge, incoming, row, reason)) return false;
      if (merge == null) arenaRelease(mark);
    }
    if (merge != null) this.merges.push(merge);
    setMergingTable(null);
    return !hasFailed();
  }

  private isRefused(incoming: Table, row: IncomingRow, table: Table | null): bool {
    const refused = this.refusedRows;
    return refused != null && refused.has(incoming.name, row.key, table);
  }

  private mergeRow(merge: TableMerge | null, incoming: Table, row: IncomingRow, reason: Text | null): bool {
    if (merge == null) return this.hold(incoming, row, null, reason!.slice(), WAITS_FOR_SCHEMA);
    const mode = this.allAtOnce ? MODE_TOGETHER : MODE_NORMAL;
    const outcome = this.way == TOGETHER ? merge.merge(row, mode) : this.mergeCarefully(merge, row);
    if (outcome == OUTCOME_FAILED) return false;
    if (outcome == OUTCOME_BLOCKED) this.blocked++;
    if (outcome == OUTCOME_REFUSED) return this.hold(incoming, row, null, merge.refusal, WAITS_FOR_DATA);
    return merge.knowsAllColumns || this.holdUnknownColumns(merge, incoming, row);
  }

  private mergeCarefully(merge: TableMerge, row: IncomingRow): i32 {
    const outcome = this.attempt(merge, row, MODE_NORMAL);
    if (outcome != OUTCOME_BLOCKED) return outcome;
    if (row.alive) return this.attempt(merge, row, MODE_HOLD);
    if (this.way != FINALLY) return outcome;
    return exchangeIsComplete() ? this.attempt(merge, row, MODE_SETTLE) : OUTCOME_REFUSED;
  }

  /** One row in a savepoint. Blocked, and undone, when it breaks a reference. */
  private attempt(merge: TableMerge, row: IncomingRow, mode: i32): i32 {
    const seq = currentSeq();
    if (!savepoint(CAREFUL_SAVEPOINT)) return OUTCOME_FAILED;
    let outcome = merge.merge(row, mode);
    if (outcome == OUTCOME_FAILED || outcome == OUTCOME_KNOWN) {
      return releaseSavepoint(CAREFUL_SAVEPOINT) ? outcome : OUTCOME_FAILED;
    }
    if (outcome == OUTCOME_APPLIED && !this.violated()) {
      return releaseSavepoint(CAREFUL_SAVEPOINT) ? outcome : OUTCOME_FAILED;
    }
    if (outcome == OUTCOME_APPLIED) {
      merge.withdraw();
      merge.refusal = sliceOf(BROKEN_REFERENCE);
      outcome = mode == MODE_NORMAL ? OUTCOME_BLOCKED : OUTCOME_REFUSED;
    }
    restoreSeq(seq);
    return rollbackToSavepoint(CAREFUL_SAVEPOINT) ? outcome : OUTCOME_FAILED;
  }

  private holdUnknownColumns(merge: TableMerge, incoming: Table, row: IncomingRow): bool {
    const unknown = new StaticArray<bool>(incoming.columns.length);
    const reason = new Text().add("table '").bytes(incoming.name).add("' does not have yet: ");
    let count = 0;
    for (let i = 0; i < unknown.length; i++) {
      // What a deletion has seen of a column counts as soon as the column is here.
      const deleted = row.hasDeleted && row.deleted.clock(i) != 0;
      unknown[i] = (row.includes(i) || deleted) && !merge.knowsColumn(i);
      if (unknown[i]) reason.add(count++ > 0 ? ', ' : '').bytes(incoming.columns[i].name);
    }
    // Where adding wins, a column that is not known yet may keep a row alive that is dead here by all that is known:
    // then its other values are needed too.
    let include: StaticArray<bool> | null = unknown;
    if (incoming.algorithm == ALGORITHM_AWS) include = null;
    return count == 0 || this.hold(incoming, row, include, reason.slice(), WAITS_FOR_SCHEMA);
  }

  private hold(
    incoming: Table,
    row: IncomingRow,
    include: StaticArray<bool> | null,
    reason: Slice,
    waits: i32,
  ): bool {
    this.refused++;
    return this.retrying || holdRow(incoming, row, include, reason, waits);
  }

  /** Tries held rows again until none of them can be applied any more. `waits` as in held.ts. False on errors. */
  retryHeld(waits: i32): bool {
    let progress = true;
    while (progress && !hasFailed()) {
      progress = false;
      const ids = heldIds(waits);
      for (let i = 0; i < ids.length; i++) {
        const mark = arenaMark();
        const applied = this.retryOne(ids[i]);
        arenaRelease(mark);
        loadSites();
        if (hasFailed()) return false;
        if (applied) progress = true;
      }
    }
    return !hasFailed();
  }

  private retryOne(id: i64): bool {
    if (!saveCounters() || !savepoint(HELD_SAVEPOINT)) return false;
    const before = this.rows;
    const ok = this.merge(heldPacket(id)) && this.refused == 0;
    this.rows = before;
    if (hasFailed()) return false;
    if (ok && releaseHeld(id)) return saveCounters() && releaseSavepoint(HELD_SAVEPOINT);
    rollbackToSavepoint(HELD_SAVEPOINT);
    loadCounters();
    return false;
  }
}

/** Why a group cannot be merged at all, or null. */
function whyNot(table: Table | null, incoming: Table): Text | null {
  const reason = new Text().add("table '").bytes(incoming.name);
  if (table == null || table.missing) return reason.add("' is not synchronised in this database yet");
  if (table.altering)
    return reason.add("' is being altered on this device: call cloudsync_commit_alter first");
  if (!table.enabled) return reason.add("' is disabled on this device");
  if (table.algorithm != incoming.algorithm) return reason.add("' has another row algorithm here");
  let same = table.keys.length == incoming.keys.length;
  for (let i = 0; same && i < table.keys.length; i++) {
    same = table.keys[i].name.equalsIgnoreCase(incoming.keys[i].name);
  }
  return same ? null : reason.add("' has another primary key here");
}
