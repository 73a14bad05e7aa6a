/**
 * events.test.ts: streams of pokes: they say that something changed, soon and without telling what, they end with the
 * token and with the server, and nobody can hold too many of them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Events } from '../../src/server/http/events.js';
import { LIMITS } from '../../src/server/limits.js';
import { type RunningServer, startServer } from '../support/server.js';
import { accepted, Client, newSite, refused } from './client.js';
import { Device, NOTES } from './device.js';
import { ManualClock } from './manual-clock.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

interface OpenStream {
  response: Response;
  /** What came so far. */
  text: () => string;
  /** Events that have a name, so far. */
  pokes: () => { id: string }[];
  /** Resolves when the server has ended it. */
  ended: Promise<void>;
  close: () => void;
}

const openStreams: OpenStream[] = [];
afterEach(() => {
  for (const stream of openStreams.splice(0)) stream.close();
});

async function listen(device: Device, headers: Record<string, string> = {}): Promise<OpenStream> {
  const controller = new AbortController();
  const { base, key } = device.client;
  const response = await fetch(`${base}/events?site=${device.site.toString('hex')}`, {
    headers: { authorization: `Bearer ${key}`, 'cloudsync-protocol': '1', ...headers },
    signal: controller.signal,
  });
  let text = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array);
  };
  const stream: OpenStream = {
    response,
    text: () => text,
    pokes: () => [...text.matchAll(/^event: poke\nid: (.*)\ndata:\n\n/gm)].map(([, id = '']) => ({ id })),
    ended: read().catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    }),
    close: () => controller.abort(),
  };
  openStreams.push(stream);
  return stream;
}

async function newDevices(database: string, on = server): Promise<[Device, Device]> {
  const client = new Client(on.url, on.key, database);
  const devices: [Device, Device] = [new Device(client, NOTES), new Device(client, NOTES)];
  for (const device of devices) await device.register();
  return devices;
}

async function write(device: Device, id: string): Promise<void> {
  device.write(id, 'x');
  accepted(await device.push());
}

const lastIdOf = (stream: OpenStream) => [...stream.text().matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';

describe('a stream', () => {
  test('has the form of server-sent events and passes proxies', async () => {
    const [ada] = await newDevices('form');
    const stream = await listen(ada);
    expect(stream.response.status).toBe(200);
    const header = (name: string) => stream.response.headers.get(name);
    expect(header('content-type')).toMatch(/^text\/event-stream/);
    expect(header('x-accel-buffering')).toBe('no');
    expect(header('cache-control')).toBe('no-store');
    await vi.waitUntil(() => stream.text() !== '');
    expect(stream.text()).toMatch(/^retry: 1000\nid: [\w-]{16}\n\n$/);
  });

  test('pokes after a push of another device, in its own database only', async () => {
    const [ada, bob] = await newDevices('pokes');
    const [, elsewhere] = await newDevices('pokes-not');
    const [poked, silent] = [await listen(bob), await listen(elsewhere)];
    await write(ada, 'one');
    await vi.waitUntil(() => poked.pokes().length === 1);
    await write(ada, 'two');
    await vi.waitUntil(() => poked.pokes().length === 2);
    expect(new Set(poked.pokes().map(({ id }) => id)).size, 'another state, another id').toBe(2);
    expect(silent.pokes()).toEqual([]);
  });

  test('pokes at once who comes back after a change, and not who has seen it', async () => {
    const [ada, bob] = await newDevices('comes-back');
    const first = await listen(bob);
    await vi.waitUntil(() => lastIdOf(first) !== '');
    const seen = lastIdOf(first);
    first.close();
    await write(ada, 'meanwhile');
    const second = await listen(bob, { 'last-event-id': seen });
    await vi.waitUntil(() => second.pokes().length === 1);
    const third = await listen(bob, { 'last-event-id': lastIdOf(second) });
    await vi.waitUntil(() => lastIdOf(third) !== '');
    expect(lastIdOf(third)).toBe(lastIdOf(second));
    expect(third.pokes()).toEqual([]);
  });

  test('is only for devices of ones own, and known ones', async () => {
    const client = new Client(server.url, server.key, 'known');
    const unknown = await client.send('GET', `/events?site=${newSite().toString('hex')}`);
    expect(refused(unknown)).toMatchObject({ status: 404, code: 'no_database' });
    await newDevices('known');
    const stranger = await client.send('GET', `/events?site=${newSite().toString('hex')}`);
    expect(refused(stranger)).toMatchObject({ status: 409, code: 'unknown_site' });
    expect(refused(await client.send('GET', '/events?site=12'))).toMatchObject({ status: 400 });
    const [ada] = await newDevices('known');
    for (let i = 0; i < 3 * LIMITS.eventStreamsPerSubject; i += 1) {
      expect(refused(await client.send('GET', `/events?site=${newSite().toString('hex')}`)).status).toBe(409);
    }
    expect((await listen(ada)).response.status, 'refused ones take no place').toBe(200);
  });

  test('there are two of a device and twenty of a key; a closed one makes room', async () => {
    const own = await startServer();
    const devices = [];
    for (let i = 0; i < 6; i += 1) devices.push(...(await newDevices('places', own)));
    const [first, ...others] = devices as [Device, ...Device[]];
    const streams = [await listen(first), await listen(first)];
    const third = await listen(first, { accept: 'application/vnd.cloudsync+msgpack' });
    expect(third.response.status).toBe(429);
    expect(third.response.headers.get('retry-after')).toBe('20');
    for (const device of others.slice(0, 9)) streams.push(await listen(device), await listen(device));
    expect(streams.map(({ response }) => response.status)).toEqual(Array.from({ length: 20 }, () => 200));
    const last = others.at(-1) as Device;
    expect((await listen(last)).response.status).toBe(429);
    streams[0]?.close();
    await vi.waitUntil(async () => (await listen(last)).response.status === 200, { timeout: 5000 });
    await own.stop();
  });

  test('ends with a word when the server stops, which it does not hold up', async () => {
    const own = await startServer();
    const [ada] = await newDevices('stops', own);
    const stream = await listen(ada);
    const start = performance.now();
    expect(await own.stop()).toBe(0);
    await stream.ended;
    expect(stream.text()).toMatch(/event: end\ndata: stopping\n\n$/);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('in time', () => {
  const seen = (head: number) => ({ head, version: String(head), scopes: undefined });
  const grown = (head: number) => ({ head, scopes: undefined });
  const isRestricted = false;
  const lookUp = () => Promise.resolve(seen(1));
  const listener = { database: 'd', subject: 's', site: 'a', expires: undefined, isRestricted, lookUp };

  function opened(clock: ManualClock, expires?: number) {
    const events = new Events(clock);
    const stream = events.listen({ ...listener, expires });
    let text = '';
    stream.output.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    stream.begin(seen(1), undefined);
    const taken = () => {
      const all = text;
      text = '';
      return all;
    };
    return { events, stream, taken, count: (word: string) => text.split(word).length - 1 };
  }

  /** Lets the stream hand over what was written to it. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('a comment comes every 20 seconds', async () => {
    const clock = new ManualClock();
    const { stream, count } = opened(clock);
    clock.advance(19_000);
    await settle();
    expect(count(':\n\n')).toBe(0);
    clock.advance(41_000);
    await settle();
    expect(count(':\n\n')).toBe(3);
    stream.output.destroy();
    await settle();
    expect(clock.pending).toBe(0);
  });

  test('pokes that follow soon after come together, and the last state is told', async () => {
    const clock = new ManualClock();
    const { events, taken, count } = opened(clock);
    for (let head = 2; head < 100; head += 1) events.announce('d', grown(head));
    await settle();
    expect(count('event: poke')).toBe(1);
    clock.advance(LIMITS.pokeMilliseconds);
    await settle();
    expect(count('event: poke')).toBe(2);
    const told = [...taken().matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
    clock.advance(1000);
    events.announce('d', grown(99));
    await settle();
    expect(taken(), 'the same again is no news').toBe('');
    const other = events.listen({ ...listener, site: 'b' });
    other.begin(seen(99), undefined);
    expect(other.output.read().toString()).toContain(`id: ${told}\n`);
  });

  test('it ends with the token', async () => {
    const clock = new ManualClock();
    const { events, stream, taken } = opened(clock, clock.now() + 90_000);
    clock.advance(89_000);
    await settle();
    expect(stream.output.writableEnded).toBe(false);
    clock.advance(1_000);
    await settle();
    expect(taken()).toMatch(/event: end\ndata: expired\n\n$/);
    await settle();
    expect(events.open).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('who does not read is cut off, and costs no memory until then', async () => {
    const clock = new ManualClock();
    const events = new Events(clock);
    const stream = events.listen(listener);
    stream.begin(seen(1), undefined);
    for (let head = 2; head < 10_000; head += 1) {
      events.announce('d', grown(head));
      clock.advance(LIMITS.pokeMilliseconds);
    }
    expect(stream.output.readableLength + stream.output.writableLength).toBeLessThan(100_000);
    clock.advance(2 * LIMITS.eventKeepAliveMilliseconds);
    await settle();
    expect(stream.output.destroyed).toBe(true);
    expect(events.open).toBe(0);
  });
});
