/**
 * stand-in.ts: an HTTP server that is no cloudsync server, or one that has gone wrong: it gives the answer that a test
 * prescribes to every request.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const PROTOCOL_TYPE = 'application/vnd.cloudsync+msgpack';

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface StandIn {
  url: string;
  /** Method and path of every request so far. */
  readonly requests: string[];
}

/**
 * Starts it on a free port of 127.0.0.1. It ends with the test.
 * @param answers given in turn; the last one again and again; 'silence' leaves a request without any
 */
export async function startStandIn(...answers: (Answer | 'silence')[]): Promise<StandIn> {
  const standIn: StandIn = { url: '', requests: [] };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    standIn.requests.push(`${request.method} ${request.url}`);
    const answer = answers[Math.min(standIn.requests.length, answers.length) - 1];
    request.resume().once('end', () => {
      if (answer === undefined || answer === 'silence') return;
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  standIn.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return standIn;
}
