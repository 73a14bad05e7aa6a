/**
 * syncer.mjs: a process with the extension that keeps exchanging payloads between the database file and a
 * peer of its own, while other processes write to the file. Arguments: the file, the peer's file and the
 * extension. Ends when its input ends, after a last exchange, and prints a JSON object: rounds, calls that
 * found the file locked, and the longest call in milliseconds.
 */
import Database from 'better-sqlite3';

const [file, peerFile, extension] = process.argv.slice(2);
const [db, peer] = [file, peerFile].map((path) => {
  const one = new Database(path, { timeout: 1000 });
  one.loadExtension(extension);
  return one;
});
const result = { rounds: 0, busy: 0, longest: 0 };
const cursors = [0, 0];

/** Runs a call; a locked file is counted and the call is made again in the next round. */
function attempt(call) {
  const started = Date.now();
  try {
    call();
    return true;
  } catch (error) {
    if (!error.code?.startsWith('SQLITE_BUSY')) throw error;
    result.busy++;
    return false;
  } finally {
    result.longest = Math.max(result.longest, Date.now() - started);
  }
}

function deliver(from, to, index) {
  let payload;
  let version;
  const encode = () => {
    // The number first: what is written in between comes twice then, and never not at all.
    version = from.prepare('SELECT cloudsync_db_version()').pluck().get();
    payload = from.prepare('SELECT cloudsync_payload_encode(?)').pluck().get(cursors[index]);
  };
  if (!attempt(encode)) return;
  if (attempt(() => to.prepare('SELECT cloudsync_payload_apply(?)').get(payload))) cursors[index] = version;
}

function round() {
  result.rounds++;
  const number = result.rounds;
  peer.prepare("INSERT INTO t VALUES('peer ' || ?, ?)").run(number, number);
  peer.prepare("UPDATE t SET a = ? WHERE id = 'shared'").run(`peer ${number}`);
  deliver(db, peer, 0);
  deliver(peer, db, 1);
}

let ending = false;
process.stdin.resume().once('end', () => {
  ending = true;
});

function next() {
  round();
  if (!ending) return setImmediate(next);
  for (let i = 0; i < 2; i++) {
    deliver(db, peer, 0);
    deliver(peer, db, 1);
  }
  process.stdout.write(JSON.stringify(result));
  db.close();
  peer.close();
}
next();
