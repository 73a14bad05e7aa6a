/**
 * table.ts: a tracked table as the rest of the core sees it: its keys, its columns with their stable ids, its names.
 * Tables are read from the catalog at the start of an operation; the columns of one only when it is used (`open`).
 */
import { Slice } from '../bytes/slice';
import { fail, hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';

export const ALGORITHM_CLS: i32 = 0;
export const ALGORITHM_DWS: i32 = 1;
export const ALGORITHM_AWS: i32 = 2;
export const ALGORITHM_GOS: i32 = 3;

/** Columns of a table that can carry stamps; SQLite's own limit. */
export const COLUMNS_MAX: i32 = 2000;

export class Column {
  /** Number that never changes; bit of the log's mask and number in the clocks. -1 for a key column. */
  id: i32 = -1;
  /** The seq at which the column came to the table; rows announced before have no stamp for it. */
  addedSeq: i64 = 0;
  /** Stays on this device, see send_settings.ts. */
  kept: bool = false;
  /** The DEFAULT as an SQL expression, empty when there is none. */
  defaultExpression: Slice = new Slice(0, 0);

  constructor(
    public name: Slice,
    public declaredType: Slice,
  ) {}
}

export class Table {
  /** Key columns in the order of the PRIMARY KEY. */
  keys: Array<Column> = [];
  /** The other columns in the order of their ids. Generated columns are not among them. */
  columns: Array<Column> = [];
  private opened: bool = false;
  /** Stays on this device, see send_settings.ts. */
  kept: bool = false;
  /** The row filter, empty when there is none; see filters.ts. */
  filter: Slice = new Slice(0, 0);
  /** Rows that changed up to this seq have been compared with the filter. */
  settledSeq: i64 = 0;
  /** The newest seq when the table was disabled. */
  pausedSeq: i64 = 0;
  /** Place in the order of groups in a packet: larger than that of every table that foreign keys refer to. */
  rank: i32 = 0;
  /** The data table is gone (DROP TABLE without cloudsync_cleanup). */
  missing: bool = false;
  /** What loses against a concurrent write is kept (catalog/conflicts.ts). */
  keepsConflicts: bool = false;
  /** Its schema is being changed (capture/alter.ts): nothing is captured, sent or merged. */
  altering: bool = false;

  constructor(
    public id: i64,
    public name: Slice,
    public algorithm: i32,
    public enabled: bool,
    public clockName: Slice,
    public logName: Slice,
  ) {}

  /** Number of stamps a row has; a table of key columns only has one, for the row itself. */
  get width(): i32 {
    return this.columns.length > 0 ? this.columns.length : 1;
  }

  get keyOnly(): bool {
    return this.columns.length == 0;
  }

  /** Reads the columns. False on errors; `missing` when there is no such table any more. */
  open(): bool {
    if (this.opened) return true;
    this.opened = true;
    const registered = this.registeredColumns();
    const actual = readColumns(this.name, this.keys);
    if (hasFailed()) return false;
    this.missing = this.keys.length == 0;
    for (let i = 0; i < registered.length; i++) {
      const column = registered[i];
      for (let j = 0; j < actual.length; j++) {
        if (!actual[j].name.equalsIgnoreCase(column.name)) continue;
        column.name = actual[j].name;
        column.declaredType = actual[j].declaredType;
        column.defaultExpression = actual[j].defaultExpression;
        this.columns.push(column);
      }
    }
    return true;
  }

  /** The columns as the catalog knows them, also those that the data table has no more (catalog/columns.ts). */
  registeredColumns(): Array<Column> {
    const list: Array<Column> = [];
    const statement = new Statement(
      new Text().add(
        'SELECT id, name, added_seq FROM main.cloudsync_columns' +
          ' WHERE table_id=?1 AND id>=0 AND added_seq>=0 ORDER BY id',
      ),
    );
    statement.integer(1, this.id);
    while (statement.step()) {
      const column = new Column(statement.columnBytes(1), new Slice(0, 0));
      column.id = <i32>statement.columnInteger(0);
      column.addedSeq = statement.columnInteger(2);
      list.push(column);
    }
    statement.close();
    return list;
  }

  /** The column of that name among `columns`, or -1. */
  columnIndex(name: Slice): i32 {
    for (let i = 0; i < this.columns.length; i++) {
      if (this.columns[i].name.equalsIgnoreCase(name)) return i;
    }
    return -1;
  }

  /** Largest column id, -1 when there is none. */
  get lastColumnId(): i32 {
    return this.columns.length > 0 ? this.columns[this.columns.length - 1].id : -1;
  }
}

/**
 * Reads the columns of a table of the main database: the key columns go to `keys` in key order, the others are
 * returned. Generated columns are left out: every replica computes them.
 */
export function readColumns(table: Slice, keys: Array<Column>): Array<Column> {
  const others: Array<Column> = [];
  const statement = new Statement(
    new Text().add(
      "SELECT name, type, pk, hidden, dflt_value FROM pragma_table_xinfo(?1, 'main') ORDER BY pk, cid",
    ),
  );
  statement.text(1, table);
  while (statement.step()) {
    if (statement.columnInteger(3) != 0) continue;
    const column = new Column(statement.columnBytes(0), statement.columnBytes(1));
    if (!statement.isNull(4)) column.defaultExpression = statement.columnBytes(4);
    if (statement.columnInteger(2) == 0) {
      others.push(column);
    } else {
      keys.push(column);
    }
  }
  statement.close();
  return others;
}

/** All tracked tables in the order of their ids; columns are not read yet. */
export function loadTables(): Array<Table> {
  const list: Array<Table> = [];
  const statement = new Statement(
    new Text().add(
      'SELECT id, name, algorithm, enabled, clock_table, log_table, EXISTS(SELECT 1 FROM main.cloudsync_settings' +
        " WHERE key='table.'||id||'.altering'), paused_seq," +
        " (SELECT value FROM main.cloudsync_settings WHERE key='table.'||id||'.filter')," +
        " (SELECT value FROM main.cloudsync_settings WHERE key='table.'||id||'.settled')," +
        " EXISTS(SELECT 1 FROM main.cloudsync_settings WHERE key='table.'||id||'.conflicts' AND value='keep')" +
        ' FROM main.cloudsync_tables ORDER BY id',
    ),
  );
  while (statement.step()) {
    const table = new Table(
      statement.columnInteger(0),
      statement.columnBytes(1),
      <i32>statement.columnInteger(2),
      statement.columnInteger(3) != 0,
      statement.columnBytes(4),
      statement.columnBytes(5),
    );
    table.altering = statement.columnInteger(6) != 0;
    table.pausedSeq = statement.columnInteger(7);
    if (!statement.isNull(8)) table.filter = statement.columnBytes(8);
    table.settledSeq = statement.columnInteger(9);
    table.keepsConflicts = statement.columnInteger(10) != 0;
    list.push(table);
  }
  statement.close();
  return list;
}

/** The table of that name (ASCII case does not matter) or null. */
export function findTable(tables: Array<Table>, name: Slice): Table | null {
  for (let i = 0; i < tables.length; i++) {
    if (tables[i].name.equalsIgnoreCase(name)) return tables[i];
  }
  return null;
}

/** The failure for a name that is no tracked table. */
export function failUntracked(name: Slice): bool {
  return fail(
    new Text()
      .add("table '")
      .bytes(name)
      .add("' is not synchronised: call cloudsync_init('")
      .bytes(name)
      .add("') first"),
  );
}
