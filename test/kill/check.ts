/**
 * check.ts: what must hold in a database after its process was killed, and what a database that has exchanged
 * everything is compared by. All of it throws instead of calling `expect`, so that a band can count failures and go on.
 */
import Database from 'better-sqlite3';
import {
  applyPayload,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  heldChanges,
  openDatabase,
  single,
} from '../support/database.js';

interface Tracked {
  name: string;
  clock_table: string;
  log_table: string;
}

/** SQLite finds the file whole. */
export function requireWhole(db: Connection): void {
  const result = db.pragma('integrity_check', { simple: true });
  if (result !== 'ok') throw new Error(`integrity_check: ${result}`);
}

/** The tables of the application, sorted, each with its rows. */
export function dumpTables(db: Connection): string {
  const sql =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%cloudsync%'" +
    " AND name NOT LIKE 'sqlite_%' ORDER BY name";
  const names = db.prepare(sql).pluck().all() as string[];
  return names.flatMap((name) => [`-- ${name}`, ...dumpTable(db, name)]).join('\n');
}

/**
 * A row is in its table when its causal length is odd, except rows that are held; where the log names it, the fold has
 * still to decide. Keys have one column here.
 */
export function requireClocksFit(db: Connection): void {
  const hasCatalog = single(
    db,
    "SELECT count(*) FROM sqlite_schema WHERE name = 'cloudsync_tables'",
  ) as bigint;
  if (hasCatalog === 0n) return;
  const tables = db.prepare('SELECT name, clock_table, log_table FROM cloudsync_tables').all() as Tracked[];
  for (const { name, clock_table: clocks, log_table: log } of tables) {
    const key = single(db, 'SELECT name FROM pragma_table_info(?) WHERE pk = 1', name) as string;
    const logged = (column: string) => `EXISTS(SELECT 1 FROM "${log}" l WHERE l.pk0 = ${column})`;
    const wrong = db
      .prepare(
        `SELECT 'row without clock: ' || t."${key}" FROM "${name}" t WHERE NOT ${logged(`t."${key}"`)}` +
          ` AND NOT EXISTS(SELECT 1 FROM "${clocks}" c WHERE c.pk0 = t."${key}" AND c.cl % 2 = 1)` +
          ` UNION ALL SELECT 'clock without row: ' || c.pk0 FROM "${clocks}" c WHERE c.cl % 2 = 1` +
          ` AND NOT ${logged('c.pk0')} AND NOT EXISTS(SELECT 1 FROM "${name}" t WHERE t."${key}" = c.pk0)` +
          ' AND NOT EXISTS(SELECT 1 FROM cloudsync_held h WHERE h.tbl = ? AND h.table_id IS NOT NULL)',
      )
      .pluck()
      .all(name);
    if (wrong.length > 0) throw new Error(`${name}: ${wrong.slice(0, 5).join(', ')}`);
  }
}

/** A database that knows only what this one tells it ends equal: rows, clocks, held rows. */
export function requireToldWhole(db: Connection): void {
  const reader = openDatabase({ foreignKeys: true });
  try {
    const tracked =
      "SELECT s.sql FROM sqlite_schema s JOIN cloudsync_tables t ON t.name = s.name WHERE s.type = 'table'";
    for (const sql of db.prepare(tracked).pluck().all() as string[]) reader.exec(sql);
    for (const name of db.prepare('SELECT name FROM cloudsync_tables').pluck().all() as string[]) {
      single(reader, 'SELECT cloudsync_init(?)', name);
    }
    applyPayload(reader, encodePayload(db));
    requireSame('a reader of all its changes', contentOf(db), contentOf(reader));
  } finally {
    reader.close();
  }
}

/** Two databases hold the same tables and clocks. */
export function requireEqualFiles(one: string, other: string): void {
  const contents = [one, other].map((source) => {
    const db = openDatabase({ source });
    try {
      requireWhole(db);
      return contentOf(db);
    } finally {
      db.close();
    }
  }) as [string, string];
  requireSame(`${one} and ${other}`, ...contents);
}

/** Tables, clocks and the number of changes that wait for another schema. */
function contentOf(db: Connection): string {
  const tracked = db.prepare('SELECT name FROM cloudsync_tables ORDER BY name').pluck().all() as string[];
  const waiting = heldChanges(db).filter(({ columns }) => columns !== '');
  return [
    ...tracked.flatMap((name) => [`-- ${name}`, ...dumpTable(db, name)]),
    '-- clocks',
    ...dumpMetadata(db),
    `-- held ${waiting.length}`,
  ].join('\n');
}

/** Throws with the first lines that differ. */
export function requireSame(what: string, one: string, other: string): void {
  if (one === other) return;
  const [left, right] = [one.split('\n'), other.split('\n')];
  const gone = left.filter((line) => !right.includes(line)).slice(0, 4);
  const added = right.filter((line) => !left.includes(line)).slice(0, 4);
  throw new Error(
    `${what} differ: only in the first: ${gone.join(' / ')}; only in the other: ${added.join(' / ')}`,
  );
}

/** Reads with a program that knows nothing of cloudsync. */
export function readPlainly<Row>(file: string, sql: string): Row[] {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    db.close();
  }
}
