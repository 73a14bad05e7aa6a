/**
 * world.ts: the database that the fuzzers of databases and packets start from: a table of every algorithm, constraints
 * and references, a filter, kept conflicts, held rows of every kind, rows in the log, the outbox and the inbox, a
 * server that has been met.
 */
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import { applyPayload, type Connection, encodePayload, initTable, single } from '../support/database.js';
import { prepareAnswers } from './curl/answers.js';

export const SCHEMA = `
  CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE, body TEXT, stars INTEGER CHECK(stars < 100));
  CREATE TABLE tasks(a INTEGER NOT NULL, b TEXT NOT NULL, note REFERENCES notes(id) ON DELETE CASCADE,
    done DEFAULT 0, PRIMARY KEY(a, b)) WITHOUT ROWID;
  CREATE TABLE marks(id BLOB PRIMARY KEY NOT NULL, x REAL, y NUMERIC, z);
  CREATE TABLE events(id TEXT PRIMARY KEY NOT NULL, what NOT NULL);
  CREATE TABLE tickets(id TEXT PRIMARY KEY NOT NULL, state);
  CREATE TABLE pairs(p TEXT NOT NULL, q TEXT NOT NULL, PRIMARY KEY(p, q));
  CREATE TABLE plain(x);`;

export const TABLES = ['notes', 'tasks', 'marks', 'events', 'tickets', 'pairs'] as const;

/** A connection with the extension, foreign keys on. */
export function connect(source?: Buffer): Connection {
  const db = new Database(source ?? ':memory:');
  db.defaultSafeIntegers(true);
  db.pragma('foreign_keys = ON');
  load(db);
  return db;
}

export function trackAll(db: Connection): void {
  db.exec(SCHEMA);
  for (const table of ['notes', 'tasks', 'pairs']) initTable(db, table, 'cls');
  initTable(db, 'marks', 'aws');
  initTable(db, 'events', 'gos');
  initTable(db, 'tickets', 'dws');
  single(db, "SELECT cloudsync_set_table('notes', 'conflicts', 'keep')");
  single(db, "SELECT cloudsync_set_table('marks', 'conflicts', 'keep')");
}

/** Writes of one device, different for each of them. */
export function write(db: Connection, who: string): void {
  db.exec(`
    INSERT OR IGNORE INTO notes VALUES('shared', 'title ${who}', 'body of ${who}', 5), ('of ${who}', NULL, x'0102', 1),
      ('clash ${who}', 'the same title', 1.5, NULL), ('0190a1b2-0000-7000-8000-0000000000${who}', 'u ${who}', NULL, 2);
    UPDATE notes SET body = '${who} again' WHERE id = 'shared';
    INSERT OR IGNORE INTO tasks VALUES(1, '${who}', 'shared', 0), (2, '${who}', 'of ${who}', 1), (3, 'all', NULL, 7);
    INSERT OR IGNORE INTO marks VALUES(x'00', 1, '${who}', NULL), (x'${who}', 2.5, zeroblob(20), 'z');
    UPDATE marks SET x = '${who}' WHERE id = x'00';
    INSERT OR IGNORE INTO events VALUES('${who}', 'seen'), ('${who} 2', 'heard');
    INSERT OR IGNORE INTO tickets VALUES('${who}', 'open'), ('both', '${who}');
    INSERT OR IGNORE INTO pairs VALUES('${who}', 'x'), ('p', '${who}');
    DELETE FROM tickets WHERE id = 'both';`);
}

function clashingWrites(first: Connection, second: Connection): void {
  first.exec("DELETE FROM marks WHERE id = x'00'; UPDATE notes SET stars = 7 WHERE id = 'shared'");
  second.exec(
    "UPDATE marks SET y = 'revived' WHERE id = x'00'; UPDATE notes SET stars = 9 WHERE id = 'shared'",
  );
  second.exec("DELETE FROM notes WHERE id = 'of 22'; INSERT INTO pairs VALUES('late', 'one')");
}

/** Rows that wait: of a table and of a column that this database does not have. */
function foreignSchema(db: Connection): void {
  const other = connect();
  other.exec(`CREATE TABLE elsewhere(id TEXT PRIMARY KEY NOT NULL, v);
    CREATE TABLE pairs(p TEXT NOT NULL, q TEXT NOT NULL, extra, PRIMARY KEY(p, q));`);
  initTable(other, 'elsewhere', 'aws');
  initTable(other, 'pairs');
  other.exec("INSERT INTO elsewhere VALUES('e', 1); INSERT INTO pairs VALUES('with', 'extra', 5)");
  applyPayload(db, encodePayload(other));
  other.close();
}

/** Leaves a batch in the outbox: the first answer to a push is lost. */
export function leaveBatch(db: Connection): void {
  single(db, "SELECT cloudsync_network_init('http://127.0.0.1:9/world')");
  single(db, "SELECT cloudsync_network_set_token('secret')");
  const registration = Buffer.from(`96c410${'ab'.repeat(16)}00cf0006000000000000${'00'}ce0140000090`, 'hex');
  prepareAnswers([{ kind: 'sites', status: 200, body: registration }]);
  try {
    single(db, 'SELECT cloudsync_network_sync(0, 0)');
  } catch {
    // The push is refused; that is what was wanted.
  }
  if (single(db, 'SELECT count(*) FROM cloudsync_outbox') !== 1n)
    throw new Error('no batch is in the outbox');
}

/** The whole world; only in a child process with the stand-in for libcurl. */
export function makeWorld(): Connection {
  const [db, second, third] = [connect(), connect(), connect()];
  const others = ['22', '33'] as const;
  for (const device of [db, second, third]) trackAll(device);
  write(db, '11');
  write(second, others[0]);
  write(third, others[1]);
  for (const device of [second, third]) applyPayload(db, encodePayload(device));
  applyPayload(second, encodePayload(db));
  clashingWrites(db, second);
  applyPayload(db, encodePayload(second));
  foreignSchema(db);
  single(db, "SELECT cloudsync_set_filter('tickets', 'state <> ''secret''')");
  leaveBatch(db);
  const change = db
    .prepare("SELECT * FROM cloudsync_changes WHERE tbl = 'notes' LIMIT 1")
    .raw()
    .get() as unknown[];
  db.prepare(`INSERT INTO cloudsync_changes VALUES(${change.map(() => '?').join()})`).run(change);
  db.exec("INSERT INTO notes VALUES('logged', 'in the log', NULL, 3); DELETE FROM notes WHERE id = 'of 11'");
  db.exec("UPDATE marks SET z = 'logged'; INSERT INTO events VALUES('logged', 'too')");
  second.close();
  third.close();
  return db;
}
