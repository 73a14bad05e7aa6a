/**
 * large-step.mjs: one step of large.mjs in a process of its own, so that its peak of memory can be told.
 *
 *     node large-step.mjs '{"step": "save", ...}'     prints {"seconds": ..., "peakBytes": ..., "rows": ...}
 */

import { insertLargeValue } from './shapes.mjs';
import { chooseSystems, createDatabase, openDatabase } from './systems.mjs';
import { CREATE_TABLE, INSERT, rowMaker, TABLE } from './workload.mjs';

const [plain, own] = await chooseSystems({});

function value(db, sql, ...parameters) {
  return db
    .prepare(sql)
    .pluck()
    .get(...parameters);
}

/** Points the connection at the server and synchronises until all is sent and received. */
function synchronise(db, { url, key }) {
  value(db, 'SELECT cloudsync_network_init(?)', url);
  value(db, 'SELECT cloudsync_network_set_apikey(?)', key);
  value(db, 'SELECT cloudsync_network_sync()');
  return value(db, `SELECT count(*) FROM ${TABLE}`);
}

/** Each step prepares and returns the work that is measured, which returns a number of rows. */
const STEPS = {
  /** Fills a table that is not tracked yet. */
  fill({ path, rows }) {
    const db = openDatabase(plain, path);
    db.exec(CREATE_TABLE);
    const makeRow = rowMaker();
    const statement = db.prepare(INSERT);
    return () => {
      db.exec('BEGIN');
      for (let i = 0; i < rows; i++) statement.run(makeRow());
      db.exec('COMMIT');
      return rows;
    };
  },
  init({ path }) {
    const db = openDatabase(own, path);
    return () => {
      own.adapter.init(db, TABLE);
      return value(db, `SELECT count(*) FROM ${TABLE}`);
    };
  },
  save({ path, payload }) {
    const db = openDatabase(own, path);
    return () => value(db, 'SELECT cloudsync_payload_save(?)', payload);
  },
  load({ path, payload }) {
    const db = createDatabase(own, path);
    return () => value(db, 'SELECT cloudsync_payload_load(?)', payload);
  },
  send({ path, server }) {
    const db = openDatabase(own, path);
    return () => synchronise(db, server);
  },
  receive({ path, server }) {
    const db = createDatabase(own, path);
    return () => synchronise(db, server);
  },
  /** Sends a value of `size` bytes. */
  sendValue({ path, server, size }) {
    const db = createDatabase(own, path);
    insertLargeValue(db, size);
    return () => synchronise(db, server);
  },
  /** How many rows two databases have in common, in every column. */
  compare({ path, other }) {
    const db = openDatabase(plain, path);
    db.prepare('ATTACH ? AS other').run(other);
    const same = ['title', 'status', 'priority', 'estimate', 'due']
      .map((c) => `a.${c} IS b.${c}`)
      .join(' AND ');
    const sql = `SELECT count(*) FROM main.${TABLE} a JOIN other.${TABLE} b ON a.id = b.id WHERE ${same}`;
    return () => value(db, sql);
  },
};

const request = JSON.parse(process.argv[2]);
const work = STEPS[request.step](request);
const start = performance.now();
const rows = work();
const seconds = (performance.now() - start) / 1e3;
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ seconds, peakBytes, rows }));
