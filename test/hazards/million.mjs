/**
 * million.mjs: a device that inserts a million rows in one transaction, sends them by file, deletes them all
 * and sends that. Arguments: a folder and the extension. Prints a JSON object: for each step the memory of
 * this process in bytes at its largest so far, and what another database holds at the end of it.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';

const [folder, extension] = process.argv.slice(2);
const ROWS = 1_000_000;

function open(name) {
  const db = new Database(join(folder, name));
  db.loadExtension(extension);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = OFF');
  db.exec('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)');
  db.prepare("SELECT cloudsync_init('t')").get();
  return db;
}

const [db, other] = [open('device.db'), open('other.db')];
const peak = () => process.resourceUsage().maxRSS * 1024;
const result = { start: peak() };

function send(name) {
  const since = db.prepare('SELECT cloudsync_db_version()').pluck();
  const before = name === 'insert' ? 0 : result.cursor;
  const path = join(folder, `${name}.csp`);
  db.prepare('SELECT cloudsync_payload_save(?, ?)').get(path, before);
  result.cursor = since.get();
  other.prepare('SELECT cloudsync_payload_load(?)').get(path);
  const rows = other.prepare('SELECT count(*), coalesce(sum(a), 0) FROM t').raw().get();
  result[name] = { peak: peak(), rows: rows[0], sum: rows[1] };
}

db.exec(`BEGIN; WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${ROWS})
  INSERT INTO t SELECT printf('%08x', i), i FROM n; COMMIT`);
send('insert');
db.exec('DELETE FROM t');
send('delete');
process.stdout.write(JSON.stringify(result));
