/**
 * device-program.mjs: the program of a device of the benchmark: does what the messages of its parent say, one after
 * another. See device-process.mjs.
 */
import { chooseSystems, openDatabase } from '../systems.mjs';
import { now } from './clock.mjs';

const SYNC = 'SELECT cloudsync_network_sync()';
const SYNC_WAITING = 'SELECT cloudsync_network_sync(20000)';
const [, own] = await chooseSystems({});
let db;

function value(sql, ...parameters) {
  const statement = db.prepare(sql);
  return statement.reader ? statement.pluck().get(...parameters) : statement.run(...parameters).changes;
}

const ACTIONS = {
  open({ settings: { path, definitions, url, apikey, token } }) {
    db = openDatabase(own, path);
    for (const [name, sql] of Object.entries(definitions)) {
      db.exec(sql);
      own.adapter.init(db, name);
    }
    value('SELECT cloudsync_network_init(?)', url);
    if (token === undefined) value('SELECT cloudsync_network_set_apikey(?)', apikey);
    else value('SELECT cloudsync_network_set_token(?)', token);
    value(SYNC);
  },
  run({ sql, parameters }) {
    return value(sql, ...parameters);
  },
  syncUntil({ sql, value: wanted }) {
    while (value(sql) !== wanted) value(SYNC_WAITING);
    return wanted;
  },
};

process.on('message', (request) => {
  const start = now();
  try {
    const result = ACTIONS[request.action](request);
    process.send({ result: { value: result, start, end: now() } });
  } catch (error) {
    process.send({ error: `a device: ${error.message}` });
  }
});
process.on('disconnect', () => process.exit());
