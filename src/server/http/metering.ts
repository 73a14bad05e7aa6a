/**
 * metering.ts: how long requests took, by route and status, for metrics. A route is named by its pattern: a path would
 * name databases, and there is no end to paths.
 */
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.js';

/** Adds the measurement to all routes of an instance. */
export function addMetering(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.requestEnded(route, reply.statusCode, reply.elapsedTime / 1000);
  });
}
