/**
 * rounds.mjs: a round of synchronisation after one change, on databases of different sizes: it must not grow with them.
 */
import { median } from './statistics.mjs';
import { chooseSystems, openDatabase } from './systems.mjs';
import { TABLE } from './workload.mjs';

const [, own] = await chooseSystems({});
const ROUNDS = 21;

function value(db, sql, ...parameters) {
  return db
    .prepare(sql)
    .pluck()
    .get(...parameters);
}

function connect(path, { url, key }) {
  const db = openDatabase(own, path);
  value(db, 'SELECT cloudsync_network_init(?)', url);
  value(db, 'SELECT cloudsync_network_set_apikey(?)', key);
  value(db, 'SELECT cloudsync_network_sync()');
  return db;
}

function milliseconds(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/**
 * Milliseconds for one device to send a change, and for another to receive it: the median of many rounds.
 * @param source @param target files of two devices that hold the same rows
 * @param server { url: with the name of the database, key }
 */
export function measureRounds(source, target, server) {
  const sender = connect(source, server);
  const receiver = connect(target, server);
  const key = value(sender, `SELECT id FROM ${TABLE} LIMIT 1 OFFSET 500`);
  const sending = [];
  const receiving = [];
  for (let i = 0; i < ROUNDS; i++) {
    const title = `round ${i}`;
    sender.prepare(`UPDATE ${TABLE} SET title = ? WHERE id = ?`).run(title, key);
    sending.push(milliseconds(() => value(sender, 'SELECT cloudsync_network_sync()')));
    receiving.push(milliseconds(() => value(receiver, 'SELECT cloudsync_network_sync()')));
    if (value(receiver, `SELECT title FROM ${TABLE} WHERE id = ?`, key) !== title) {
      throw new Error('the change has not arrived');
    }
  }
  sender.close();
  receiver.close();
  return { send: median(sending), receive: median(receiving) };
}
