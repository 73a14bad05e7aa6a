/**
 * trigger_switch.ts: triggers during a merge. Where nothing but our own triggers would run, they are switched off, so
 * that merged rows are not logged as local writes. Where the application has triggers on a table of the packet,
 * triggers stay on: full-text indexes and derived tables depend on them. What our own triggers then log about rows
 * that the packet itself wrote is dropped afterwards; what they log about other rows stays and counts as local
 * changes. (Foreign-key actions run on no tracked row during a merge, see departures.ts.)
 */
import { sql_triggers } from '../host';
import { hasApplicationTrigger } from '../capture/triggers';
import { hasLog } from '../fold/fold';
import { Table } from '../catalog/table';
import { hasFailed } from '../sql/failure';
import { execute, executeLiteral } from '../sql/statement';
import { Text } from '../sql/text';
import { switchTriggers } from '../sql/transaction';

export class TriggerSwitch {
  private before: i32;
  private off: bool = false;
  private merging: bool = false;
  /** The application has triggers on tables of the packet. */
  applicationTriggers: bool = false;

  constructor() {
    this.before = sql_triggers(-1);
  }

  /** Chooses for the tables of one packet. False on errors. */
  set(tables: Array<Table>): bool {
    this.applicationTriggers = false;
    for (let i = 0; i < tables.length; i++) {
      if (!this.applicationTriggers) this.applicationTriggers = hasApplicationTrigger(tables[i]);
    }
    const needed = this.applicationTriggers;
    if (hasFailed()) return false;
    if (!needed && !this.off) {
      switchTriggers(0);
      this.off = true;
    } else if (needed && this.off) {
      this.switchBack();
    }
    return !needed || this.markMerging();
  }

  /** Lets the guards of `dws` and `gos` tables pass what the merge writes. */
  private markMerging(): bool {
    if (this.merging) return true;
    this.merging = true;
    return executeLiteral("INSERT OR REPLACE INTO main.cloudsync_settings VALUES('merging',1)");
  }

  /** No triggers for the next statements, up to `resume`. */
  pause(): void {
    switchTriggers(0);
  }

  /** Triggers of the application for the next statements, up to `resume`. False on errors. */
  allow(): bool {
    switchTriggers(this.before);
    return this.markMerging();
  }

  resume(): void {
    switchTriggers(this.off ? 0 : this.before);
  }

  /** True when our triggers are logging what the merge writes. */
  get logging(): bool {
    return !this.off;
  }

  private switchBack(): void {
    if (this.off) switchTriggers(this.before);
    this.off = false;
  }

  /** Restores the connection's setting; the guards of `dws` and `gos` tables are on again. */
  close(): bool {
    this.switchBack();
    if (hasFailed()) return false;
    return this.merging ? executeLiteral("DELETE FROM main.cloudsync_settings WHERE key='merging'") : true;
  }
}

/** Drops log entries about rows whose clocks changed after `seq`, that is, in this packet. False on errors. */
export function dropOwnLog(tables: Array<Table>, seq: i64): bool {
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    if (!hasLog(table)) continue;
    if (!table.open()) return false;
    const sql = new Text().add('DELETE FROM ').main(table.logName).add(' AS l WHERE EXISTS(SELECT 1 FROM ');
    sql.main(table.clockName).add(' AS c WHERE c.seq>').number(seq);
    for (let k = 0; k < table.keys.length; k++) sql.add(' AND c.pk').number(k).add('=l.pk').number(k);
    if (!execute(sql.add(')'))) return false;
  }
  return !hasFailed();
}
