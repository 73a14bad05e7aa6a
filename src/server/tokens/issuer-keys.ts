/**
 * issuer-keys.ts: the public keys of an issuer, fetched when needed and kept: for ten minutes without asking, and for
 * an hour when the issuer does not answer, so that its failure does not stop devices whose tokens are good.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { SyncError } from '../errors.js';
import type { IssuerSettings } from './issuer-settings.js';

const FRESH_MILLISECONDS = 600_000;
const STALE_MILLISECONDS = 3_600_000;
const FETCH_MILLISECONDS = 5_000;

export type FetchResult = 'ok' | 'failed';

/**
 * The function by which a token's key is found.
 *
 * @param now the server's clock, in milliseconds since 1970
 * @param onFetch told what came of each fetch
 */
export function keysOf(
  settings: IssuerSettings,
  now: () => number,
  onFetch: (result: FetchResult) => void,
): JWTVerifyGetKey | Uint8Array {
  if ('secret' in settings.keys) return settings.keys.secret;
  const remote = createRemoteJWKSet(settings.keys.jwks, {
    timeoutDuration: FETCH_MILLISECONDS,
    cooldownDuration: settings.refetchSeconds * 1000,
    cacheMaxAge: FRESH_MILLISECONDS,
    [customFetch]: reportingFetch(onFetch),
  });
  let fetched = 0;
  return async (header, token) => {
    try {
      const key = await remote(header, token);
      if (remote.fresh) fetched = now();
      return key;
    } catch (error) {
      // An answer that lacks the key is an answer; everything else is an issuer that cannot be asked.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSENotSupported) throw error;
      const known = remote.jwks();
      if (known === undefined || now() - fetched > STALE_MILLISECONDS) {
        throw new SyncError(
          'busy',
          `the keys of the tokens' issuer ${settings.issuer} cannot be fetched now`,
        );
      }
      return createLocalJWKSet(known)(header, token);
    }
  };
}

/** Fetches as jose does by itself, and tells what came of it. */
function reportingFetch(onFetch: (result: FetchResult) => void): FetchImplementation {
  return async (url, options) => {
    try {
      const response = await fetch(url, options);
      onFetch(response.status === 200 ? 'ok' : 'failed');
      return response;
    } catch (error) {
      onFetch('failed');
      throw error;
    }
  };
}
