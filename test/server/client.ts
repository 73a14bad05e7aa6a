/**
 * client.ts: a client of the HTTP protocol for the server's tests. Bodies are written and read with msgpackr,
 * so that the server's own reader and writer are checked against another implementation.
 */
import { randomBytes } from 'node:crypto';
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false, int64AsType: 'number' });

export const MEDIA_TYPE = 'application/vnd.cloudsync+msgpack';

export interface Answer {
  status: number;
  headers: Headers;
  /** The decoded body; undefined when there is none. */
  body: unknown;
}

/** A refusal as a client sees it: [code, detail, extra]. */
export interface Refusal {
  status: number;
  code: string;
  detail: string;
  extra: number;
}

export interface Registration {
  epoch: Buffer;
  lastBatch: number;
  serverTime: number;
  mayPublish: number;
  packetMax: number;
  missing: string[];
}

export interface PulledPage {
  packets: Buffer[];
  cursor: Buffer;
  complete: boolean;
}

export function encode(value: unknown): Buffer {
  return Buffer.from(packr.pack(value));
}

export function decode(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

export class Client {
  readonly base: string;
  readonly key: string;

  constructor(url: string, key: string, database: string) {
    this.base = `${url}/v1/db/${database}`;
    this.key = key;
  }

  /** Sends any body to any path; header values may be replaced, and removed by an empty text. */
  async send(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const all: Record<string, string> = {
      authorization: `Bearer ${this.key}`,
      accept: MEDIA_TYPE,
      'cloudsync-protocol': '1',
      ...(body === undefined ? {} : { 'content-type': MEDIA_TYPE }),
      ...headers,
    };
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const response = await fetch(this.base + path, {
      method,
      headers: kept,
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const type = response.headers.get('content-type') ?? '';
    let decoded: unknown;
    if (type.split(';', 1)[0] === MEDIA_TYPE) decoded = decode(bytes);
    else if (bytes.length > 0) decoded = JSON.parse(Buffer.from(bytes).toString());
    return { status: response.status, headers: response.headers, body: decoded };
  }

  post(path: string, value: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, encode(value), headers);
  }

  /** Registers a site with tables given as [name, algorithm, columns]. Throws when it is refused. */
  async register(site: Buffer, tables: unknown[] = []): Promise<Registration> {
    const answer = await this.post('/sites', [site, tables]);
    const body = accepted(answer) as [Buffer, number, number, number, number, string[]];
    const [epoch, lastBatch, serverTime, mayPublish, packetMax, missing] = body;
    return { epoch: Buffer.from(epoch), lastBatch, serverTime, mayPublish, packetMax, missing };
  }

  /** Publishes definitions given as [name, algorithm, text]. Returns [name, outcome] pairs. */
  async publish(site: Buffer, definitions: unknown[]): Promise<[string, string][]> {
    return accepted(await this.post('/schema', [site, definitions])) as [string, string][];
  }

  push(site: Buffer, epoch: Buffer, batch: number, packet: Buffer): Promise<Answer> {
    return this.post('/push', [site, epoch, batch, packet], {
      'idempotency-key': `${site.toString('hex')}:${batch}`,
    });
  }

  pull(site: Buffer, epoch: Buffer, lastBatch: number, cursor: Buffer, maxBytes = 1 << 20): Promise<Answer> {
    return this.post('/pull', [site, epoch, lastBatch, cursor, maxBytes]);
  }

  /** Pulls one page. Throws when it is refused. */
  async page(
    site: Buffer,
    epoch: Buffer,
    lastBatch: number,
    cursor: Buffer,
    maxBytes?: number,
  ): Promise<PulledPage> {
    const frames = accepted(await this.pull(site, epoch, lastBatch, cursor, maxBytes)) as [
      number,
      Buffer,
      number,
    ][];
    const last = frames.at(-1);
    if (last === undefined || last[0] !== 5) throw new Error('the last frame is no cursor');
    const puts = frames.slice(0, -1);
    if (puts.some((frame) => frame[0] !== 1)) throw new Error('a frame that is neither put nor cursor');
    return {
      packets: puts.map((frame) => Buffer.from(frame[1])),
      cursor: Buffer.from(last[1]),
      complete: last[2] === 1,
    };
  }

  wait(site: Buffer, cursor: Buffer, seconds: number, signal?: AbortSignal): Promise<Response> {
    const query = `site=${site.toString('hex')}&since=${cursor.toString('hex')}`;
    return fetch(`${this.base}/wait?${query}`, {
      headers: {
        authorization: `Bearer ${this.key}`,
        accept: MEDIA_TYPE,
        'cloudsync-protocol': '1',
        prefer: `wait=${seconds}`,
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** The body of an answer that must be a success. */
export function accepted(answer: Answer): unknown {
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The parts of an answer that must be a refusal. */
export function refused(answer: Answer): Refusal {
  if (answer.status < 400) throw new Error(`status ${answer.status} is no refusal`);
  const [code, detail, extra] = answer.body as [string, string, number];
  return { status: answer.status, code, detail, extra };
}

export function newSite(): Buffer {
  return randomBytes(16);
}
