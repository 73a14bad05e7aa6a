/**
 * app.ts: puts the HTTP side together: Fastify with the server's limits, the checks, the routes and the error
 * replies.
 */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import type { Authenticator } from '../principal.js';
import type { SyncStore } from '../store/store.js';
import { MACHINE, type Surroundings } from '../surroundings.js';
import { addAdminPage } from './admin-page.js';
import { addAdminRoutes, type CredentialSource } from './admin-routes.js';
import { addAdministratorCheck, addAuthentication } from './authentication.js';
import { replyToClientError, replyWithError } from './error-replies.js';
import { MEDIA_TYPE } from './messages.js';
import { addDatabaseRoutes, addHealthRoutes } from './routes.js';
import { Waits } from './waits.js';

export interface AppOptions {
  store: SyncStore;
  authenticator: Authenticator;
  logger: FastifyBaseLogger;
  /** Largest packet that this server takes, in bytes. */
  packetMax: number;
  /** By then a whole request must have arrived: a slow sender cannot hold a connection for ever. */
  requestSeconds: number;
  /** What the admin page shows of keys and revocations; without it there is no such page. */
  credentials?: CredentialSource;
  /** The machine when it is not given. */
  surroundings?: Surroundings;
}

/** The application, ready to listen. Closing it ends the open waits and lets other requests finish. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, authenticator, logger, packetMax, surroundings = MACHINE } = options;
  const app = Fastify({
    loggerInstance: logger,
    // One line per request, written below, instead of Fastify's two.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.pullBodyBytes,
    // What a schema does not name is refused, not dropped.
    ajv: { customOptions: { removeAdditional: false } },
    requestTimeout: options.requestSeconds * 1000,
    keepAliveTimeout: LIMITS.keepAliveMilliseconds,
    forceCloseConnections: 'idle',
    clientErrorHandler: replyToClientError,
    http: {
      headersTimeout: Math.min(LIMITS.headerMilliseconds, options.requestSeconds * 1000),
      connectionsCheckingInterval: LIMITS.timeoutCheckMilliseconds,
    },
  });
  app.server.maxConnections = LIMITS.connections;

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler(replyWithError);
  app.setNotFoundHandler((request) => {
    throw new SyncError(
      'not_found',
      `${request.method} ${request.url.split('?', 1)[0]} is no address of this server`,
    );
  });

  app.addHook('onResponse', async (request, reply) => {
    request.log.info({ req: request, res: reply, milliseconds: Math.round(reply.elapsedTime) }, 'request');
  });

  const waits = new Waits(surroundings);
  store.onChange((database, head) => waits.announce(database, head));
  app.addHook('preClose', async () => waits.close());

  addHealthRoutes(app, store);
  app.register(
    async (scope) => {
      addAuthentication(scope, authenticator);
      addDatabaseRoutes(scope, { store, waits, packetMax, surroundings });
    },
    { prefix: '/v1/db/:database' },
  );
  if (options.credentials !== undefined) addAdministration(app, options, options.credentials);
  return app;
}

function addAdministration(
  app: FastifyInstance,
  { store, authenticator }: AppOptions,
  credentials: CredentialSource,
): void {
  addAdminPage(app);
  app.register(
    async (scope) => {
      addAdministratorCheck(scope, authenticator);
      addAdminRoutes(scope, store, credentials);
    },
    { prefix: '/admin/v1' },
  );
}
