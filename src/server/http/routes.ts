/**
 * routes.ts: the routes of docs/PROTOCOL.md section 3. Each reads its request, asks the store and writes the
 * answer; rules live behind the store.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LIMITS } from '../limits.js';
import { isRestricted, mayPublish } from '../principal.js';
import type { Operations, SyncStore } from '../store/store.js';
import type { Surroundings } from '../surroundings.js';
import { principalOf } from './authentication.js';
import {
  answerType,
  packetTooLarge,
  readPull,
  readPush,
  readRegister,
  readSchema,
  readWaitBody,
  readWaitQuery,
  readWaitSeconds,
  writePull,
  writeRegister,
  writeSchema,
  writeWait,
} from './messages.js';
import type { Waits } from './waits.js';

export interface RouteOptions {
  store: SyncStore;
  waits: Waits;
  /** Largest packet that this server takes, in bytes. */
  packetMax: number;
  surroundings: Surroundings;
}

/** Adds the routes of one database; the instance's prefix ends with its name (`:database`). */
export function addDatabaseRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { store, waits, packetMax, surroundings } = options;
  app.post('/sites', { bodyLimit: LIMITS.registerBodyBytes }, async (request, reply) => {
    const principal = principalOf(request);
    const result = await store.run('register', principal, databaseOf(request), readRegister(bodyOf(request)));
    return send(reply, writeRegister(result, mayPublish(principal), packetMax, surroundings.now()));
  });

  app.post('/schema', { bodyLimit: LIMITS.schemaBodyBytes }, async (request, reply) => {
    const input = readSchema(bodyOf(request));
    return send(
      reply,
      writeSchema(await store.run('schema', principalOf(request), databaseOf(request), input)),
    );
  });

  const pushOptions = {
    bodyLimit: packetMax + LIMITS.pushEnvelopeBytes,
    errorHandler: (error: Error & { code?: string }) => {
      throw error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? packetTooLarge(packetMax) : error;
    },
  };
  app.post('/push', pushOptions, async (request, reply) => {
    const input = readPush(bodyOf(request), packetMax, headerOf(request, 'idempotency-key'));
    const { answer, replayed } = await store.run('push', principalOf(request), databaseOf(request), input);
    if (replayed) reply.header('idempotency-replayed', '1');
    return send(reply, answer);
  });

  app.post('/pull', { bodyLimit: LIMITS.pullBodyBytes }, async (request, reply) => {
    const input = readPull(bodyOf(request));
    return send(reply, writePull(await store.run('pull', principalOf(request), databaseOf(request), input)));
  });

  app.get('/wait', (request, reply) => {
    const input = readWaitQuery(request.query as Record<string, unknown>);
    return wait(request, reply, input, readWaitSeconds(headerOf(request, 'prefer')));
  });

  app.post('/wait', { bodyLimit: LIMITS.pullBodyBytes }, (request, reply) => {
    const { seconds, ...input } = readWaitBody(bodyOf(request));
    return wait(request, reply, input, seconds);
  });

  async function wait(
    request: FastifyRequest,
    reply: FastifyReply,
    input: Operations['peek']['input'],
    wanted: number,
  ): Promise<FastifyReply> {
    const [principal, database] = [principalOf(request), databaseOf(request)];
    const left = ((principal.expires ?? Number.POSITIVE_INFINITY) - surroundings.now()) / 1000;
    const seconds = Math.min(wanted, Math.max(0, left));
    const client = new AbortController();
    reply.raw.once('close', () => client.abort());
    const lookUp = async () => {
      const found = await store.run('peek', principal, database, input);
      request.log.debug({ database, seconds }, 'waiting');
      return found;
    };
    const outcome = await waits.wait(database, {
      seconds,
      isRestricted: isRestricted(principal),
      lookUp,
      signal: client.signal,
    });
    reply.header('preference-applied', `wait=${seconds}`);
    return outcome === 'changed' ? send(reply, writeWait()) : reply.code(204).send();
  }
}

function databaseOf(request: FastifyRequest): string {
  return (request.params as { database: string }).database;
}

/** The body as bytes; a request without any is read as an empty one and refused there. */
function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function send(reply: FastifyReply, body: Uint8Array): FastifyReply {
  const type = answerType(reply.request.headers.accept);
  return reply.type(type).send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
