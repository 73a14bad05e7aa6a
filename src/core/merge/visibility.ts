/**
 * visibility.ts: takes rows out of their data table (they are held from then on) and puts held rows back. Neither is
 * an edit: it must not be captured, nothing may be cascaded or nulled by it, and what triggers of the application do
 * to tracked rows because of it is undone. Untracked things that follow the table, as a full-text index does, still
 * follow.
 */
import { sql_foreign_key_violations } from '../host';
import { hasApplicationTrigger } from '../capture/triggers';
import { ForeignKey, foreignKeysEnforced, readForeignKeys } from '../catalog/foreign_keys';
import { canonicalKey, HeldRows } from '../catalog/held_rows';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { failWithSql, hasFailed, lastMessage, SQLITE_DONE, SQLITE_ROW } from '../sql/failure';
import { Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../sql/transaction';
import { DataTable, isRefusal } from './data_table';
import { bindRow, childKeys, keyOfRow, probeSql } from './row_values';
import { mergingTable, setMergingTable } from './merging';
import { AGAIN, KEPT, SideEffects, UNDONE } from './side_effects';
import { TriggerSwitch } from './trigger_switch';

const HIDE_SAVEPOINT = 'cloudsync_hide';
const SHOW_SAVEPOINT = 'cloudsync_show';

/** What became of an attempt to show a row. */
export const SHOWN: i32 = 0;
/** Another visible row has one of its unique values; `other` is the key of that row. */
export const IN_CONFLICT: i32 = 1;
/** The table refuses the row by itself; `reason` says why. Also on errors, see hasFailed(). */
export const REFUSED: i32 = 2;

/** A row that is to leave its table. */
class Leaving {
  constructor(
    public table: Table,
    public key: usize,
  ) {}
}

export class Visibility {
  /** Foreign keys are enforced on this connection. */
  readonly enforced: bool;
  private violatedBefore: bool;
  private keys: Array<ForeignKey> | null = null;
  private effects: SideEffects;
  /**
   * Rows of tables that are not tracked do not keep the rows that they refer to from being hidden: the foreign key's
   * own action runs on them. (One that forbids it leaves a violation behind, or SQLite refuses at once.)
   */
  overridesUntracked: bool = false;
  /** What cloudsync_is_sync() said before. */
  private merging: Slice | null = null;
  /** The key of the row that is in the way. */
  other: Slice = new Slice(0, 0);
  reason: Slice = new Slice(0, 0);

  constructor(
    private tables: Array<Table>,
    private triggers: TriggerSwitch,
  ) {
    this.enforced = foreignKeysEnforced();
    this.violatedBefore = sql_foreign_key_violations() != 0;
    this.effects = new SideEffects(tables, triggers);
  }

  /** The foreign keys of the schema, read when first needed. Call it before an arenaMark that is released. */
  foreignKeys(): Array<ForeignKey> {
    if (this.keys == null) this.keys = readForeignKeys(this.tables);
    return this.keys!;
  }

  /** The same when they are enforced, else none. */
  foreignKeysInForce(): Array<ForeignKey> {
    return this.enforced ? this.foreignKeys() : [];
  }

  /** Those of them that refer to the table. */
  referringTo(table: Table): Array<ForeignKey> {
    const all = this.foreignKeysInForce();
    const list: Array<ForeignKey> = [];
    for (let i = 0; i < all.length; i++) {
      const parent: Table | null = all[i].parent;
      if (parent != null && parent.id == table.id) list.push(all[i]);
    }
    return list;
  }

  /** False when references are broken that were not when this object was made: one of the rows shown since must go. */
  referencesHold(): bool {
    if (this.violatedBefore || sql_foreign_key_violations() == 0) return true;
    this.reason = sliceOf('FOREIGN KEY constraint failed');
    return false;
  }

  /**
   * Takes a row out of its table, and before it the rows that refer to it. All are held then, this one with `reason`.
   * False when rows of tables that are not tracked refer to one of them (then nothing has changed, and `reason` says
   * so), and on errors. A row that is not there is hidden already.
   */
  hide(table: Table, key: usize, reason: Slice): bool {
    const leaving: Array<Leaving> = [];
    if (!savepoint(HIDE_SAVEPOINT)) return false;
    return this.endHiding(this.keep(table, key, reason, leaving), leaving);
  }

  /** Hides rows that refer to a row of `parent` by this foreign key. As `hide`. */
  hideReferring(foreign: ForeignKey, parent: Table, found: Array<Writer>): bool {
    const leaving: Array<Leaving> = [];
    if (found.length == 0) return true;
    if (!savepoint(HIDE_SAVEPOINT)) return false;
    return this.endHiding(this.keepReferring(foreign, parent, found, leaving), leaving);
  }

  /**
   * Takes the rows out once all of them are kept, those first that were found last. (In a circle of references the
   * actions of foreign keys may take some of them already.)
   */
  private endHiding(kept: bool, leaving: Array<Leaving>): bool {
    let ok = kept;
    for (let i = leaving.length - 1; ok && i >= 0; i--) ok = this.takeOut(leaving[i]);
    if (ok && !hasFailed()) return releaseSavepoint(HIDE_SAVEPOINT);
    rollbackToSavepoint(HIDE_SAVEPOINT);
    return false;
  }

  /** Keeps the values of a visible row as those of a held one, and then those of the rows that refer to it. */
  private keep(table: Table, key: usize, reason: Slice, leaving: Array<Leaving>): bool {
    const data = new DataTable(table, false);
    const values = new ColumnSet(table.width);
    const visible = data.read(key, values);
    data.close();
    if (!visible) return !hasFailed();
    if (!new HeldRows(table).write(key, values, reason)) return false;
    leaving.push(new Leaving(table, key));
    const keys = this.referringTo(table);
    for (let i = 0; i < keys.length; i++) {
      const found = childKeys(keys[i], table, key);
      if (hasFailed() || !this.keepReferring(keys[i], table, found, leaving)) return false;
    }
    return true;
  }

  private keepReferring(
    foreign: ForeignKey,
    parent: Table,
    found: Array<Writer>,
    leaving: Array<Leaving>,
  ): bool {
    if (found.length == 0) return true;
    const child: Table | null = foreign.child;
    if (child == null) {
      if (this.overridesUntracked) return true;
      const text = new Text().add("rows of '").bytes(foreign.childName);
      this.reason = text.add("', which is not synchronised, refer to the row that has its value").slice();
      return false;
    }
    const reason = new Text().add("the row of '").bytes(parent.name).add("' that it refers to is held");
    const held = new HeldRows(child);
    for (let i = 0; i < found.length; i++) {
      // In a circle of references: it is among them already.
      if (held.has(found[i].start)) continue;
      if (!this.keep(child, found[i].start, reason.slice(), leaving)) return false;
    }
    return true;
  }

  private takeOut(row: Leaving): bool {
    const table = row.table;
    const data = new DataTable(table, false);
    let code = -1;
    if (hasApplicationTrigger(table)) code = this.removeWithTriggers(row, data);
    if (code != SQLITE_DONE && !hasFailed()) {
      this.triggers.pause();
      code = data.remove(row.key);
      this.triggers.resume();
    }
    if (code != SQLITE_DONE) this.reason = lastMessage();
    data.close();
    if (code == SQLITE_DONE || hasFailed()) return !hasFailed();
    return isRefusal(code) ? false : failWithSql(code, 'taking a held row out of its table');
  }

  /** SQLITE_DONE when it is done; anything else: it has to be done without triggers. */
  private removeWithTriggers(row: Leaving, data: DataTable): i32 {
    if (!this.effects.begin()) return -1;
    let code = -1;
    let became = AGAIN;
    while (became == AGAIN) {
      if (!this.allowTriggers(row.table)) return -1;
      code = data.remove(row.key);
      this.endTriggers();
      became = this.effects.end(code == SQLITE_DONE, row.table, row.key);
    }
    return became == UNDONE ? -1 : code;
  }

  /** Tries to put a row with these values into its table: SHOWN, IN_CONFLICT or REFUSED. */
  show(table: Table, key: usize, values: ColumnSet): i32 {
    if (!savepoint(SHOW_SAVEPOINT)) return REFUSED;
    let result = this.probe(table, key, values);
    if (result == SHOWN && hasApplicationTrigger(table)) {
      if (!rollbackToSavepoint(SHOW_SAVEPOINT) || !savepoint(SHOW_SAVEPOINT)) return REFUSED;
      result = this.insertWithTriggers(table, key, values);
    }
    if (result != SHOWN) rollbackToSavepoint(SHOW_SAVEPOINT);
    else if (!releaseSavepoint(SHOW_SAVEPOINT)) return REFUSED;
    return hasFailed() ? REFUSED : result;
  }

  /** Inserts the row without triggers, or finds out the row that has one of its unique values. */
  private probe(table: Table, key: usize, values: ColumnSet): i32 {
    this.triggers.pause();
    const statement = new Statement(probeSql(table, values));
    const code = bindRow(statement, table, key, values).attempt();
    let result = REFUSED;
    if (code == SQLITE_ROW) {
      const found = keyOfRow(statement, table);
      const same = canonicalKey(table, found.start).equals(canonicalKey(table, key));
      result = same ? SHOWN : IN_CONFLICT;
      this.other = new Slice(found.start, found.size);
    } else {
      this.refuse(code);
    }
    statement.close();
    this.triggers.resume();
    return hasFailed() ? REFUSED : result;
  }

  /** Lets SQLite say which unique values are taken: `reason` is its message. */
  explainConflict(table: Table, key: usize, values: ColumnSet): void {
    const data = new DataTable(table, false);
    this.triggers.pause();
    const code = data.upsert(key, values);
    this.triggers.resume();
    this.refuse(code);
    data.close();
    this.reason = new Text().bytes(this.reason).add('; the other row has had the value for longer').slice();
  }

  private refuse(code: i32): i32 {
    this.reason = lastMessage();
    if (!isRefusal(code)) failWithSql(code, 'showing a held row');
    return REFUSED;
  }

  /** The row fits; now so that what follows the table follows. */
  private insertWithTriggers(table: Table, key: usize, values: ColumnSet): i32 {
    const data = new DataTable(table, false);
    if (!this.effects.begin()) return REFUSED;
    let code = -1;
    let became = AGAIN;
    while (became == AGAIN) {
      if (!this.allowTriggers(table)) return REFUSED;
      code = data.upsert(key, values);
      this.endTriggers();
      if (code != SQLITE_DONE) this.refuse(code);
      became = this.effects.end(code == SQLITE_DONE, table, key);
    }
    if (code != SQLITE_DONE || hasFailed()) return REFUSED;
    this.triggers.pause();
    const result = this.settled(
      became == KEPT ? restoreRow(data, table, key, values) : data.upsert(key, values),
    );
    this.triggers.resume();
    data.close();
    return result;
  }

  /** Triggers of the application for the next statement; cloudsync_is_sync() tells them what is going on. */
  private allowTriggers(table: Table): bool {
    this.merging = mergingTable();
    setMergingTable(table.name);
    return this.triggers.allow();
  }

  private endTriggers(): void {
    this.triggers.resume();
    setMergingTable(this.merging);
  }

  private settled(code: i32): i32 {
    return code == SQLITE_DONE ? SHOWN : this.refuse(code);
  }
}

/** Undoes what triggers of the application did to the row itself. Returns an SQLite result code. */
function restoreRow(data: DataTable, table: Table, key: usize, values: ColumnSet): i32 {
  const shown = new ColumnSet(table.width);
  if (!data.read(key, shown)) return data.upsert(key, values);
  return values.count == 0 ? SQLITE_DONE : data.update(key, values);
}
