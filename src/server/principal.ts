/**
 * principal.ts: who asks. Every request carries a principal from authentication to the store, so that the ways to
 * authenticate (keys, tokens of an identity provider) and the rules for rows need not know each other.
 */

import { SyncError } from './errors.js';

/**
 * Roles of keys. admin: everything; schema: sync and publish table definitions; service: sync only; anon: for an
 * application that anybody may have, sync as nobody in particular.
 */
export const ROLES = ['admin', 'schema', 'service', 'anon'] as const;
/** user: the holder of a token; syncs. */
export type Role = (typeof ROLES)[number] | 'user';

export interface Principal {
  /** Whom a site belongs to. Several keys may share a subject, so that a key can be replaced. */
  subject: string;
  role: Role;
  /** The databases that the principal may use, or '*' for all. */
  databases: '*' | readonly string[];
  /** The claims of the token; absent for keys. */
  claims?: Readonly<Record<string, unknown>>;
  /** When the credential ends, in milliseconds since 1970; absent when it does not end by itself. */
  expires?: number;
}

/** Turns the bearer credential of a request into a principal. */
export interface Authenticator {
  /** @throws SyncError unauthorized, with the reason, when the credential is unknown, wrong, expired or revoked */
  authenticate(credential: string): Promise<Principal>;
}

/** Whether a principal may use a database at all. */
export function mayUse(principal: Principal, database: string): boolean {
  return principal.databases === '*' || principal.databases.includes(database);
}

/** Whether a principal may create databases and publish table definitions. */
export function mayPublish(principal: Principal): boolean {
  return principal.role === 'admin' || principal.role === 'schema';
}

/** Whether policies decide what a principal reads and writes, where there are any. */
export function isRestricted(principal: Principal): boolean {
  return principal.role === 'user' || principal.role === 'anon';
}

/** @throws SyncError forbidden when the principal is no administrator */
export function requireAdministrator(principal: Principal): void {
  if (principal.role !== 'admin') throw new SyncError('forbidden', 'this needs a key of role admin');
}

/** Whether a principal may act as a site that was registered by `subject`. */
export function mayActFor(principal: Principal, subject: string): boolean {
  return principal.role === 'admin' || principal.subject === subject;
}
