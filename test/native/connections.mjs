/**
 * connections.mjs EXTENSION: measures what connections with the extension cost, in a process of its own so that
 * nothing else uses memory meanwhile. Prints JSON: growth in bytes over 1,500 of 2,000 rounds of open, load, use
 * and close, and bytes per idle connection.
 */
import Database from 'better-sqlite3';

const [, , extension] = process.argv;
const ROUNDS = 2000;
const WARM_UP_ROUNDS = 500;
const IDLE_CONNECTIONS = 100;

function open() {
  const database = new Database(':memory:');
  database.loadExtension(extension);
  database.prepare('SELECT cloudsync_version(), cloudsync_uuid()').get();
  return database;
}

function residentBytes() {
  global.gc();
  return process.memoryUsage.rss();
}

let afterWarmUp = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  if (round === WARM_UP_ROUNDS) afterWarmUp = residentBytes();
  open().close();
}
const growth = residentBytes() - afterWarmUp;

const before = residentBytes();
const connections = Array.from({ length: IDLE_CONNECTIONS }, open);
const perConnection = (residentBytes() - before) / connections.length;
process.stdout.write(JSON.stringify({ growth, perConnection }));
