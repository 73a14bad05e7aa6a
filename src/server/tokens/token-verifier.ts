/**
 * token-verifier.ts: turns a token (JWT, RFC 7519) into a principal, by the settings of its issuer. A token is judged
 * at every request: it may have expired or been revoked since the last one.
 */
import { decodeJwt, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { CredentialError, type CredentialProblem } from '../errors.js';
import { DATABASE_NAME } from '../limits.js';
import type { Authenticator, Principal } from '../principal.js';
import { type FetchResult, keysOf } from './issuer-keys.js';
import type { IssuerSettings } from './issuer-settings.js';
import type { Revocations } from './revocations.js';

const SUBJECT_CHARACTERS_MAX = 255;
const REMEDY = 'get a new one and call cloudsync_network_set_token';

/** Does the credential have the form of a token? */
export function isToken(credential: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential);
}

/** Whom the devices of a token's user belong to; no key has such a subject unless an operator types it. */
export function subjectOf(issuer: string, subject: string): string {
  return `${issuer} ${subject}`;
}

export class TokenVerifier implements Authenticator {
  readonly #issuers: Map<string, { settings: IssuerSettings; keys: ReturnType<typeof keysOf> }>;
  readonly #revocations: Revocations;
  readonly #now: () => number;

  /**
   * @param now the server's clock, in milliseconds since 1970
   * @param onFetch told what came of each fetch of an issuer's keys
   */
  constructor(
    issuers: readonly IssuerSettings[],
    revocations: Revocations,
    now: () => number,
    onFetch: (result: FetchResult) => void = () => undefined,
  ) {
    this.#issuers = new Map(
      issuers.map((settings) => [settings.issuer, { settings, keys: keysOf(settings, now, onFetch) }]),
    );
    this.#revocations = revocations;
    this.#now = now;
  }

  async authenticate(credential: string): Promise<Principal> {
    const { settings, keys } = this.#issuerOf(credential);
    const options: JWTVerifyOptions = {
      issuer: settings.issuer,
      audience: settings.audiences,
      algorithms: settings.algorithms,
      clockTolerance: settings.leewaySeconds,
      requiredClaims: ['sub', 'iat', 'exp'],
      currentDate: new Date(this.#now()),
    };
    let claims: JWTPayload;
    try {
      // The two forms of the same call have types of their own.
      const verified =
        keys instanceof Uint8Array
          ? jwtVerify(credential, keys, options)
          : jwtVerify(credential, keys, options);
      claims = (await verified).payload;
    } catch (error) {
      throw error instanceof errors.JOSEError ? refusalOf(error) : error;
    }
    return this.#principalOf(settings, claims);
  }

  #issuerOf(credential: string) {
    let issuer: string | undefined;
    try {
      issuer = decodeJwt(credential).iss;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw refusal('unreadable_token', 'the token cannot be read');
      throw error;
    }
    const found = this.#issuers.get(issuer ?? '');
    if (found === undefined) {
      throw refusal('unknown_issuer', 'the token is of an issuer that this server does not know');
    }
    return found;
  }

  #principalOf(settings: IssuerSettings, claims: JWTPayload): Principal {
    const { sub, iat = 0, exp = 0 } = claims;
    if (typeof sub !== 'string' || !isSubject(sub))
      throw refusal('claim', 'the claim sub of the token is no usable name');
    if (exp - iat > settings.maxLifetimeSeconds) {
      throw refusal(
        'lifetime',
        `the token is valid for more than the ${settings.maxLifetimeSeconds} seconds that are allowed`,
      );
    }
    const subject = subjectOf(settings.issuer, sub);
    if (this.#revocations.isRevoked(subject, iat)) throw refusal('revoked', 'the token was revoked');
    const databases = databasesOf(settings, claims);
    return { subject, role: 'user', databases, claims, expires: (exp + settings.leewaySeconds) * 1000 };
  }
}

function isSubject(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a name
  return text.length > 0 && text.length <= SUBJECT_CHARACTERS_MAX && !/[\u0000-\u001f\u007f]/.test(text);
}

function databasesOf({ databases }: IssuerSettings, claims: JWTPayload): Principal['databases'] {
  if (databases === '*' || Array.isArray(databases)) return databases;
  const value = claims[databases.claim];
  const names = Array.isArray(value) ? value : [value];
  return names.filter((name): name is string => typeof name === 'string' && DATABASE_NAME.test(name));
}

/** Says what is wrong, and nothing about how it would be right. */
function refusalOf(error: errors.JOSEError): CredentialError {
  if (error instanceof errors.JWTExpired) return refusal('expired', 'the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf'
      ? refusal('claim', 'the token is not valid yet')
      : refusal('claim', `the claim ${error.claim} of the token is missing or wrong`);
  }
  return refusal('signature', 'the signature of the token is not that of its issuer');
}

function refusal(problem: CredentialProblem, words: string): CredentialError {
  return new CredentialError(problem, `${words}; ${REMEDY}`);
}
