/**
 * app.ts: puts the HTTP side together: Fastify with the server's limits, the checks, the routes and the error
 * replies.
 */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { Metrics } from '../metrics/metrics.js';
import type { Authenticator } from '../principal.js';
import type { SyncStore } from '../store/store.js';
import { MACHINE, type Surroundings } from '../surroundings.js';
import { addAdminPage } from './admin-page.js';
import { addAdminRoutes, type CredentialSource } from './admin-routes.js';
import { addAdministratorCheck, addAuthentication } from './authentication.js';
import { replyToClientError, replyWithError } from './error-replies.js';
import { addEventRoute } from './event-routes.js';
import { Events } from './events.js';
import { MEDIA_TYPE } from './messages.js';
import { addMetering } from './metering.js';
import { ANY_RATE, addAddressLimit, addSubjectLimits, RateLimit, type Rates } from './rate-limits.js';
import { addDraining, addHealthRoutes, Readiness } from './readiness.js';
import { addDatabaseRoutes } from './routes.js';
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
  metrics?: Metrics;
  /** Whether requests are taken; one of its own when it is not given. */
  readiness?: Readiness;
  /** Any number of requests when it is not given. */
  rates?: Rates;
  /** Addresses and networks whose X-Forwarded-For is believed; none when it is not given. */
  trustedProxies?: string[];
}

/** The application, ready to listen. Closing it ends the open waits and lets other requests finish. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, authenticator, packetMax, surroundings = MACHINE, rates = ANY_RATE } = options;
  const { metrics = new Metrics(), readiness = new Readiness() } = options;
  const app = createFastify(options);
  const limitOf = (name: keyof Rates) => new RateLimit(name, rates, (limit) => metrics.rateLimited(limit));
  addMetering(app, metrics);
  addAddressLimit(app, limitOf('address'));

  const [waits, events] = [new Waits(surroundings), new Events(surroundings)];
  metrics.addReading('open_waits', 'Requests that wait for a change.', () => [['', waits.open]]);
  metrics.addReading('open_event_streams', 'Open streams of events.', () => [['', events.open]]);
  store.onChange((database, change) => {
    waits.announce(database, change);
    events.announce(database, change);
  });
  readiness.onDrain(() => {
    waits.close();
    events.close();
  });

  addDraining(app, readiness);
  addHealthRoutes(app, store, readiness);
  app.register(
    async (scope) => {
      addAuthentication(scope, authenticator, (problem) => metrics.credentialRefused(problem));
      addSubjectLimits(scope, limitOf('subject'), limitOf('device'));
      addDatabaseRoutes(scope, { store, waits, packetMax, surroundings });
      addEventRoute(scope, { store, events, readiness });
    },
    { prefix: '/v1/db/:database' },
  );
  if (options.credentials !== undefined) addAdministration(app, options, options.credentials);
  return app;
}

/** Fastify with the server's limits and what applies to every request. */
function createFastify({ logger, requestSeconds, trustedProxies = [] }: AppOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    // One line per request, written below, instead of Fastify's two.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.pullBodyBytes,
    // What a schema does not name is refused, not dropped.
    ajv: { customOptions: { removeAdditional: false } },
    requestTimeout: requestSeconds * 1000,
    trustProxy: trustedProxies.length > 0 ? trustedProxies : false,
    keepAliveTimeout: LIMITS.keepAliveMilliseconds,
    forceCloseConnections: 'idle',
    clientErrorHandler: replyToClientError,
    http: {
      headersTimeout: Math.min(LIMITS.headerMilliseconds, requestSeconds * 1000),
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
