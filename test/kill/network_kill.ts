/**
 * network_kill.ts: a TCP proxy between a client and its server that kills the client's process at a chosen moment of a
 * chosen request: at the places of a conversation that no call on a file marks.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export const NETWORK_PLACES = ['request half', 'no answer', 'answer half', 'answer read'] as const;
export type NetworkPlace = (typeof NETWORK_PLACES)[number];

export interface NetworkPoint {
  /** Requests are counted from 1. */
  request: number;
  place: NetworkPlace;
}

export class NetworkKill {
  /** Address of the proxy. */
  url = '';
  /** Requests seen since `begin`. */
  requests = 0;
  #victim: ChildProcess | undefined;
  #point: NetworkPoint | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;

  /** @param target address of the server; it may change from connection to connection */
  constructor(public target = 'http://127.0.0.1:1') {
    this.#listener = createServer((client) => {
      this.#serve(client, connect(Number(new URL(this.target).port), '127.0.0.1'));
    });
  }

  async start(): Promise<void> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.url = `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }

  /** Counts the requests of a new victim, and kills it at the point if there is one. */
  begin(victim: ChildProcess, point: NetworkPoint | undefined): void {
    this.#victim = victim;
    this.#point = point;
    this.requests = 0;
  }

  #kill(): void {
    this.#victim?.kill('SIGKILL');
  }

  #isPoint(place: NetworkPlace): boolean {
    // Other requests may have begun since this one was answered.
    return this.#point !== undefined && this.requests >= this.#point.request && this.#point.place === place;
  }

  #serve(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // The end of a victim resets its connections; the other side follows.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => this.#forward(bytes, server));
    server.on('data', (bytes) => this.#answer(bytes, client));
  }

  #forward(bytes: Buffer, server: Socket): void {
    if (/^(POST|GET) /.test(bytes.toString('latin1', 0, 5))) this.requests += 1;
    if (!this.#isPoint('request half')) {
      server.write(bytes);
      return;
    }
    server.write(bytes.subarray(0, bytes.length >> 1), () => this.#kill());
  }

  /** The server has done its work when its answer begins. */
  #answer(bytes: Buffer, client: Socket): void {
    if (this.#isPoint('no answer')) this.#kill();
    else if (this.#isPoint('answer half'))
      client.write(bytes.subarray(0, bytes.length >> 1), () => this.#kill());
    else if (this.#isPoint('answer read')) client.write(bytes, () => this.#kill());
    else client.write(bytes);
  }
}
