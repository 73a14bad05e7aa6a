/**
 * operator-app.ts: the operator's own address: metrics and health. It is apart from the address of the devices, so that
 * metrics are not open to everybody who can reach that one, and so that it still answers while the server drains.
 */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Metrics } from '../metrics/metrics.js';
import type { SyncStore } from '../store/store.js';
import { replyWithError } from './error-replies.js';
import { addHealthRoutes, type Readiness } from './readiness.js';

export interface OperatorAppOptions {
  store: SyncStore;
  metrics: Metrics;
  readiness: Readiness;
  logger: FastifyBaseLogger;
}

/** The application, ready to listen. */
export function createOperatorApp(options: OperatorAppOptions): FastifyInstance {
  const { store, metrics, readiness, logger } = options;
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
  });
  app.setErrorHandler(replyWithError);
  addHealthRoutes(app, store, readiness);
  app.get('/metrics', async (_request, reply) => {
    const { text, type } = await metrics.report();
    return reply.type(type).send(text);
  });
  return app;
}
