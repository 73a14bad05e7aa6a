/**
 * request_cases.ts: malicious clients that keep to HTTP and break the rules of the protocol: with the credentials,
 * sites, cursors and batches of others, with forged ones, and with more than there should be.
 */
import { type Answer, type Client, encode } from '../server/client.js';
import type { ClientCase } from './bare_cases.js';
import { BAD_PACKETS, MISPLACED_PACKETS } from './packets.js';
import { PACKET_MAX, unknownSite, type World } from './world.js';

/** A request that is answered with a status and, where it is an error, a code. */
function request(
  name: string,
  expected: [status: number, code?: string],
  send: (world: World) => Promise<Answer>,
): ClientCase {
  return {
    name,
    play: async (world) => {
      const { status, body } = await send(world);
      const code = Array.isArray(body) && typeof body[0] === 'string' ? body[0] : undefined;
      if (status === expected[0] && (expected[1] === undefined || code === expected[1])) return;
      throw new Error(`answered ${status} ${code ?? ''}, expected ${expected.join(' ')}`);
    },
  };
}

const EMPTY = Buffer.alloc(0);
const wait = (client: Client, site: Buffer, since = '') =>
  client.send('GET', `/wait?site=${site.toString('hex')}&since=${since}`);
const epochOf = (world: World) => world.honest.epoch;

/** Which credential it is. */
const credentials: ClientCase[] = [
  ...(
    [
      ['no credential', ''],
      ['an empty one', 'Bearer '],
      ['a name and a password', 'Basic YWRtaW46YWRtaW4='],
      ['two in one header', 'Bearer a b'],
      ['one of 8 KB', `Bearer csk_${'a'.repeat(8000)}`],
      ['one with quotes', `Bearer csk_' OR 1=1 --`],
    ] as const
  ).map(([name, authorization]) =>
    request(`credential: ${name}`, [401, 'unauthorized'], ({ attacker, attackerSite }) =>
      attacker.send('POST', '/sites', encode([attackerSite, []]), { authorization }),
    ),
  ),
  request('credential: the id of one key, the secret of another', [401, 'unauthorized'], (world) => {
    const [, id] = world.server.key.split('_');
    const [, , ...secret] = world.attacker.key.split('_');
    const authorization = `Bearer csk_${id}_${secret.join('_')}`;
    return world.attacker.send('POST', '/sites', encode([world.attackerSite, []]), { authorization });
  }),
  request('credential: a good one in the query', [401, 'unauthorized'], (world) =>
    world.attacker.send('GET', `/wait?key=${world.server.key}`, undefined, { authorization: '' }),
  ),
  request('credential: one for another database', [404, 'no_database'], ({ stranger, attackerSite }) =>
    stranger.post('/sites', [attackerSite, []]),
  ),
];

/** What belongs to the honest device. */
const foreign: ClientCase[] = [
  request('a registration as another site', [403, 'forbidden'], ({ attacker, honest }) =>
    attacker.post('/sites', [honest.site, []]),
  ),
  request('a push as another site', [403, 'forbidden'], (world) =>
    world.attacker.push(world.honest.site, epochOf(world), 3, world.attackerDevice.packet()),
  ),
  request('a pull as another site', [403, 'forbidden'], (world) =>
    world.attacker.pull(world.honest.site, epochOf(world), 2, EMPTY),
  ),
  request('a wait as another site', [403, 'forbidden'], ({ attacker, honest }) =>
    wait(attacker, honest.site),
  ),
  request('tables published with a key that may not', [403, 'forbidden'], ({ attacker, attackerSite }) =>
    attacker.post('/schema', [attackerSite, [['x', 0, 'CREATE TABLE x(id TEXT PRIMARY KEY NOT NULL)']]]),
  ),
  request('a captured push under a key of its own', [403, 'forbidden'], (world) =>
    world.attacker.push(world.honest.site, epochOf(world), 2, world.pushed[1] ?? EMPTY),
  ),
  request('a captured push again', [200], (world) =>
    world.honest.client.push(world.honest.site, epochOf(world), 2, world.pushed[1] ?? EMPTY),
  ),
  request('an older captured push again', [409, 'site_fork'], (world) =>
    world.honest.client.push(world.honest.site, epochOf(world), 1, world.pushed[0] ?? EMPTY),
  ),
  request('a batch again with other content', [409, 'site_fork'], (world) =>
    world.honest.client.push(world.honest.site, epochOf(world), 2, world.attackerDevice.packet()),
  ),
  request('a site that nobody has registered', [409, 'unknown_site'], (world) =>
    world.attacker.push(unknownSite(), epochOf(world), 1, world.attackerDevice.packet()),
  ),
  request('another epoch', [409, 'epoch_changed'], ({ attacker, attackerSite, attackerDevice }) =>
    attacker.push(attackerSite, Buffer.alloc(16), 1, attackerDevice.packet()),
  ),
];

const pushRaw = (world: World, batch: unknown, packet: unknown = world.attackerDevice.packet()) =>
  world.attacker.post('/push', [world.attackerSite, epochOf(world), batch, packet]);

const batches: ClientCase[] = [
  request('batch 0', [400, 'bad_request'], (world) => pushRaw(world, 0)),
  request('batch -1', [400, 'bad_request'], (world) => pushRaw(world, -1)),
  request('batch 2, without a first', [409, 'gap'], (world) => pushRaw(world, 2)),
  request('batch 2^32 - 1', [409, 'gap'], (world) => pushRaw(world, 2 ** 32 - 1)),
  request('batch 2^64 - 1', [400, 'bad_request'], (world) => pushRaw(world, 2n ** 64n - 1n)),
  request('batch as text', [400, 'bad_request'], (world) => pushRaw(world, '1')),
  request('a key of idempotency that is of another batch', [400, 'bad_request'], (world) =>
    world.attacker.post('/push', [world.attackerSite, epochOf(world), 1, EMPTY], {
      'idempotency-key': 'x:9',
    }),
  ),
];

const pullRaw = (world: World, cursor: Buffer, lastBatch = 0, max = 4096) =>
  world.attacker.post('/pull', [world.attackerSite, epochOf(world), lastBatch, cursor, max]);

/** A cursor of the honest device with one thing changed. */
async function forged(world: World, change: (cursor: Buffer) => Buffer): Promise<Answer> {
  const page = await world.honest.client.page(world.honest.site, epochOf(world), 2, EMPTY);
  return pullRaw(world, change(Buffer.from(page.cursor)));
}

const flip = (at: number) => (cursor: Buffer) => {
  cursor[at] = (cursor[at] ?? 0) ^ 1;
  return cursor;
};

const cursors: ClientCase[] = [
  ...[0, 1, 9, 17, 25, 40].map((at) =>
    request(`a cursor with another byte ${at}`, [400, 'bad_request'], (world) => forged(world, flip(at))),
  ),
  request('a cursor that is cut', [400, 'bad_request'], (world) =>
    forged(world, (cursor) => cursor.subarray(0, 20)),
  ),
  request('a cursor of zeros', [400, 'bad_request'], (world) => pullRaw(world, Buffer.alloc(41))),
  request('the cursor of another device', [200], (world) => forged(world, (cursor) => cursor)),
  request('pages of 4 GiB', [200], (world) => pullRaw(world, EMPTY, 0, 2 ** 32 - 1)),
  request('pages of no bytes', [200], (world) => pullRaw(world, EMPTY, 0, 0)),
  request('a last batch that it never sent', [409, 'epoch_changed'], (world) => pullRaw(world, EMPTY, 7)),
  request('a last batch that is behind', [409, 'site_fork'], (world) =>
    world.honest.client.pull(world.honest.site, epochOf(world), 1, EMPTY),
  ),
  {
    name: 'the first page again and again',
    play: async (world) => {
      for (let i = 0; i < 100; i++) {
        const { status } = await pullRaw(world, EMPTY);
        if (status !== 200) throw new Error(`answered ${status} the ${i}th time`);
      }
    },
  },
  {
    name: '60 waits, all abandoned',
    play: async (world) => {
      const page = await world.attacker.page(world.attackerSite, epochOf(world), 0, EMPTY, 1 << 20);
      const controller = new AbortController();
      const waits = Array.from({ length: 60 }, () =>
        world.attacker.wait(world.attackerSite, page.cursor, 55, controller.signal).then(
          () => 'answered',
          () => 'abandoned',
        ),
      );
      setTimeout(() => controller.abort(), 100);
      const answered = (await Promise.all(waits)).filter((each) => each === 'answered');
      if (answered.length > 0) throw new Error(`${answered.length} were answered`);
    },
  },
];

const bodies: ClientCase[] = [
  request('a body of zeros', [400, 'bad_request'], ({ attacker }) =>
    attacker.send('POST', '/push', Buffer.alloc(60_000)),
  ),
  request('a packet over the limit', [413, 'packet_too_large'], (world) =>
    pushRaw(world, 1, Buffer.alloc(PACKET_MAX + 1)),
  ),
  request('JSON', [415, 'unsupported'], ({ attacker }) =>
    attacker.send('POST', '/push', '{"site":1,"site":2}', { 'content-type': 'application/json' }),
  ),
  request('a form', [415, 'unsupported'], ({ attacker }) =>
    attacker.send('POST', '/push', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
  ),
  request('a name that is no UTF-8', [400, 'bad_request'], ({ attacker, attackerSite }) =>
    attacker.send(
      'POST',
      '/sites',
      Buffer.concat([Buffer.from([0x92, 0xc4, 0x10]), attackerSite, Buffer.from('9193a2fffe0090', 'hex')]),
    ),
  ),
  request('a count of 2^32 tables', [400, 'bad_request'], ({ attacker, attackerSite }) =>
    attacker.send(
      'POST',
      '/sites',
      Buffer.concat([Buffer.from([0x92, 0xc4, 0x10]), attackerSite, Buffer.from('ddffffffff', 'hex')]),
    ),
  ),
  request('4,000 tables of 200 columns each', [200], ({ attacker, attackerSite }) =>
    attacker.post('/sites', [attackerSite, Array(4000).fill(['t', 0, Array(200).fill('c')])]),
  ),
];

/** A clock that is ahead may be a mistake of the device, which it can mend. */
const codeFor = (name: string) => (/clock/.test(name) ? 'clock_ahead' : 'bad_packet');

const refusedPackets = BAD_PACKETS.map(([name, packet]) =>
  request(`packet: ${name}`, [422, codeFor(name)], (world) => pushRaw(world, 1, packet())),
);

/** A device of its own for each, because these batches count. What they carry must not show in any table. */
const misplaced = MISPLACED_PACKETS.map(
  ([name, packet]): ClientCase => ({
    name: `packet: ${name}`,
    changes: true,
    play: async (world) => {
      const site = unknownSite();
      await world.attacker.register(site);
      const answer = await world.attacker.push(site, epochOf(world), 1, packet());
      const [, verdicts] = answer.body as [number, [string, Buffer, string, string][]];
      if (answer.status !== 200 || verdicts.length !== 1 || verdicts[0]?.[2] !== 'held')
        throw new Error(`answered ${answer.status} ${JSON.stringify(answer.body)}`);
      const page = await world.honest.client.page(world.honest.site, epochOf(world), 2, EMPTY);
      if (page.packets.some((bytes) => bytes.includes('evil'))) throw new Error('it is handed out to others');
    },
  }),
);

const definitions = [
  'CREATE TABLE evil(id TEXT PRIMARY KEY NOT NULL); DROP TABLE notes',
  'CREATE TABLE evil AS SELECT * FROM cloudsync_server_state',
  'CREATE VIRTUAL TABLE evil USING fts5(a)',
  "ATTACH 'x' AS evil",
  'CREATE TABLE other.evil(id TEXT PRIMARY KEY NOT NULL)',
].map(
  (sql): ClientCase => ({
    name: `published: ${sql}`,
    play: async ({ honest }) => {
      const [[, outcome] = []] = await honest.client.publish(honest.site, [['evil', 0, sql]]);
      if (!outcome?.startsWith('refused')) throw new Error(`the outcome is ${outcome}`);
    },
  }),
);

export const REQUEST_CASES: readonly ClientCase[] = [
  ...credentials,
  ...foreign,
  ...batches,
  ...cursors,
  ...bodies,
  ...refusedPackets,
  ...definitions,
  ...misplaced,
];
