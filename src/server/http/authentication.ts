/**
 * authentication.ts: the checks that come before a request's body is read: credential, protocol version,
 * encoding, database name. So an unknown caller can make the server neither read nor parse a body.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CredentialError, type CredentialProblem, SyncError } from '../errors.js';
import { noKey } from '../keys/credentials.js';
import { DATABASE_NAME } from '../limits.js';
import { type Authenticator, type Principal, requireAdministrator } from '../principal.js';

const PROTOCOL_VERSION = '1';

const principals = new WeakMap<FastifyRequest, Principal>();

/**
 * Adds the checks to all routes of an instance whose prefix holds `:database`.
 *
 * @param onRefused told what is wrong with a credential that is refused
 */
export function addAuthentication(
  app: FastifyInstance,
  authenticator: Authenticator,
  onRefused: (problem: CredentialProblem) => void,
): void {
  app.addHook('onRequest', async (request) => {
    try {
      principals.set(request, await authenticator.authenticate(credentialOf(request)));
    } catch (error) {
      if (error instanceof CredentialError) onRefused(error.problem);
      throw error;
    }
    requireProtocol(request);
    requirePlainBody(request);
    requireDatabaseName(request);
  });
}

/** Adds the check to all routes of an instance that are for administrators only. */
export function addAdministratorCheck(app: FastifyInstance, authenticator: Authenticator): void {
  app.addHook('onRequest', async (request) => {
    const principal = await authenticator.authenticate(credentialOf(request));
    requireAdministrator(principal);
    principals.set(request, principal);
  });
}

function credentialOf(request: FastifyRequest): string {
  const [, credential] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (credential === undefined) throw noKey('missing');
  return credential;
}

/** Who sent the request. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw new Error('a route without authentication asks for the principal');
  return principal;
}

function requireProtocol(request: FastifyRequest): void {
  const version = request.headers['cloudsync-protocol'];
  if (version === PROTOCOL_VERSION) return;
  const problem = `this server speaks protocol ${PROTOCOL_VERSION}, the request says ${version ?? 'nothing'}`;
  throw new SyncError('unsupported_protocol', `${problem}; update the older side`);
}

/** Packets are compressed already; a second layer would only be a way to send a bomb. */
function requirePlainBody(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return;
  throw new SyncError('unsupported', `content-encoding ${encoding}: send the body as it is`);
}

function requireDatabaseName(request: FastifyRequest): void {
  const { database } = request.params as { database: string };
  if (!DATABASE_NAME.test(database)) {
    throw new SyncError('bad_request', 'a database name has 1 to 64 characters from a-z, 0-9, - and _');
  }
}
