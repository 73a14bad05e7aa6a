/**
 * lock.mjs: a process that holds a lock on a database. Arguments: the file, `write` (BEGIN IMMEDIATE) or
 * `all` (BEGIN EXCLUSIVE), and for how many milliseconds. Prints "locked", and at the end commits the row it
 * has written. It ends sooner when its input ends.
 */
import Database from 'better-sqlite3';

const [file, kind, milliseconds] = process.argv.slice(2);
const db = new Database(file);
db.exec(kind === 'all' ? 'BEGIN EXCLUSIVE' : 'BEGIN IMMEDIATE');
db.exec("INSERT INTO t VALUES('by the locker', 1)");
process.stdout.write('locked\n');

function release() {
  clearTimeout(timer);
  db.exec('COMMIT');
  db.close();
  process.stdin.destroy();
}

const timer = setTimeout(release, Number(milliseconds));
process.stdin.resume().once('end', release);
