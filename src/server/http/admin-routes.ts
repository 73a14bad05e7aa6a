/**
 * admin-routes.ts: the routes of the administrator's API, JSON over HTTP, for the admin page and for programs. They
 * only read. A key of role admin is needed; one that is bound to a database sees that database alone.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CredentialList, DatabaseList, Part, RevokedSubject, Viewer } from '../administration.js';
import { SyncError } from '../errors.js';
import type { KeyRow } from '../keys/key-store.js';
import { DATABASE_NAME, LIMITS } from '../limits.js';
import { mayUse, type Principal } from '../principal.js';
import type { SyncStore } from '../store/store.js';
import { principalOf } from './authentication.js';

/** Where keys and revocations are looked up. */
export interface CredentialSource {
  keys(): readonly KeyRow[];
  revokedSubjects(): RevokedSubject[];
}

const NOTHING = { type: 'object', additionalProperties: false } as const;
const PART = {
  type: 'object',
  properties: {
    offset: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: LIMITS.inspectedPart, default: 50 },
  },
  additionalProperties: false,
} as const;
const DATABASE = {
  type: 'object',
  properties: { database: { type: 'string', pattern: DATABASE_NAME.source } },
} as const;

const VIEWER = {
  type: 'object',
  properties: {
    user: { type: ['string', 'null'], maxLength: 1024 },
    role: { type: 'string', enum: ['user', 'anon'] },
    claims: { type: 'object' },
  },
  required: ['user', 'role', 'claims'],
  additionalProperties: false,
} as const;

interface OfDatabase {
  Params: { database: string };
}
interface PartOfDatabase extends OfDatabase {
  Querystring: Part;
}

/** Adds the routes to an instance that has checked who asks. */
export function addAdminRoutes(app: FastifyInstance, store: SyncStore, credentials: CredentialSource): void {
  app.addHook('onSend', async (_request: FastifyRequest, reply: FastifyReply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });

  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson);
  // The answer to anything else says that the body must be a packet's.
  app.addContentTypeParser('*', (_request, _body, done) => {
    done(new SyncError('unsupported', 'the body must be of type application/json'));
  });

  const ofServer = { schema: { querystring: NOTHING } };
  app.get('/names', ofServer, async (request) => ({ names: await namesFor(store, principalOf(request)) }));

  app.get('/credentials', ofServer, async (request) => {
    requireWholeServer(principalOf(request));
    return listCredentials(credentials);
  });

  app.get<{ Querystring: Part }>('/databases', { schema: { querystring: PART } }, async (request) =>
    listDatabases(store, request),
  );

  addRoutesOfDatabase(app, store);
}

function addRoutesOfDatabase(app: FastifyInstance, store: SyncStore): void {
  const whole = { schema: { params: DATABASE, querystring: NOTHING } };
  app.get<OfDatabase>('/databases/:database', whole, async (request) =>
    store.run('summary', principalOf(request), request.params.database, {
      tablesMax: LIMITS.inspectedTables,
    }),
  );
  app.get<OfDatabase>('/databases/:database/policies', whole, async (request) =>
    store.run('policies', principalOf(request), request.params.database, {
      versionsMax: LIMITS.inspectedPart,
    }),
  );

  const part = { schema: { params: DATABASE, querystring: PART } };
  for (const name of ['devices', 'refusals'] as const) {
    app.get<PartOfDatabase>(`/databases/:database/${name}`, part, async (request) =>
      store.run(name, principalOf(request), request.params.database, request.query),
    );
  }

  // A POST, because claims are too much for an address, and addresses are written into logs. It changes nothing.
  const viewer = {
    schema: { params: DATABASE, querystring: NOTHING, body: VIEWER },
    bodyLimit: LIMITS.viewerBodyBytes,
  };
  app.post<OfDatabase & { Body: Viewer }>('/databases/:database/view', viewer, async (request) =>
    store.run('view', principalOf(request), request.params.database, request.body),
  );
}

async function namesFor(store: SyncStore, principal: Principal): Promise<string[]> {
  return (await store.names()).filter((name) => mayUse(principal, name));
}

/** Keys and revocations are of the whole server, so a key that is bound to a database does not see them. */
function requireWholeServer(principal: Principal): void {
  if (principal.databases === '*') return;
  throw new SyncError('forbidden', 'this needs a key of role admin for all databases');
}

/** A database that cannot be read is named with the reason, and does not hide the others. */
async function listDatabases(
  store: SyncStore,
  request: FastifyRequest<{ Querystring: Part }>,
): Promise<DatabaseList> {
  const principal = principalOf(request);
  const { offset, limit } = request.query;
  const names = await namesFor(store, principal);
  const summaries = names.slice(offset, offset + limit).map((name) =>
    store.run('summary', principal, name, { tablesMax: 0 }).catch((error: Error) => {
      request.log.warn({ err: error, database: name }, 'a database cannot be read');
      return { name, problem: error.message };
    }),
  );
  return { total: names.length, databases: await Promise.all(summaries) };
}

function listCredentials(credentials: CredentialSource): CredentialList {
  return {
    keys: credentials.keys().map(({ id, role, database, subject, label, created, last_used, revoked }) => ({
      id,
      role,
      database,
      subject,
      label,
      created,
      lastUsed: last_used,
      revoked,
    })),
    revokedSubjects: credentials.revokedSubjects(),
  };
}
