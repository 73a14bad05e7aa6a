/**
 * answers.ts: what the fuzzed server answers: for every kind of request the right answer, changed answers, answers to
 * something else, errors of every status, pages of proxies, and silence.
 */
import { fixChecksum } from '../../packet/encode.js';
import { array, type Output, raw, writeItem } from '../../packet/msgpack.js';
import { blob, integer, NULL, text } from '../../packet/value.js';
import type { Random } from '../child/random.js';
import { type Answer, KINDS, type Kind, PROTOCOL_TYPE } from '../curl/answers.js';

/** What the right answers depend on. */
export interface ServerState {
  epoch: Buffer;
  /** Number of the last batch that it has. */
  batch: bigint;
  /** Packets that pages may bring. */
  packets: readonly Buffer[];
}

const STATUSES = [
  ...[0, 100, 199, 200, 200, 201, 204, 301, 302, 304, 400, 401, 402, 403, 404, 408, 409, 409, 409, 410],
  ...[413, 413, 415, 422, 425, 426, 429, 429, 500, 501, 502, 503, 503, 504, 599, 999, -1, 2 ** 31 - 1],
];
const CODES = [
  ...[
    'unknown_site',
    'site_fork',
    'gap',
    'epoch_changed',
    'no_database',
    'busy',
    'rate_limited',
    'bad_packet',
  ],
  ...['packet_too_large', 'unauthorized', '', 'x'.repeat(64), 'x'.repeat(65), "a'b", 'nothing'],
];
const TYPES = [
  PROTOCOL_TYPE,
  PROTOCOL_TYPE,
  `${PROTOCOL_TYPE}; charset=x`,
  `${PROTOCOL_TYPE}x`,
  'text/html',
  '',
  '\u00ff',
];
const PAUSES = [
  0n,
  0n,
  0n,
  1n,
  7n,
  60n,
  61n,
  3600n,
  2147483n,
  2147484n,
  3000000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 62n,
  -5n,
];

/** Time of the server, which the client must not believe. */
const TIMES = [0n, 1_790_000_000_000_000n, 2n ** 60n, 2n ** 63n - 1n];

function registration(random: Random, state: ServerState): Output {
  const missing = random.oneIn(3) ? [text('notes'), text('elsewhere')] : [];
  return array([
    blob(state.epoch),
    integer(state.batch),
    integer(random.pick(TIMES)),
    integer(random.below(2)),
    integer(20 * 2 ** 20),
    array(missing),
  ]);
}

function publication(random: Random): Output {
  const outcome = () => random.pick(['created', 'altered', 'unchanged', 'refused: because', '']);
  return array(Array.from({ length: random.below(4) }, () => array([text('notes'), text(outcome())])));
}

/** The answer to the next batch, often with verdicts. */
function pushAnswer(random: Random, state: ServerState): Output {
  const verdict = () =>
    array([
      text(random.pick(['notes', 'nowhere', ''])),
      blob(writeItem(text('shared'))),
      text(random.pick(['held', 'denied', 'constraint', 'gone'])),
      text('why'),
    ]);
  return array([
    integer(state.batch + 1n),
    array(Array.from({ length: random.pick([0, 0, 0, 1, 3]) }, verdict)),
  ]);
}

/** Names of rows, of which the device has one, and of nothing. */
function rowsToForget(random: Random): Output {
  const key = () => random.pick([writeItem(text('shared')), writeItem(text('none')), random.bytes(3)]);
  const name = () => array([text(random.pick(['notes', 'nowhere', ''])), blob(key())]);
  return array(Array.from({ length: random.pick([0, 1, 3, 20]) }, name));
}

function page(random: Random, state: ServerState): Output {
  const puts = Array.from({ length: random.pick([0, 0, 1, 1, 2]) }, () =>
    array([integer(1), blob(random.pick(state.packets))]),
  );
  const others = random.oneIn(12) ? [array([integer(random.below(6)), NULL])] : [];
  const cursor = array([
    integer(5),
    blob(random.bytes(random.pick([0, 8, 24, 1024]))),
    integer(random.oneIn(4) ? 0 : 1),
  ]);
  const forgotten = random.oneIn(6) ? [array([integer(2), rowsToForget(random)])] : [];
  return array([...forgotten, ...puts, ...others, cursor]);
}

function error(random: Random): Output {
  return array([text(random.pick(CODES)), text('detail'), integer(random.pick([0n, 1n, -1n, 2n ** 62n]))]);
}

function rightBody(random: Random, kind: Kind, state: ServerState): Output {
  switch (kind) {
    case 'sites':
      return registration(random, state);
    case 'schema':
      return publication(random);
    case 'push':
      return pushAnswer(random, state);
    case 'pull':
      return page(random, state);
    default:
      return array([integer(1)]);
  }
}

/** Bits, bytes and lengths changed; packets within get the checksum that fits. */
function changed(random: Random, body: Buffer): Buffer {
  let bytes = Buffer.from(body);
  for (let left = 1 + random.below(4); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    const way = random.below(8);
    if (way === 0) bytes = bytes.subarray(0, at);
    else if (way === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(4)), bytes.subarray(at)]);
    else bytes[at] = random.oneIn(2) ? random.below(256) : (bytes[at] as number) ^ (1 << random.below(8));
  }
  const packet = bytes.indexOf('CSP\x01', 0, 'latin1');
  if (packet < 0 || random.oneIn(2) || bytes.length < packet + 24) return bytes;
  const end = packet + 24 + bytes.readUInt32LE(packet + 12);
  if (end > bytes.length) return bytes;
  return Buffer.concat([
    bytes.subarray(0, packet),
    fixChecksum(bytes.subarray(packet, end)),
    bytes.subarray(end),
  ]);
}

/** A short packet within a page, whose header says more than there is. */
const STUB = writeItem(
  array([array([integer(1), raw(Buffer.concat([Buffer.from('c418', 'hex'), Buffer.alloc(24, 0x43)]))])]),
);

export interface PlannedAnswer extends Answer {
  /** It is what a sound server would say. */
  isRight: boolean;
}

function oneAnswer(random: Random, kind: Kind, state: ServerState): PlannedAnswer {
  const right = { kind, status: kind === 'wait' && random.oneIn(2) ? 204 : 200, isRight: true };
  const body = writeItem(rightBody(random, kind, state));
  const wrong = { ...right, isRight: false };
  switch (random.below(20)) {
    case 0:
      return { ...wrong, body: changed(random, body) };
    case 1: {
      const status = random.pick(STATUSES);
      return { ...wrong, status, body: writeItem(error(random)), retryAfter: random.pick(PAUSES) };
    }
    case 2:
      return { ...wrong, status: 409, body: writeItem(error(random)) };
    case 3:
      return { ...wrong, body: writeItem(rightBody(random, random.pick(KINDS), state)) };
    case 4:
      return { ...wrong, status: random.pick(STATUSES), body, contentType: random.pick(TYPES) };
    case 5: {
      const other = {
        ...state,
        epoch: random.bytes(16),
        batch: random.pick([0n, state.batch + 1n, state.batch + 2n, 2n ** 53n]),
      };
      return { ...wrong, body: writeItem(rightBody(random, kind, other)) };
    }
    case 6:
      return random.oneIn(2)
        ? { ...wrong, body: random.oneIn(2) ? STUB : random.bytes(random.below(40)) }
        : { ...wrong, transport: random.pick([6, 7, 28, 35, 52, 56]), body: Buffer.alloc(0) };
    default:
      return { ...right, body };
  }
}

/** Answers for one session; `sound` ones only on demand. Push answers count the batches up. */
export function plannedAnswers(random: Random, state: ServerState, sound: boolean): PlannedAnswer[] {
  const planned: PlannedAnswer[] = [];
  for (const kind of KINDS) {
    const counted = { ...state };
    for (let i = 0; i < 8; i++) {
      if (!sound) {
        planned.push(oneAnswer(random, kind, counted));
      } else {
        const answer = { kind, status: kind === 'wait' ? 204 : 200, isRight: true };
        planned.push({ ...answer, body: writeItem(soundBody(kind, counted)) });
      }
      if (kind === 'push' && planned.at(-1)?.isRight) counted.batch++;
    }
  }
  return planned;
}

function soundBody(kind: Kind, state: ServerState): Output {
  if (kind === 'sites') {
    return array([
      blob(state.epoch),
      integer(state.batch),
      integer(1),
      integer(0),
      integer(20 * 2 ** 20),
      array([]),
    ]);
  }
  if (kind === 'push') return array([integer(state.batch + 1n), array([])]);
  if (kind === 'pull') return array([array([integer(5), blob(state.epoch), integer(1)])]);
  return array([]);
}
