/**
 * evictions.ts: captures the rows that REPLACE removes because they hold the value of a secondary unique
 * index. With recursive_triggers off SQLite tells no trigger about them. So triggers that run BEFORE the
 * write log every other row that holds one of the unique values as "evicted, perhaps"; what becomes of it
 * (REPLACE, IGNORE, an upsert) a trigger cannot know. Fold can: such an entry of a row that is gone is its
 * deletion, of a row that is still there it is nothing.
 *
 * Values are compared as the index does: by its collations, NULL equal to nothing, the condition of a partial
 * index true for both rows. Expressions and conditions are the index's own words (index_text.ts), evaluated
 * for the new row in a subquery whose columns are the new row's. (`rowid` in a condition means the other row
 * there, which can only log too much.) Words that do not compile there must not break the application's
 * writes: such an index is passed over, and REPLACE through it is seen with recursive_triggers on only.
 *
 * A table without such indexes has none of these triggers.
 */
import { affinityOf } from '../catalog/affinity';
import { ALGORITHM_GOS, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { sql_finalize, sql_prepare } from '../host';
import { failWithSql, hasFailed, SQLITE_ERROR } from '../sql/failure';
import { execute, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { executeUnsettling } from '../sql/transaction';
import { keyNames, MASK_EVICTED, NOW } from './tables';
import { allColumns, UniqueIndex, uniqueIndexes } from './unique_indexes';

export const EVICT_INSERT: string = '_evict_insert';
export const EVICT_UPDATE: string = '_evict_update';
export const EVICT_GUARD: string = '_evict_guard';

/** The table's name in the look-up of the other row; the table itself may be called "new" or "old". */
const OTHER = 'other';

class EvictionTriggers {
  private columns: Array<Slice>;
  private indexes: Array<UniqueIndex> = [];

  constructor(private table: Table) {
    this.columns = allColumns(table);
    const found = uniqueIndexes(table, this.columns);
    for (let i = 0; i < found.length && !hasFailed(); i++) {
      if (!found[i].quotesApplication || this.compiles(found[i])) this.indexes.push(found[i]);
    }
  }

  /** Prepares the look-up with the names NEW and OLD standing for rows of the table itself. */
  private compiles(index: UniqueIndex): bool {
    const name = this.table.name;
    const sql = new Text(1024).add('SELECT 1 FROM ').main(name).add(' AS NEW,').main(name);
    this.lookUp(sql.add(' AS OLD WHERE EXISTS('), index, 'OLD.').add(')');
    const handle = sql_prepare(sql.pointer, sql.size);
    if (handle > 0) sql_finalize(handle);
    else if (-handle != SQLITE_ERROR) failWithSql(-handle, 'reading a unique index');
    return handle > 0;
  }

  /** The columns of the new row under their own names, for expressions that name them. */
  private ofNewRow(text: Text, expression: Slice): void {
    text.add('(SELECT ').bytes(expression).add(' FROM (SELECT ');
    for (let i = 0; i < this.columns.length; i++) {
      text
        .add(i > 0 ? ',NEW.' : 'NEW.')
        .name(this.columns[i])
        .add(' AS ')
        .name(this.columns[i]);
    }
    text.add('))');
  }

  /** SELECT of the entries for the rows other than `row` that hold the new row's values in the index. */
  private lookUp(text: Text, index: UniqueIndex, row: string): Text {
    const keys = this.table.keys;
    text.add(' SELECT ').number(MASK_EVICTED).add(',').add(NOW);
    for (let i = 0; i < keys.length; i++) text.add(',').add(OTHER).add('.').name(keys[i].name);
    text.add(' FROM ').name(this.table.name).add(' AS ').add(OTHER);
    for (let i = 0; i < index.terms.length; i++) {
      const term = index.terms[i];
      text.add(i > 0 ? ' AND (' : ' WHERE (');
      if (term.column.size > 0) text.add(OTHER).add('.').name(term.column);
      else text.bytes(term.expression);
      text.add(') COLLATE ').name(term.collation).add('=');
      if (term.column.size > 0) text.add('NEW.').name(term.column);
      else this.ofNewRow(text, term.expression);
    }
    if (index.condition.size > 0) {
      this.ofNewRow(text.add(' AND (').bytes(index.condition).add(') AND '), index.condition);
    }
    return this.exceptRow(text, row);
  }

  private exceptRow(text: Text, row: string): Text {
    const keys = this.table.keys;
    // Before an INSERT the number that a lone INTEGER key will get is not known, and NEW shows another.
    const mayBeRowid = keys.length == 1 && affinityOf(keys[0].declaredType, false) == 'INTEGER';
    if (row == 'NEW.' && mayBeRowid) return text;
    for (let i = 0; i < keys.length; i++) {
      text
        .add(i > 0 ? ' OR ' : ' AND (')
        .add(OTHER)
        .add('.')
        .name(keys[i].name);
      text.add(' IS NOT ').add(row).name(keys[i].name);
    }
    return text.add(')');
  }

  private head(suffix: string): Text {
    return new Text(1024).name(nameOf(this.table, suffix));
  }

  private body(text: Text, row: string): Text {
    text.add(' ON ').name(this.table.name).add(' BEGIN');
    for (let i = 0; i < this.indexes.length; i++) {
      text.add(' INSERT INTO ').name(this.table.logName).add('(mask,at,');
      this.lookUp(keyNames(text, this.table, '').add(')'), this.indexes[i], row).add(';');
    }
    return text.add(' END');
  }

  insert(): bool {
    if (this.indexes.length == 0) return ensureTrigger(this.table, EVICT_INSERT, null);
    const text = this.head(EVICT_INSERT).add(' BEFORE INSERT');
    return ensureTrigger(this.table, EVICT_INSERT, this.body(text, 'NEW.'));
  }

  update(): bool {
    if (this.indexes.length == 0 || this.table.algorithm == ALGORITHM_GOS) {
      return ensureTrigger(this.table, EVICT_UPDATE, null);
    }
    const text = this.namedColumns(this.head(EVICT_UPDATE).add(' BEFORE UPDATE'));
    return ensureTrigger(this.table, EVICT_UPDATE, this.body(text, 'OLD.'));
  }

  /**
   * "OF email, number": an UPDATE that names none of these cannot collide. Expressions, conditions and
   * generated columns depend on columns that we do not know: then every UPDATE looks.
   */
  private namedColumns(text: Text): Text {
    const list = new Text();
    for (let i = 0; i < this.indexes.length; i++) {
      if (this.indexes[i].quotesApplication) return text;
      const terms = this.indexes[i].terms;
      for (let t = 0; t < terms.length; t++) {
        if (!this.isStored(terms[t].column)) return text;
        list.add(list.size > 0 ? ',' : ' OF ').name(terms[t].column);
      }
    }
    return text.bytes(list.slice());
  }

  private isStored(column: Slice): bool {
    if (this.table.columnIndex(column) >= 0) return true;
    for (let i = 0; i < this.table.keys.length; i++) {
      if (this.table.keys[i].name.equalsIgnoreCase(column)) return true;
    }
    return false;
  }

  /** Grow-only tables refuse evictions like every deletion. Entries of rows that stayed are dropped. */
  growOnlyGuard(): bool {
    const table = this.table;
    const wanted = this.indexes.length > 0 && table.algorithm == ALGORITHM_GOS;
    if (!wanted) return ensureTrigger(table, EVICT_GUARD, null);
    const text = this.head(EVICT_GUARD).add(' AFTER INSERT ON ').name(table.name);
    const message = new Text().add("cloudsync: '").bytes(table.name);
    message.add("' is grow-only (gos): REPLACE would delete another row that has the same unique value");
    text.add(' BEGIN SELECT RAISE(ABORT,').quoted(message.slice());
    text.add(') WHERE EXISTS(SELECT 1 FROM ').name(table.logName).add(' AS l WHERE l.mask=');
    text.number(MASK_EVICTED).add(' AND NOT EXISTS(SELECT 1 FROM ').name(table.name).add(' AS ').add(OTHER);
    for (let i = 0; i < table.keys.length; i++) {
      text
        .add(i > 0 ? ' AND ' : ' WHERE ')
        .add(OTHER)
        .add('.')
        .name(table.keys[i].name);
      text.add('=l.pk').number(i);
    }
    text.add(')); DELETE FROM ').name(table.logName).add(' WHERE mask=').number(MASK_EVICTED).add('; END');
    const index = new Text().add('CREATE INDEX IF NOT EXISTS ');
    index.main(new Text().bytes(table.logName).add('_evicted').slice()).add(' ON ').name(table.logName);
    index.add('(mask) WHERE mask=').number(MASK_EVICTED);
    return executeUnsettling(index) && ensureTrigger(table, EVICT_GUARD, text);
  }
}

function nameOf(table: Table, suffix: string): Slice {
  return new Text().bytes(table.clockName).add(suffix).slice();
}

/** Makes the trigger what the text after CREATE TRIGGER says; removes it for null. Idempotent. */
function ensureTrigger(table: Table, suffix: string, wanted: Text | null): bool {
  const name = nameOf(table, suffix);
  // So SQLite keeps the text of a trigger: from its name on.
  const statement = new Statement(
    new Text().add(
      "SELECT substr(sql,length('CREATE TRIGGER ')+1) FROM main.sqlite_schema" +
        " WHERE type='trigger' AND name=?1",
    ),
  );
  const found = statement.text(1, name).step();
  const current = found ? statement.columnBytes(0) : new Slice(0, 0);
  statement.close();
  if (hasFailed()) return false;
  if (wanted == null ? !found : found && current.equals(wanted.slice())) return true;
  if (found && !execute(new Text().add('DROP TRIGGER ').main(name))) return false;
  if (wanted == null) return true;
  return execute(new Text(wanted.size + 32).add('CREATE TRIGGER main.').bytes(wanted.slice()));
}

/**
 * Gives the table the triggers that its unique indexes of now need. It is called when the table's triggers
 * are made and whenever the schema has changed. False on errors.
 */
export function ensureEvictionTriggers(table: Table): bool {
  const triggers = new EvictionTriggers(table);
  return !hasFailed() && triggers.insert() && triggers.update() && triggers.growOnlyGuard();
}
