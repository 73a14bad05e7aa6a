/**
 * triggers.ts: the triggers that capture local writes. They are made of built-in SQL only: no function of ours, no
 * hook. So every program that can write to the database is captured, with or without the extension, and the triggers
 * work with trusted_schema off and in defensive mode.
 *
 * Comparisons use BINARY, whatever collation a column has; columns that keep values as they are (no type, BLOB, ANY)
 * are also compared by storage class, because 1 = 1.0 there. (0.0 and -0.0 no built-in function can tell apart.)
 */
import { ALGORITHM_DWS, ALGORITHM_GOS, Column, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { executeUnsettling } from '../sql/transaction';
import { affinityOf } from '../catalog/affinity';
import { ensureEvictionTriggers, EVICT_GUARD, EVICT_INSERT, EVICT_UPDATE } from './evictions';
import {
  BITS_PER_MASK,
  keyNames,
  MASK_DELETE,
  MASK_EVICTED,
  MASK_INSERT,
  maskCount,
  maskName,
  NOW,
} from './tables';

const SUFFIXES: StaticArray<string> = [
  '_insert',
  '_update',
  '_delete',
  '_key',
  '_guard_insert',
  '_guard_update',
  '_guard_delete',
  EVICT_INSERT,
  EVICT_UPDATE,
  EVICT_GUARD,
  '_altering',
];

/** Rows of this name exist in cloudsync_settings only inside the transaction of a merge: guards let merges pass. */
const MERGING = "NOT EXISTS(SELECT 1 FROM cloudsync_settings WHERE key='merging')";

/** Appends "before IS NOT now", exactly: two expressions for the value of a column. */
export function differs(text: Text, before: Text, now: Text, column: Column, strict: bool): Text {
  text.bytes(before.slice()).add(' IS NOT ').bytes(now.slice()).add(' COLLATE BINARY');
  if (affinityOf(column.declaredType, strict) != 'BLOB') return text;
  return text.add(' OR typeof(').bytes(before.slice()).add(')<>typeof(').bytes(now.slice()).add(')');
}

class TriggerBuilder {
  constructor(
    public table: Table,
    public strict: bool,
    /** The table's key columns accept NULL (an old rule of SQLite), so the triggers must refuse it. */
    public nullableKeys: bool,
  ) {}

  private head(suffix: string, event: string): Text {
    return this.headOf(suffix, new Text().add(event));
  }

  private headOf(suffix: string, event: Text): Text {
    const text = new Text(1024).add('CREATE TRIGGER ').main(triggerName(this.table, suffix));
    return text.add(' ').bytes(event.slice()).add(' ON ').name(this.table.name);
  }

  /** INSERT INTO log(...) VALUES(mask, now, keys) with `row` = NEW or OLD. */
  private logEntry(text: Text, mask: i64, row: string): Text {
    text.add(' INSERT INTO ').name(this.table.logName).add('(mask,at,');
    keyNames(text, this.table, '').add(') VALUES(').number(mask).add(',').add(NOW);
    return this.rowKeys(text, row).add(');');
  }

  private rowKeys(text: Text, row: string): Text {
    const keys = this.table.keys;
    for (let i = 0; i < keys.length; i++) text.add(',').add(row).name(keys[i].name);
    return text;
  }

  private refuseNullKeys(text: Text): Text {
    if (!this.nullableKeys) return text;
    const message = new Text()
      .add("cloudsync: a key column of '")
      .bytes(this.table.name)
      .add("' is NULL; every row of a synchronised table needs a key, for instance cloudsync_uuid()");
    text.add(' SELECT RAISE(ABORT,').quoted(message.slice()).add(') WHERE ');
    const keys = this.table.keys;
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) text.add(' OR ');
      text.add('NEW.').name(keys[i].name).add(' IS NULL');
    }
    return text.add(';');
  }

  private changed(text: Text, column: Column): Text {
    const before = new Text().add('OLD.').name(column.name);
    const now = new Text().add('NEW.').name(column.name);
    return differs(text, before, now, column, this.strict);
  }

  /** The columns of one mask, as changed(a) OR changed(b)...; empty groups cannot occur. */
  private anyChanged(text: Text, mask: i32): Text {
    const columns = this.table.columns;
    let first = true;
    for (let i = 0; i < columns.length; i++) {
      if (columns[i].id / BITS_PER_MASK != mask) continue;
      if (!first) text.add(' OR ');
      first = false;
      this.changed(text, columns[i]);
    }
    return first ? text.add('0') : text;
  }

  /** The sum of the bits of the columns that changed: (OLD.a IS NOT NEW.a)*1+(OLD.b IS NOT NEW.b)*2... */
  private maskExpression(text: Text, mask: i32): Text {
    const columns = this.table.columns;
    let first = true;
    for (let i = 0; i < columns.length; i++) {
      if (columns[i].id / BITS_PER_MASK != mask) continue;
      if (!first) text.add('+');
      first = false;
      this.changed(text.add('('), columns[i])
        .add(')*')
        .number((<i64>1) << (columns[i].id % BITS_PER_MASK));
    }
    return first ? text.add('0') : text;
  }

  insert(): bool {
    const text = this.head('_insert', 'AFTER INSERT').add(' BEGIN');
    return execute(this.logEntry(this.refuseNullKeys(text), MASK_INSERT, 'NEW.').add(' END'));
  }

  remove(): bool {
    const text = this.head('_delete', 'AFTER DELETE').add(' BEGIN');
    return execute(this.logEntry(text, MASK_DELETE, 'OLD.').add(' END'));
  }

  update(): bool {
    if (this.table.keyOnly) return true;
    const text = this.head('_update', 'AFTER UPDATE').add(' WHEN ');
    const masks = maskCount(this.table);
    for (let i = 0; i < masks; i++) {
      if (i > 0) text.add(' OR ');
      this.anyChanged(text.add('('), i).add(')');
    }
    text.add(' BEGIN INSERT INTO ').name(this.table.logName).add('(');
    for (let i = 0; i < masks; i++) maskName(text, i).add(',');
    keyNames(text.add('at,'), this.table, '').add(') VALUES(');
    for (let i = 0; i < masks; i++) this.maskExpression(text, i).add(',');
    return execute(this.rowKeys(text.add(NOW), 'NEW.').add('); END'));
  }

  /** Which updates can change the key: "AFTER UPDATE OF id" costs nothing where an UPDATE does not name the column. */
  private updateOfKey(): Text {
    const keys = this.table.keys;
    const event = new Text().add('AFTER UPDATE');
    // A lone INTEGER key may be the rowid, which an UPDATE can also name "rowid", "oid" or "_rowid_".
    if (keys.length == 1 && affinityOf(keys[0].declaredType, this.strict) == 'INTEGER') return event;
    for (let i = 0; i < keys.length; i++) event.add(i > 0 ? ',' : ' OF ').name(keys[i].name);
    return event;
  }

  /** An UPDATE of the key is a delete of the old row and an insert of the new one. */
  key(): bool {
    const keys = this.table.keys;
    const text = this.headOf('_key', this.updateOfKey()).add(' WHEN ');
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) text.add(' OR ');
      text.add('OLD.').name(keys[i].name).add(' IS NOT NEW.').name(keys[i].name);
    }
    text.add(' BEGIN');
    this.logEntry(this.refuseNullKeys(text), MASK_DELETE, 'OLD.');
    return execute(this.logEntry(text, MASK_INSERT, 'NEW.').add(' END'));
  }

  private guard(suffix: string, event: string, message: string): Text {
    const words = new Text().add("cloudsync: '").bytes(this.table.name).add("' ").add(message);
    const text = this.head(suffix, event).add(' WHEN ').add(MERGING);
    return text.add(' BEGIN SELECT RAISE(ABORT,').quoted(words.slice()).add(')');
  }

  /** A deletion of the key in the clocks or, not folded yet, in the log. */
  private whereDeleted(text: Text): Text {
    const keys = this.table.keys;
    text.add(' WHERE (EXISTS(SELECT 1 FROM ').name(this.table.clockName).add(' WHERE cl%2=0');
    for (let i = 0; i < keys.length; i++) text.add(' AND pk').number(i).add('=NEW.').name(keys[i].name);
    text.add(') OR EXISTS(SELECT 1 FROM ').name(this.table.logName).add(' WHERE mask IN (');
    text.number(MASK_DELETE).add(',').number(MASK_EVICTED).add(')');
    for (let i = 0; i < keys.length; i++) text.add(' AND pk').number(i).add('=NEW.').name(keys[i].name);
    // The key of a row that is there is not deleted, whatever the log says: it was replaced.
    text.add(')) AND NOT EXISTS(SELECT 1 FROM ').name(this.table.name);
    for (let i = 0; i < keys.length; i++) {
      text
        .add(i > 0 ? ' AND ' : ' AS t WHERE t.')
        .name(keys[i].name)
        .add('=NEW.')
        .name(keys[i].name);
    }
    return text.add(')');
  }

  deleteWinsGuards(): bool {
    const message =
      'keeps deletions for ever (dws): a deleted key cannot be used again; insert the row with a new key';
    const index = new Text().bytes(this.table.logName).add('_pk').slice();
    const sql = new Text()
      .add('CREATE INDEX IF NOT EXISTS ')
      .main(index)
      .add(' ON ')
      .name(this.table.logName)
      .add('(');
    const insert = this.whereDeleted(this.guard('_guard_insert', 'BEFORE INSERT', message)).add('; END');
    const update = this.guard('_guard_update', 'BEFORE UPDATE', message);
    this.whereDeleted(update).add(' AND (');
    const keys = this.table.keys;
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) update.add(' OR ');
      update.add('OLD.').name(keys[i].name).add(' IS NOT NEW.').name(keys[i].name);
    }
    return (
      executeUnsettling(keyNames(sql, this.table, '').add(')')) &&
      execute(insert) &&
      execute(update.add('); END'))
    );
  }

  growOnlyGuards(): bool {
    const message = 'is grow-only (gos): rows can be inserted, not changed or deleted';
    return (
      execute(this.guard('_guard_update', 'BEFORE UPDATE', message).add('; END')) &&
      execute(this.guard('_guard_delete', 'BEFORE DELETE', message).add('; END'))
    );
  }
}

/** Creates the triggers of a table. Inside a write transaction. */
export function createTriggers(table: Table, strict: bool, nullableKeys: bool): bool {
  const builder = new TriggerBuilder(table, strict, nullableKeys);
  if (!builder.insert() || !builder.remove() || !builder.update() || !builder.key()) return false;
  if (!ensureEvictionTriggers(table)) return false;
  if (table.algorithm == ALGORITHM_DWS) return builder.deleteWinsGuards();
  return table.algorithm == ALGORITHM_GOS ? builder.growOnlyGuards() : true;
}

/** The name of one of a table's triggers. */
export function triggerName(table: Table, suffix: string): Slice {
  return new Text().bytes(table.clockName).add(suffix).slice();
}

/**
 * The trigger of a table that is being altered. It does nothing; it follows the table when that is renamed, and
 * names no column, so that SQLite allows every change.
 */
export function createAnchor(table: Table): bool {
  const sql = new Text()
    .add('CREATE TRIGGER ')
    .main(triggerName(table, '_altering'))
    .add(' AFTER INSERT ON ');
  return execute(sql.name(table.name).add(' WHEN 0 BEGIN SELECT 1; END'));
}

/** Appends the names of all triggers that a table can have, as quoted texts. */
export function triggerNames(text: Text, table: Table): Text {
  for (let i = 0; i < SUFFIXES.length; i++) {
    text.add(i > 0 ? ',' : '').quoted(triggerName(table, SUFFIXES[i]));
  }
  return text;
}

/** Removes the triggers of a table; those that do not exist are passed over. */
export function dropTriggers(table: Table): bool {
  for (let i = 0; i < SUFFIXES.length; i++) {
    if (!execute(new Text().add('DROP TRIGGER IF EXISTS ').main(triggerName(table, SUFFIXES[i]))))
      return false;
  }
  return true;
}

/** True when the application has triggers on the table. */
export function hasApplicationTrigger(table: Table): bool {
  const sql = new Text(512).add(
    "SELECT 1 FROM (SELECT name, tbl_name FROM main.sqlite_schema WHERE type='trigger'",
  );
  sql.add(" UNION ALL SELECT name, tbl_name FROM temp.sqlite_schema WHERE type='trigger')");
  sql.add(' WHERE tbl_name=?1 COLLATE NOCASE AND name NOT IN (');
  const statement = new Statement(triggerNames(sql, table).add(') LIMIT 1'));
  const found = statement.text(1, table.name).step();
  statement.close();
  return found;
}
