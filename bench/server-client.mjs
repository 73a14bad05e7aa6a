/**
 * server-client.mjs: a device that loads a server: it has its packets ready and speaks the HTTP protocol itself, so
 * that what is measured is the server and not the merge on the device.
 */
import { Agent, request } from 'node:http';
import { Packr } from 'msgpackr';
import { chooseSystems, openDatabase } from './systems.mjs';

const MEDIA_TYPE = 'application/vnd.cloudsync+msgpack';
/** Types of the frames of a page. */
const [PUT, UNTAG, CURSOR] = [1, 2, 5];
const PAGE_BYTES = 1 << 20;
const packr = new Packr({ useRecords: false, int64AsType: 'number' });
/** Each of the devices that wait has a connection of its own. */
const agent = new Agent({ keepAlive: true, maxSockets: 4096 });
const [, own] = await chooseSystems({});

/** Sends a request and returns its status and the answer, undefined where there is none. */
function exchange(method, url, key, headers, body) {
  return new Promise((resolve, reject) => {
    const common = { authorization: `Bearer ${key}`, accept: MEDIA_TYPE, 'cloudsync-protocol': '1' };
    const sent = request(url, { method, agent, headers: { ...common, ...headers } }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('error', reject);
      response.on('end', () => {
        const status = response.statusCode;
        const answer = chunks.length > 0 ? packr.unpack(Buffer.concat(chunks)) : undefined;
        if (status === 200 || status === 204) resolve({ status, answer });
        else reject(new Error(`${url.split('?')[0]}: ${status} ${JSON.stringify(answer)}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** One device of a database on the server. */
export class LoadDevice {
  batch = 0;
  cursor = Buffer.alloc(0);

  /**
   * @param server { url, key: a key or a token }
   * @param database its name
   * @param definitions CREATE TABLE texts by table
   */
  constructor(server, database, definitions) {
    this.base = `${server.url}/v1/db/${database}`;
    this.key = server.key;
    this.definitions = Object.entries(definitions);
    this.db = openDatabase(own, ':memory:');
    for (const [name, sql] of this.definitions) {
      this.db.exec(sql);
      own.adapter.init(this.db, name);
    }
    this.site = Buffer.from(this.db.prepare('SELECT cloudsync_siteid()').pluck().get(), 'hex');
    const columnsOf = this.db.prepare('SELECT name FROM pragma_table_info(?)').pluck();
    this.columns = new Map(this.definitions.map(([name]) => [name, columnsOf.all(name)]));
  }

  /** The packet of what `write` does to the device's database. */
  packet(write) {
    const since = own.adapter.version(this.db);
    this.db.transaction(write)(this.db);
    return own.adapter.encode(this.db, since);
  }

  /** Merges packets that were pulled, and returns the first value of a query. */
  merged(packets, sql) {
    for (const packet of packets) own.adapter.apply(this.db, packet);
    return this.db.prepare(sql).pluck().get();
  }

  /** Gives back the memory of its database; packets that were made stay good. */
  close() {
    this.db.close();
  }

  async post(path, value, headers = {}) {
    const body = packr.pack(value);
    const about = { 'content-type': MEDIA_TYPE, 'content-length': body.length, ...headers };
    return (await exchange('POST', this.base + path, this.key, about, body)).answer;
  }

  /** Makes itself known, and the tables, when the server has none. */
  async register() {
    const tables = this.definitions.map(([name]) => [name, 0, this.columns.get(name)]);
    const [epoch, , , , , missing] = await this.post('/sites', [this.site, tables]);
    this.epoch = Buffer.from(epoch);
    if (missing.length === 0) return;
    await this.post('/schema', [this.site, this.definitions.map(([name, sql]) => [name, 0, sql])]);
  }

  /** Pushes a packet, which the server must accept as it is. */
  async push(packet) {
    const batch = ++this.batch;
    const headers = { 'idempotency-key': `${this.site.toString('hex')}:${batch}` };
    const [, verdicts] = await this.post('/push', [this.site, this.epoch, batch, packet], headers);
    if (verdicts.length > 0) throw new Error(`the server refused a row: ${JSON.stringify(verdicts[0])}`);
  }

  /**
   * Pulls one page from its cursor; `advance` moves the cursor behind it.
   * @returns { packets, forgets: whether the device has to forget rows, isComplete: whether it was the last page }
   */
  async pull(advance) {
    const position = [this.site, this.epoch, this.batch, this.cursor, PAGE_BYTES];
    const frames = await this.post('/pull', position);
    const [type, cursor, complete] = frames.at(-1);
    if (type !== CURSOR) throw new Error(`a page ended with a frame of type ${type}`);
    if (advance) this.cursor = Buffer.from(cursor);
    const packets = frames.filter(([kind]) => kind === PUT).map(([, packet]) => packet);
    return { packets, forgets: frames.some(([kind]) => kind === UNTAG), isComplete: complete === 1 };
  }

  /** Pulls to the end. Returns the packets. */
  async pullAll() {
    const all = [];
    for (;;) {
      const { packets, isComplete } = await this.pull(true);
      all.push(...packets);
      if (isComplete) return all;
    }
  }

  /** Waits until there is something behind its cursor, or the time is over. Returns which. */
  async wait(seconds) {
    const query = `site=${this.site.toString('hex')}&since=${this.cursor.toString('hex')}`;
    const headers = { prefer: `wait=${seconds}` };
    const { status } = await exchange('GET', `${this.base}/wait?${query}`, this.key, headers);
    return status === 200;
  }
}
