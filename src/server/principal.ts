/**
 * principal.ts: who asks. Every request carries a principal from authentication to the store, so that further
 * ways to authenticate (tokens of an identity provider) and further rules (row-level security) need no change
 * between them.
 */

/** admin: everything; schema: sync and publish table definitions; service: sync only. */
export const ROLES = ['admin', 'schema', 'service'] as const;
export type Role = (typeof ROLES)[number];

export interface Principal {
  /** Whom a site belongs to. Several keys may share a subject, so that a key can be replaced. */
  subject: string;
  role: Role;
  /** The only database that the principal may use, or '*' for all. */
  database: string;
}

/** Turns the bearer credential of a request into a principal. */
export interface Authenticator {
  /** The principal, or undefined when the credential is unknown, wrong, expired or revoked. */
  authenticate(credential: string): Principal | undefined;
}

/** Whether a principal may use a database at all. */
export function mayUse(principal: Principal, database: string): boolean {
  return principal.database === '*' || principal.database === database;
}

/** Whether a principal may create databases and publish table definitions. */
export function mayPublish(principal: Principal): boolean {
  return principal.role === 'admin' || principal.role === 'schema';
}

/** Whether a principal may act as a site that was registered by `subject`. */
export function mayActFor(principal: Principal, subject: string): boolean {
  return principal.role === 'admin' || principal.subject === subject;
}
