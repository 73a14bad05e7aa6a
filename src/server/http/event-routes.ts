/**
 * event-routes.ts: `GET {url}/events`: a stream of pokes, as events.ts makes it.
 */
import type { FastifyInstance } from 'fastify';
import { isRestricted } from '../principal.js';
import type { SyncStore } from '../store/store.js';
import { principalOf } from './authentication.js';
import type { Events } from './events.js';
import { readSite } from './messages.js';
import type { Readiness } from './readiness.js';

export interface EventRouteOptions {
  store: SyncStore;
  events: Events;
  readiness: Readiness;
}

/** Adds the route to an instance whose prefix ends with the database's name (`:database`). */
export function addEventRoute(app: FastifyInstance, { store, events, readiness }: EventRouteOptions): void {
  app.get('/events', async (request, reply) => {
    readiness.require();
    const principal = principalOf(request);
    const { database } = request.params as { database: string };
    const site = readSite(request.query as Record<string, unknown>);
    const lookUp = () => store.run('version', principal, database, { site });
    const stream = events.listen({
      database,
      subject: principal.subject,
      site: Buffer.from(site).toString('hex'),
      expires: principal.expires,
      isRestricted: isRestricted(principal),
      lookUp,
    });
    try {
      // Entered first and looked up then, so that no change in between is missed.
      const found = await lookUp();
      const lastSeen = request.headers['last-event-id'];
      stream.begin(found, typeof lastSeen === 'string' ? lastSeen : undefined);
    } catch (error) {
      stream.output.destroy();
      throw error;
    }
    // An ended stream leaves no connection behind that the server would wait for when it stops.
    reply.header('connection', 'close');
    reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    return reply.type('text/event-stream').send(stream.output);
  });
}
