/**
 * evil_server.ts: a server for the malicious cases of the client: it keeps to the protocol except where a case wants
 * otherwise.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decode, encode, MEDIA_TYPE } from '../server/client.js';

/** What a case may do with a request. */
export type Handler = (response: ServerResponse, body: unknown[], path: string) => void;
/** By the last part of the path: sites, schema, push, pull, wait. */
export type Handlers = Partial<Record<string, Handler>>;

export const EPOCH = Buffer.alloc(16, 7);
export const CURSOR = Buffer.from('cursor');

export function answer(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': MEDIA_TYPE }).end(encode(value));
}

/** Not checked by anybody, and short enough for the encoder of the tests to write it as an integer. */
const SERVER_TIME = 1000;

/** An answer of any status and kind. */
export function reply(
  status: number,
  headers: Record<string, string> = {},
  body: string | Uint8Array = '',
): Handler {
  return (response) => response.writeHead(status, headers).end(body);
}

export const msgpack =
  (value: unknown): Handler =>
  (response) =>
    answer(response, value);

const HONEST: Record<string, Handler> = {
  sites: (response) => answer(response, [EPOCH, 0, SERVER_TIME, 0, 1 << 20, []]),
  schema: (response) => answer(response, []),
  push: (response, body) => answer(response, [body[2], []]),
  pull: (response) => answer(response, [[5, CURSOR, 1]]),
  wait: (response) => response.writeHead(204).end(),
};

export class EvilServer {
  url = '';
  handlers: Handlers = {};
  /** Paths of all requests since `begin`. */
  requests: string[] = [];
  /** Headers that a client should never send. */
  cookies = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => this.#receive(request, response));
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  begin(handlers: Handlers): void {
    this.handlers = handlers;
    this.requests = [];
    this.cookies = 0;
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const path = /\/([a-z]+)(?:\?|$)/.exec(request.url ?? '')?.[1] ?? '';
    this.requests.push(path);
    if (request.headers.cookie !== undefined) this.cookies += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // The client hangs up in the middle of some of these answers.
    request.on('error', () => response.destroy());
    response.on('error', () => response.destroy());
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const body = bytes.length > 0 ? (decode(bytes) as unknown[]) : [];
      (this.handlers[path] ?? HONEST[path] ?? reply(404))(response, body, path);
    });
  }
}
