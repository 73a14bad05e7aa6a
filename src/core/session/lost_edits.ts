/**
 * lost_edits.ts: keeps what this device has written and has to give up. A row is about to be forgotten; those of its
 * values that only this device has go to cloudsync_rejected first (catalog/rejected.ts).
 *
 * Which those are its stamps say: own ones that no acknowledged batch has carried, and own ones that never leave this
 * device, because their table, column or row is not sent.
 */
import { addRejected } from '../catalog/rejected';
import { readSendSettings } from '../catalog/send_settings';
import { ownSite } from '../catalog/sites';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { addJson } from '../bytes/value_json';
import { Slice } from '../bytes/slice';
import { RowsOf } from '../merge/forgetting';
import { RowLimit } from '../packet/row_limit';
import { hasFailed } from '../sql/failure';
import { sliceOf, Text } from '../sql/text';
import { everythingSeq, sentClock, sentSeq, sinceSeq } from './endpoint';

const NO_LIMIT: i64 = i64.MAX_VALUE;

export class LostEdits {
  private sent: i64 = sentSeq();
  private clock: i64 = sentClock();
  private since: i64 = sinceSeq();
  /** What others wrote is on its way too. */
  private relays: bool = false;
  /** What of the row that is being looked at may leave this device, by seq. */
  private limit: i64 = NO_LIMIT;

  constructor(tables: Array<Table>) {
    this.relays = this.since < everythingSeq();
    readSendSettings(tables);
  }

  /** Keeps what the server did not accept of the row. False on errors. */
  noteRefused(rows: RowsOf, code: Slice, reason: Slice): bool {
    return this.note(rows, this.clock, this.relays, code, reason);
  }

  /** Keeps what was written after the clock given, or would never have been sent. False on errors. */
  noteUnsent(rows: RowsOf, after: i64, code: Slice, reason: Slice): bool {
    return this.note(rows, after, false, code, reason);
  }

  /** Own stamps up to this clock have been sent, as far as their rows have. */
  get sentUpTo(): i64 {
    return this.clock;
  }

  private note(rows: RowsOf, after: i64, relays: bool, code: Slice, reason: Slice): bool {
    const clock = rows.clock;
    const name = rows.table.name;
    if (!clock.alive) {
      const isOwn = clock.site == ownSite();
      if (clock.seq <= this.sent || (isOwn ? clock.clock <= after : !relays)) return !hasFailed();
      return addRejected(name, rows.key, 'delete', sliceOf('{}'), code, reason);
    }
    this.limit = limitOf(rows.table, clock.seq);
    const lost = new ColumnSet(clock.stamps.width);
    const values = rows.values();
    let known = 0;
    let count = 0;
    for (let i = 0; i < clock.stamps.width; i++) {
      if (clock.stamps.clock(i) == 0) continue;
      known++;
      if (!this.isLost(rows, i, after, relays)) continue;
      count++;
      if (values.value(i) != 0) lost.put(i, values.value(i));
    }
    if (hasFailed() || count == 0) return !hasFailed();
    // Of a row that was written whole nobody can tell here whether it was there before.
    const operation = count == known ? 'insert' : 'update';
    return addRejected(name, rows.key, operation, asJson(rows.table, lost), code, reason);
  }

  private isLost(rows: RowsOf, index: i32, after: i64, relays: bool): bool {
    const clock = rows.clock;
    const moved = clock.seq > this.sent;
    if (clock.stamps.site(index) != ownSite()) return relays && moved && clock.columnSeq(index) > this.since;
    return (clock.stamps.clock(index) > after && moved) || this.stays(rows, index);
  }

  /** The column as it is now never leaves this device. */
  private stays(rows: RowsOf, index: i32): bool {
    const table = rows.table;
    const seq = rows.clock.columnSeq(index);
    if (table.kept || seq > this.limit || (!table.enabled && seq > table.pausedSeq)) return true;
    return !table.keyOnly && table.columns[index].kept;
  }

  /** True when the living row is known to this device alone and would never have been sent. */
  isPrivate(rows: RowsOf): bool {
    const clock = rows.clock;
    this.limit = limitOf(rows.table, clock.seq);
    for (let i = 0; i < clock.stamps.width; i++) {
      if (clock.stamps.clock(i) == 0) continue;
      if (clock.stamps.site(i) != ownSite() || !this.stays(rows, i)) return false;
    }
    return true;
  }
}

function asJson(table: Table, values: ColumnSet): Slice {
  const json = new Text(256).add('{');
  for (let i = 0; i < table.columns.length; i++) {
    if (values.value(i) == 0) continue;
    if (json.size > 1) json.add(',');
    addJson(json.json(table.columns[i].name).add(':'), values.value(i));
  }
  return json.add('}').slice();
}

/** The seq up to which columns of the row at `seq` may leave this device, by its table's filter. */
function limitOf(table: Table, seq: i64): i64 {
  if (table.filter.size == 0) return NO_LIMIT;
  const limits = new RowLimit(table);
  const limit = limits.of(seq, NO_LIMIT);
  limits.close();
  return limit;
}
