/**
 * writer.mjs: a client process that tests kill: it writes row after row, syncs after each, and reports every step on
 * its output at once. Its argument is a JSON object:
 *
 *     file, url, key    the database file, the address of the server's database, the key
 *     tag               prefix of the keys of its rows
 *     count             rows to write; a run that is killed before is continued by the next
 *     extension, sync   whether it loads the extension, whether it syncs (default true)
 *
 * Lines: "ready", "committed KEY", "syncing", "synced KEY" (the server has everything up to it), "failed MESSAGE",
 * "done".
 */
import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { load } from '../../dist/node/index.js';

const { file, url, key, tag, count, extension = true, sync = true } = JSON.parse(process.argv[2]);

const PAUSE_MS = 20;

function report(line) {
  writeSync(1, `${line}\n`);
}

const database = new Database(file, { timeout: 10_000 });
// What the operating system has survives kill -9; only a loss of power would need more.
database.pragma('synchronous = OFF');
if (extension) load(database);
if (sync) {
  database.prepare('SELECT cloudsync_network_init(?)').get(url);
  database.prepare('SELECT cloudsync_network_set_apikey(?)').get(key);
}

const newest = database.prepare("SELECT max(n) FROM notes WHERE id GLOB ? || '-*'").pluck();
const insert = database.prepare('INSERT INTO notes VALUES(?, ?, ?)');
const touch = database.prepare("UPDATE notes SET n = n + 1, text = ? WHERE id = 'shared'");
const write = database.transaction((id, n) => {
  insert.run(id, n, `text of ${id}`);
  touch.run(id);
});

report('ready');
for (let n = (newest.get(tag) ?? 0) + 1; n <= count; n++) {
  const id = `${tag}-${n}`;
  write.immediate(id, n);
  report(`committed ${id}`);
  if (!sync) continue;
  report('syncing');
  try {
    database.prepare('SELECT cloudsync_network_sync(0, 0)').get();
    report(`synced ${id}`);
  } catch (error) {
    report(`failed ${error.message}`);
    // What an application does when the server is away: it waits a little before it tries again.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}
report('done');
database.close();
