/**
 * proxy.ts: a TCP proxy between client and server that breaks connections where a test wants it: after the server has
 * done its work and before the client hears of it, in the middle of a request, or by saying nothing at all.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What happens to a request. */
export type Fault =
  /** Nothing. */
  | 'none'
  /** The server gets the whole request; the connection breaks when its answer begins to arrive. */
  | 'lose answer'
  /** The connection breaks in the middle of the answer. */
  | 'cut answer'
  /** The server never sees the end of the request. */
  | 'cut request'
  /** The answer arrives one byte after another. */
  | 'trickle'
  /** The answer never comes, and the connection stays open. */
  | 'stall';

/** Chooses the fault for a request, by its method and the last part of its path ("POST push"). */
export type Plan = (request: string) => Fault;

export interface Proxy {
  url: string;
  /** All requests so far with their faults, in order. */
  readonly seen: { request: string; fault: Fault }[];
  plan: Plan;
}

const TRICKLED_BYTES = 400;

/** One connection of a client: every request on it is judged when its first bytes arrive. */
class Line {
  fault: Fault = 'none';
  #answered = 0;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly proxy: Proxy,
  ) {
    client.on('data', (bytes) => this.#forward(bytes));
    server.on('data', (bytes) => this.#answer(bytes));
    for (const socket of [client, server]) {
      // A reset is what these tests are about; the other side is closed with it.
      socket.on('error', () => this.#break());
      socket.on('close', () => this.#break());
    }
  }

  #break(): void {
    this.client.destroy();
    this.server.destroy();
  }

  #forward(bytes: Buffer): void {
    const [, method, path] = /^(POST|GET) \S*\/([a-z]+)[? ]/.exec(bytes.toString('latin1', 0, 2048)) ?? [];
    if (method !== undefined && path !== undefined) {
      const request = `${method} ${path}`;
      this.fault = this.proxy.plan(request);
      this.#answered = 0;
      this.proxy.seen.push({ request, fault: this.fault });
    }
    if (this.fault !== 'cut request') {
      this.server.write(bytes);
      return;
    }
    this.server.write(bytes.subarray(0, bytes.length >> 1), () => this.#break());
  }

  #answer(bytes: Buffer): void {
    if (this.fault === 'lose answer') this.#break();
    else if (this.fault === 'cut answer')
      this.client.write(bytes.subarray(0, bytes.length - 1), () => this.#break());
    else if (this.fault === 'trickle') this.#trickle(bytes);
    else if (this.fault !== 'stall') this.client.write(bytes);
  }

  /** Each of the first bytes in a segment of its own. */
  #trickle(bytes: Buffer): void {
    const slow = Math.min(bytes.length, Math.max(0, TRICKLED_BYTES - this.#answered));
    this.#answered += slow;
    for (let i = 0; i < slow; i++) this.client.write(bytes.subarray(i, i + 1));
    this.client.write(bytes.subarray(slow));
  }
}

/** Starts a proxy in front of `http://127.0.0.1:port`. It ends with the test. */
export async function startProxy(target: string, plan: Plan = () => 'none'): Promise<Proxy> {
  const port = Number(new URL(target).port);
  const sockets = new Set<Socket>();
  const proxy: Proxy = { url: '', seen: [], plan };
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      sockets.add(socket);
    }
    new Line(client, server, proxy);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  proxy.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return proxy;
}

/** A plan that breaks the first `times` requests of one kind and leaves everything else alone. */
export function breakFirst(wanted: string, fault: Fault, times = 1): Plan {
  let left = times;
  return (request) => {
    if (request !== wanted || left === 0) return 'none';
    left -= 1;
    return fault;
  };
}
