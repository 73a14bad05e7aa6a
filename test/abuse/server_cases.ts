/**
 * server_cases.ts: malicious servers: what they answer, and how the session of a real client has to end. Whatever it
 * is, the client's file stays whole and keeps what it has not sent.
 */
import type { ServerResponse } from 'node:http';
import { encode, MEDIA_TYPE } from '../server/client.js';
import { answer, CURSOR, EPOCH, type Handler, type Handlers, msgpack, reply } from './evil_server.js';
import { BAD_PACKETS, MISPLACED_PACKETS, packetWith, strangeColumn } from './packets.js';

export interface ServerCase {
  name: string;
  handlers: Handlers;
  /** What the message of the error contains; undefined: the sync succeeds. */
  error: RegExp | undefined;
  /** Keys of rows that the client has taken, and of own rows that it has given up. */
  taken?: string[];
  left?: string[];
  /** Requests at most; a lie must not keep the client busy. */
  requests?: number;
}

const NO_SERVER = /does not look like a cloudsync server|try again later/;
const NOT_UNDERSTOOD = /cannot be understood/;
const ofProtocol = { 'content-type': MEDIA_TYPE };

function everywhere(name: string, handler: Handler, error: RegExp): ServerCase {
  return { name, handlers: { push: handler }, error };
}

const statuses: ServerCase[] = [
  ...[201, 202, 204, 206, 226, 304, 402, 405, 406, 410, 418, 451, 499, 501, 505, 599, 999].map((status) =>
    everywhere(
      `status ${status}`,
      reply(status, { 'content-type': 'text/html' }, ''),
      new RegExp(`answered ${status}`),
    ),
  ),
  ...[301, 302, 303, 307, 308].map((status) =>
    everywhere(
      `redirect ${status}`,
      reply(status, { location: 'http://127.0.0.1:1/v1/db/x/push' }),
      /it redirects/,
    ),
  ),
  everywhere('status 401', reply(401), /set a valid token/),
  everywhere('status 409 with a code that nobody knows', errorOf(409, 'whatever'), /answered 409/),
  everywhere('status 409 without a body', reply(409, ofProtocol), /answered 409/),
  everywhere('an error of another form', reply(422, ofProtocol, encode({ a: 1 })), /answered 422/),
  everywhere(
    'an error with words of 1 MB',
    errorOf(422, 'bad_packet', 'x'.repeat(1_000_000)),
    /answered 422/,
  ),
  ...['site_fork', 'gap', 'epoch_changed', 'unknown_site'].map((code) => ({
    ...everywhere(`${code}, for ever`, errorOf(409, code), /keeps asking to start over/),
    requests: 20,
  })),
  { ...everywhere('too large, for ever', errorOf(413, 'packet_too_large'), /answered 413/), requests: 20 },
];

function errorOf(status: number, code: string, detail = 'detail'): Handler {
  return reply(status, ofProtocol, encode([code, detail, 1]));
}

const ENDLESS_CHUNK = Buffer.alloc(1 << 20, 0x91);

/** Writes until the client hangs up. */
function endless(response: ServerResponse): void {
  response.writeHead(200, ofProtocol);
  const more = () => {
    while (!response.destroyed && response.write(ENDLESS_CHUNK));
  };
  response.on('drain', more);
  more();
}

const transport: ServerCase[] = [
  everywhere('a page in HTML', reply(200, { 'content-type': 'text/html' }, '<h1>Hello</h1>'), NO_SERVER),
  everywhere('JSON', reply(200, { 'content-type': 'application/json' }, '[1,[]]'), NO_SERVER),
  everywhere(
    'an answer to another request',
    reply(200, { 'content-type': `${MEDIA_TYPE};request=0011223344556677` }, encode([1, []])),
    /an answer to another request came/,
  ),
  everywhere('no type', reply(200, {}, encode([1, []])), NO_SERVER),
  everywhere('nothing', reply(200, ofProtocol), NOT_UNDERSTOOD),
  everywhere('an answer without end', endless, /larger than the \d+ bytes allowed/),
  everywhere(
    'a header of 1 MB',
    reply(200, { ...ofProtocol, 'x-a': 'h'.repeat(1 << 20) }),
    /cannot be reached/,
  ),
  everywhere(
    'an answer that breaks off',
    (response) => {
      response.writeHead(200, { ...ofProtocol, 'content-length': '100' }).write('half');
      setTimeout(() => response.destroy(), 20);
    },
    /cannot be reached/,
  ),
  everywhere('a connection that is cut', (response) => response.destroy(), /cannot be reached/),
  everywhere('no HTTP', (response) => response.socket?.end('SSH-2.0-OpenSSH\r\n'), /cannot be reached/),
  everywhere(
    'a compressed answer',
    reply(200, { ...ofProtocol, 'content-encoding': 'gzip' }, 'garbage'),
    NOT_UNDERSTOOD,
  ),
  {
    name: 'a cookie',
    handlers: {
      push: (response, body) => {
        response.setHeader('set-cookie', 'track=1; Path=/');
        answer(response, [body[2], []]);
      },
    },
    error: undefined,
  },
];

const acknowledgements: ServerCase[] = [
  ...[0, 1, 7, 2n ** 53n - 1n].map((batch) => ({
    ...everywhere(`batch ${batch} acknowledged, which was not sent`, msgpack([batch, []]), NOT_UNDERSTOOD),
    requests: 4,
  })),
  everywhere('a negative batch', msgpack([-1, []]), NOT_UNDERSTOOD),
  everywhere('a batch in words', msgpack(['1', []]), NOT_UNDERSTOOD),
  everywhere('verdicts without end', (response) => bytes(response, '9201ddffffffff'), NOT_UNDERSTOOD),
  everywhere('verdicts of another form', msgpack([1, [[1, 2, 3, 4]]]), NOT_UNDERSTOOD),
  everywhere('bytes after the end', (response) => bytes(response, '92019000'), NOT_UNDERSTOOD),
  {
    name: 'verdicts about tables that nobody has',
    handlers: {
      push: (response, body) => {
        const verdict = [
          `x"; DROP TABLE notes; --`,
          Buffer.from('a3657669', 'hex'),
          'denied',
          `'; DELETE FROM notes`,
        ];
        answer(response, [body[2], Array(500).fill(verdict)]);
      },
    },
    error: undefined,
  },
];

function bytes(response: ServerResponse, hex: string): void {
  response.writeHead(200, ofProtocol).end(Buffer.from(hex, 'hex'));
}

function pulled(name: string, frames: unknown, error: RegExp | undefined): ServerCase {
  return { name, handlers: { pull: msgpack(frames) }, error, requests: 12 };
}

const END = [5, CURSOR, 1];

/** The keys 'sent' and 'kept' as MessagePack items. */
const SENT = Buffer.from('a473656e74', 'hex');
const KEPT = Buffer.from('a46b657074', 'hex');

/** Of tables that are not there or not synchronised, and keys that are none. */
const STRANGE_ROWS = [
  ...['nowhere', 'secret', 'cloudsync_settings', `x"; DROP TABLE notes; --`, ''].map((table) => [
    table,
    SENT,
  ]),
  ...['', 'c0', 'c1', 'a473656e74a0', 'a473656e', 'dbffffffff', '91a473656e74'].map((hex) => [
    'notes',
    Buffer.from(hex, 'hex'),
  ]),
];

const verdicts: ServerCase[] = [
  {
    name: 'verdicts about rows that nobody has',
    handlers: {
      push: (response, body) => {
        const all = ['denied', 'constraint', 'clock', 'gone', ''].flatMap((code) =>
          STRANGE_ROWS.map((row) => [...row, code, `'; DELETE FROM notes`]),
        );
        answer(response, [body[2], all, Buffer.alloc(0)]);
      },
    },
    error: undefined,
  },
  {
    name: 'a row refused, and another one in its place',
    handlers: {
      push: (response, body) =>
        answer(response, [body[2], [['notes', KEPT, 'denied', 'no']], packetWith({ table: 'nowhere' })]),
    },
    error: undefined,
    left: ['kept'],
  },
  {
    name: 'a row refused, with a broken packet',
    handlers: {
      push: (response, body) =>
        answer(response, [body[2], [['notes', KEPT, 'denied', 'no']], Buffer.alloc(40, 1)]),
    },
    error: /not a cloudsync packet/,
  },
  {
    name: 'each batch refused, and answered with the next one',
    handlers: {
      push: (response, body) => answer(response, [body[2], [['notes', KEPT, 'denied', 'no']], body[3]]),
    },
    error: undefined,
    requests: 110,
  },
];

const pages: ServerCase[] = [
  pulled('no frames', [], NOT_UNDERSTOOD),
  pulled('frames without a cursor', [[1, packetWith({ table: 'nowhere' })]], NOT_UNDERSTOOD),
  pulled('a frame of a kind that nobody knows', [[9, CURSOR], END], /does not know/),
  pulled('a frame after the cursor', [END, END], NOT_UNDERSTOOD),
  pulled('a cursor of more than 1 MiB', [[5, Buffer.alloc((1 << 20) + 1), 1]], NOT_UNDERSTOOD),
  pulled('the same cursor again and again', [[5, CURSOR, 0]], /again and again/),
  {
    name: 'another cursor again and again, and no rows',
    handlers: { pull: (response) => answer(response, [[5, Buffer.from(String(Math.random())), 0]]) },
    error: /again and again/,
    requests: 200,
  },
  pulled('rows to forget that nobody has', [[2, STRANGE_ROWS], END], undefined),
  pulled('rows to forget that are no list', [[2, CURSOR], END], NOT_UNDERSTOOD),
  pulled('rows to forget without end', [[2, Array(3)], END], NOT_UNDERSTOOD),
  { ...pulled('one of its rows taken', [[2, [['NOTES', SENT]]], END], undefined), left: ['sent'] },
  {
    name: 'everything taken again and again',
    handlers: { pull: (response) => answer(response, [[4], [5, Buffer.from(String(Math.random())), 0]]) },
    error: /takes everything from this device again and again/,
    left: ['kept', 'sent'],
  },
  {
    name: 'frames without end',
    handlers: { pull: (response) => bytes(response, 'ddffffffff') },
    error: NOT_UNDERSTOOD,
  },
  ...BAD_PACKETS.map(([name, packet]) => pulled(`packet: ${name}`, [[1, packet()], END], /cloudsync: /)),
  ...MISPLACED_PACKETS.map(([name, packet]) => pulled(`packet: ${name}`, [[1, packet()], END], undefined)),
  {
    ...pulled('packet: a column named like an attack', [[1, strangeColumn()], END], undefined),
    taken: ['evil-0'],
  },
  pulled('rows of a table that is not synchronised', [[1, packetWith({ table: 'secret' })], END], undefined),
  pulled(
    '20,000 rows at once, of another table',
    [[1, packetWith({ table: 'nowhere', rows: 20_000 })], END],
    undefined,
  ),
];

const registration = (...parts: unknown[]): Handlers => ({
  // A server that knows nothing of the site makes the client register.
  push: (response) => response.writeHead(409, ofProtocol).end(encode(['unknown_site', '', 0])),
  sites: msgpack(parts),
});

const registrations: ServerCase[] = [
  ['an epoch of 15 bytes', [Buffer.alloc(15), 0, 1, 0, 1024, []], NOT_UNDERSTOOD],
  ['a last batch over all numbers', [EPOCH, 2n ** 60n, 1, 0, 1024, []], NOT_UNDERSTOOD],
  ['a million missing tables', [EPOCH, 0, 1, 0, 1024, Array(5000).fill('t')], NOT_UNDERSTOOD],
  ['a last batch that was never sent', [EPOCH, 99, 1, 0, 1024, []], /start over/],
  ['an epoch that is new, for ever', [EPOCH, 0, 1, 0, 1024, []], /start over/],
  ['a missing table with a name like an attack', [EPOCH, 0, 1, 1, 1024, [`x"; --`]], /start over/],
].map(([name, parts, error]) => ({
  name: `registration: ${name}`,
  handlers: registration(...(parts as unknown[])),
  error: error as RegExp,
  requests: 24,
}));

export const SERVER_CASES: readonly ServerCase[] = [
  ...statuses,
  ...transport,
  ...acknowledgements,
  ...verdicts,
  ...pages,
  ...registrations,
];
