/**
 * server-client.mjs: a device that loads a server: it has its packets ready and speaks the HTTP protocol itself, so
 * that what is measured is the server and not the merge on the device.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Packr } from 'msgpackr';
import { chooseSystems, createDatabase } from './systems.mjs';
import { CREATE_TABLE, INSERT, rowMaker, TABLE } from './workload.mjs';

const MEDIA_TYPE = 'application/vnd.cloudsync+msgpack';
const packr = new Packr({ useRecords: false, int64AsType: 'number' });
const agent = new Agent({ keepAlive: true, maxSockets: 512 });
const [, own] = await chooseSystems({});

function post(url, key, value, headers) {
  return new Promise((resolve, reject) => {
    const body = packr.pack(value);
    const options = {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${key}`,
        accept: MEDIA_TYPE,
        'content-type': MEDIA_TYPE,
        'content-length': body.length,
        'cloudsync-protocol': '1',
        ...headers,
      },
    };
    const sent = request(url, options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const answer = packr.unpack(Buffer.concat(chunks));
        if (response.statusCode === 200) resolve(answer);
        else reject(new Error(`${url}: ${response.statusCode} ${JSON.stringify(answer)}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** One device of a database on the server. */
export class LoadDevice {
  /**
   * @param server { url, key }
   * @param database its name
   * @param pushes number of packets to get ready, each with one new row
   * @param seed another seed makes other rows
   */
  constructor(server, database, pushes, seed) {
    this.base = `${server.url}/v1/db/${database}`;
    this.key = server.key;
    this.batch = 0;
    this.cursor = Buffer.alloc(0);
    const db = createDatabase(own, ':memory:');
    this.site = Buffer.from(db.prepare('SELECT cloudsync_siteid()').pluck().get(), 'hex');
    const insert = db.prepare(INSERT);
    const makeRow = rowMaker(seed);
    this.packets = Array.from({ length: pushes }, () => {
      const since = own.adapter.version(db);
      insert.run([randomUUID(), ...makeRow().slice(1)]);
      return own.adapter.encode(db, since);
    });
    this.columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(TABLE);
    db.close();
  }

  post(path, value, headers = {}) {
    return post(this.base + path, this.key, value, headers);
  }

  /** Makes itself known, and the table, when the server has none. */
  async register() {
    const [epoch, , , , , missing] = await this.post('/sites', [this.site, [[TABLE, 0, this.columns]]]);
    this.epoch = Buffer.from(epoch);
    if (missing.length > 0) await this.post('/schema', [this.site, [[TABLE, 0, CREATE_TABLE]]]);
  }

  /** Pushes the next packet. */
  async push() {
    const batch = ++this.batch;
    const headers = { 'idempotency-key': `${this.site.toString('hex')}:${batch}` };
    await this.post('/push', [this.site, this.epoch, batch, this.packets[batch - 1]], headers);
  }

  /** Pulls one page from its cursor; `advance` moves the cursor behind it. Returns whether it was the last one. */
  async pull(advance) {
    const frames = await this.post('/pull', [this.site, this.epoch, this.batch, this.cursor, 1 << 20]);
    const [, cursor, complete] = frames.at(-1);
    if (advance) this.cursor = Buffer.from(cursor);
    return complete === 1;
  }
}
