/**
 * bare_cases.ts: malicious clients that break the rules of HTTP itself, on bare sockets.
 */
import { MEDIA_TYPE } from '../server/client.js';
import { head, statusesOf, type Talk, talk } from './raw.js';
import { PACKET_MAX, type World } from './world.js';

/** One malicious client. `play` throws when the server does not do what it should. */
export interface ClientCase {
  name: string;
  play: (world: World) => Promise<void>;
  /** The database may have other content afterwards; else it must be as it was. */
  changes?: boolean;
}

/** The statuses that a connection may see; an empty list is a connection that is closed without a word. */
function bare(name: string, allowed: readonly number[][], request: (world: World) => Talk): ClientCase {
  return {
    name,
    play: async (world) => {
      const statuses = statusesOf(await talk(world.server.url, request(world)));
      if (allowed.some((one) => one.join() === statuses.join())) return;
      throw new Error(`answered with ${statuses.join() || 'nothing'}, expected ${allowed.join(' or ')}`);
    },
  };
}

const LAST = 'Connection: close';
const REFUSED = [[400]];
/** The deadline of a slow request: an answer or the end of the connection. */
const TIMED_OUT = [[408], []];

const withKey = (world: World) => [
  'Host: x',
  `Authorization: Bearer ${world.attacker.key}`,
  'Cloudsync-Protocol: 1',
  `Content-Type: ${MEDIA_TYPE}`,
];
const post = (world: World, path: string, ...lines: string[]) =>
  head(`POST /v1/db/abused/${path} HTTP/1.1`, ...withKey(world), ...lines);
const get = (path: string, ...lines: string[]) => head(`GET ${path} HTTP/1.1`, 'Host: x', ...lines);
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

const slow: ClientCase[] = [
  bare('a head byte by byte', TIMED_OUT, () => ({ text: 'GET /', drops: 'x'.repeat(200) })),
  bare('a header that never ends', TIMED_OUT, () => ({
    text: 'GET / HTTP/1.1\r\nX-A: b',
    drops: 'c'.repeat(200),
  })),
  bare('half a head, then silence', TIMED_OUT, () => ({ text: 'POST /v1/db/abused/push HTTP/1.1\r\nHost:' })),
  bare('a connection without a byte', TIMED_OUT, () => ({ text: '' })),
  bare('half a body, then silence', TIMED_OUT, (world) => ({
    text: `${post(world, 'push', 'Content-Length: 1000')}half`,
  })),
  bare('a body byte by byte', TIMED_OUT, (world) => ({
    text: post(world, 'pull', 'Content-Length: 900'),
    drops: 'x'.repeat(200),
  })),
  bare('chunks byte by byte', TIMED_OUT, (world) => ({
    text: post(world, 'push', 'Transfer-Encoding: chunked'),
    drops: chunk('x').repeat(40),
  })),
  bare('permission asked for a body that does not come', [[408], [100, 408], []], (world) => ({
    text: post(world, 'push', 'Content-Length: 1000', 'Expect: 100-continue'),
  })),
  bare('half a body, then nobody', [[]], (world) => ({
    text: `${post(world, 'push', 'Content-Length: 1000')}half`,
    hangsUp: true,
  })),
];

const malformed: ClientCase[] = [
  ...[
    ['a negative length', 'Content-Length: -1'],
    ['a length in words', 'Content-Length: many'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['a length beyond numbers', `Content-Length: ${'9'.repeat(30)}`],
    ['a header without a name', ': value'],
    ['a space before the colon', 'X-A : b'],
    ['a zero byte in a header', 'X-A: b\0c'],
  ].map(([name, line]) =>
    bare(name as string, REFUSED, (world) => ({ text: `${post(world, 'push', line as string)}hello` })),
  ),
  bare('a chunk without a size', REFUSED, (world) => ({
    text: `${post(world, 'push', 'Transfer-Encoding: chunked')}zz\r\nhello\r\n0\r\n\r\n`,
  })),
  bare('a chunk of 2^64 bytes', REFUSED, (world) => ({
    text: `${post(world, 'push', 'Transfer-Encoding: chunked')}ffffffffffffffffff\r\nhello`,
  })),
  bare('no host', REFUSED, () => ({ text: head('GET /healthz HTTP/1.1', LAST) })),
  bare('HTTP/2 without asking', REFUSED, () => ({ text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' })),
  bare('a TLS greeting', REFUSED, () => ({ text: Buffer.from('16030100c8010000c40303', 'hex') })),
  bare('a method that does not exist', REFUSED, () => ({ text: head('EAT / HTTP/1.1', 'Host: x') })),
  bare('a tunnel', [[], [400], [404]], () => ({
    text: head('CONNECT 127.0.0.1:22 HTTP/1.1', 'Host: x', LAST),
  })),
  bare('an address with a host in it', [[404]], () => ({
    text: head('GET http://other/x HTTP/1.1', 'Host: x', LAST),
  })),
  bare('a URL of 20 KB', [[431]], () => ({ text: get(`/${'u'.repeat(20_000)}`, LAST) })),
  bare('a header of 20 KB', [[431]], () => ({ text: get('/healthz', `X-A: ${'v'.repeat(20_000)}`, LAST) })),
  bare('5,000 headers', [[431]], () => ({
    text: get('/healthz', ...Array.from({ length: 5000 }, (_, i) => `X-${i}: v`), LAST),
  })),
];

const large: ClientCase[] = [
  bare('a push of chunks over the limit', [[413], []], (world) => ({
    text:
      post(world, 'push', 'Transfer-Encoding: chunked', LAST) + chunk('z'.repeat(PACKET_MAX * 2)) + chunk(''),
  })),
  bare('a pull of chunks over the limit', [[400], []], (world) => ({
    text: post(world, 'pull', 'Transfer-Encoding: chunked', LAST) + chunk('z'.repeat(5000)) + chunk(''),
  })),
  bare('a push that announces 1 GiB', [[413], [408], []], (world) => ({
    text: `${post(world, 'push', `Content-Length: ${2 ** 30}`)}${'z'.repeat(100_000)}`,
  })),
  bare('20 requests in one piece', [Array(20).fill(200)], () => ({
    text: get('/healthz').repeat(19) + get('/healthz', LAST),
  })),
  bare('50 requests without a key in one piece', [Array(50).fill(401)], () => ({
    text: get('/v1/db/abused/wait').repeat(49) + get('/v1/db/abused/wait', LAST),
  })),
  bare('a request hidden in the body of another', [[401, 404]], () => ({
    text:
      head('POST /v1/db/abused/push HTTP/1.1', 'Host: x', 'Content-Length: 5') +
      `hello${get('/v1/keys', LAST)}`,
  })),
];

const paths: ClientCase[] = [
  ['/v1/db/../../server.db/pull', 404],
  ['/v1/db/%2e%2e%2fserver/pull', 400],
  ['/v1/db/..%5cserver/pull', 400],
  ['/v1/db/%252e%252e/pull', 400],
  ['/v1/db/abused%00/pull', 400],
  ['/v1/db/abused.db-wal/pull', 400],
  ['/v1/db/%ff%fe/pull', 400],
  ['/v1/db/%zz/pull', 400],
  ["/v1/db/a'--/pull", 400],
  ['/v1/db//pull', 400],
].map(([path, status]) =>
  bare(`the path ${path}`, [[status as number]], (world) => ({
    text: head(`POST ${path} HTTP/1.1`, ...withKey(world), 'Content-Length: 0', LAST),
  })),
);

export const BARE_CASES: readonly ClientCase[] = [...slow, ...malformed, ...large, ...paths];
