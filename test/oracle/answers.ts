/**
 * answers.ts: requests and answers of docs/PROTOCOL.md section 3 as plain objects, read without any code of the
 * product.
 */
import { decodePayload } from '../packet/decode.js';
import { type Item, readItem } from '../packet/msgpack.js';
import type { Packet, Row } from '../packet/packet.js';
import { literal, NULL, type Value } from '../packet/value.js';
import type { Question } from '../sim/server.js';
import type { Reply } from '../sim/simulated.js';

export interface PushRequest {
  site: Buffer;
  batch: bigint;
  packet: Buffer;
}

export interface Verdict {
  place: string;
  code: string;
}

export interface PullAnswer {
  packets: Packet[];
  /** Places of rows that the device has to forget. */
  untagged: string[];
  hasReset: boolean;
  isComplete: boolean;
}

/** What is known of one row in a packet. */
export interface PacketRow {
  place: string;
  row: Row;
}

/** Requests that are looked at. */
export const WATCHED = /\/(push|pull)$/;

/** Whether it is an answer of the server to what was asked, not of something between. */
export function isOurs(reply: Reply): boolean {
  return reply.status === 200 && reply.text.startsWith('application/vnd.cloudsync+msgpack');
}

/** What an answer says, for the trace; undefined when it is of no request that is looked at. */
export function toldBy({ url }: Question, reply: Reply): string | undefined {
  if (!WATCHED.test(url) || !isOurs(reply)) return undefined;
  if (url.endsWith('/push')) {
    const { verdicts, packets } = readPushAnswer(reply.body);
    return [...verdicts.map(({ place, code }) => `${code} ${place}`), ...putsOf(packets)].join('; ');
  }
  const { packets, untagged, hasReset, isComplete } = readPullAnswer(reply.body);
  const ends = [...(hasReset ? ['reset'] : []), isComplete ? 'complete' : 'more'];
  return [...putsOf(packets), ...untagged.map((place) => `forget ${place}`), ...ends].join('; ');
}

function putsOf(packets: readonly Packet[]): string[] {
  return rowsOf(packets).map(
    ({ place, row }) => `put ${place} (${row.cl}: ${[...row.columns.keys()].join(' ')})`,
  );
}

export function readPush(body: Buffer): PushRequest {
  const [site, , batch, packet] = items(readItem(body));
  return { site: bytes(site), batch: whole(batch), packet: bytes(packet) };
}

export function readPushAnswer(body: Buffer): { verdicts: Verdict[]; packets: Packet[] } {
  const [, verdicts, packet] = items(readItem(body));
  const read = items(verdicts).map((verdict): Verdict => {
    const [table, key, code] = items(verdict);
    return { place: placeOf(`${bytes(table)}`, readKey(bytes(key))), code: `${bytes(code)}` };
  });
  const repair = packet === undefined ? Buffer.alloc(0) : bytes(packet);
  return { verdicts: read, packets: repair.length === 0 ? [] : decodePayload(repair) };
}

export function readPullAnswer(body: Buffer): PullAnswer {
  const answer: PullAnswer = { packets: [], untagged: [], hasReset: false, isComplete: false };
  for (const frame of items(readItem(body))) {
    const [type, first, second] = items(frame);
    const kind = Number(whole(type));
    if (kind === 1) answer.packets.push(...decodePayload(bytes(first)));
    else if (kind === 2) answer.untagged.push(...readRowList(first));
    else if (kind === 4) answer.hasReset = true;
    else if (kind === 5) answer.isComplete = whole(second) === 1n;
    else throw new Error(`a frame of the unknown type ${kind}`);
  }
  return answer;
}

export function rowsOf(packets: readonly Packet[]): PacketRow[] {
  return packets.flatMap(({ tables }) =>
    tables.flatMap((table) => table.rows.map((row) => ({ place: placeOf(table.name, row.key), row }))),
  );
}

/** What a row is called in contents (test/sim/truth.ts). */
export function placeOf(table: string, key: readonly Value[]): string {
  return `${table} ${key.map(literal).join(',')}`;
}

/** Key values one after another, as cloudsync_rejected.pk has them. */
export function readKey(key: Buffer): Value[] {
  return items(readItem(Buffer.concat([arrayHead(key), key])));
}

function readRowList(item: Item | undefined): string[] {
  return items(item).map((row) => {
    const [table, key] = items(row);
    return placeOf(`${bytes(table)}`, readKey(bytes(key)));
  });
}

/** A key has no count before it: as many as fill the bytes. */
function arrayHead(key: Buffer): Buffer {
  for (let count = 1; count < 16; count++) {
    const head = Buffer.from([0x90 | count]);
    try {
      readItem(Buffer.concat([head, key]));
      return head;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  throw new Error(`${key.toString('hex')} is no key`);
}

function items(item: Item | undefined): Value[] & Item[] {
  if (item?.type !== 'array') throw new Error('a list was expected');
  return item.items as Value[] & Item[];
}

function bytes(item: Item | undefined): Buffer {
  if (item?.type !== 'blob' && item?.type !== 'text') throw new Error('bytes were expected');
  return item.bytes;
}

function whole(item: Item | undefined): bigint {
  const value = item ?? NULL;
  if (value.type !== 'integer') throw new Error('a whole number was expected');
  return value.integer;
}
