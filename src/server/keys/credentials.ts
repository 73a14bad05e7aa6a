/**
 * credentials.ts: the authenticator of the server: a credential is a key of ours or a token of an identity provider,
 * which its form tells.
 */
import { CredentialError } from '../errors.js';
import type { Authenticator, Principal } from '../principal.js';
import { isToken } from '../tokens/token-verifier.js';

export class Credentials implements Authenticator {
  readonly #keys: Authenticator;
  readonly #tokens: Authenticator;

  constructor(keys: Authenticator, tokens: Authenticator) {
    this.#keys = keys;
    this.#tokens = tokens;
  }

  async authenticate(credential: string): Promise<Principal> {
    return isToken(credential) ? this.#tokens.authenticate(credential) : this.#keys.authenticate(credential);
  }
}

/** The refusal of a request without a usable key: the same words whatever is wrong with it. */
export function noKey(problem: 'missing' | 'key'): CredentialError {
  return new CredentialError(problem, 'the key is missing, wrong or revoked; set a valid one and sync again');
}
