/**
 * readiness.ts: whether the server takes requests, as load balancers ask at /readyz. When it begins to stop it says no,
 * and whatever holds a connection open (waits, streams of pokes) lets go.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { SyncError } from '../errors.js';
import type { SyncStore } from '../store/store.js';

export class Readiness {
  readonly #actions: (() => void)[] = [];
  #isDraining = false;

  /** Runs an action when the server begins to stop. */
  onDrain(action: () => void): void {
    this.#actions.push(action);
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** The server begins to stop. Saying so again changes nothing. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const action of this.#actions) action();
  }

  /** @throws SyncError busy once the server has begun to stop */
  require(): void {
    if (this.#isDraining) throw new SyncError('busy', 'the server is stopping; try again');
  }
}

/**
 * Lets no connection hold up a server that stops: each ends with its next answer, and one that has never brought a
 * request, which browsers open in advance, at once. Node itself waits for those as if a request were on its way.
 */
export function addDraining(app: FastifyInstance, readiness: Readiness): void {
  const unused = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage) => unused.delete(socket));
  app.addHook('onSend', async (_request, reply) => {
    if (readiness.isDraining) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    readiness.drain();
    for (const socket of unused) socket.destroy();
  });
}

/** Adds the two routes for the operator's monitoring. They need no key and tell nothing about the data. */
export function addHealthRoutes(app: FastifyInstance, store: SyncStore, readiness: Readiness): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async () => {
    readiness.require();
    await store.ready();
    return { status: 'ready' };
  });
}
