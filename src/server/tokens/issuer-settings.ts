/**
 * issuer-settings.ts: the settings of one issuer of tokens, as they stand in the configuration file under "tokens",
 * read and checked. Nothing is guessed: which algorithms and audiences count is an allow-list, and a shared secret
 * and public keys exclude each other, so that no token can choose how it is verified.
 */
import { readFileSync } from 'node:fs';
import { DATABASE_NAME } from '../limits.js';

export interface IssuerSettings {
  /** The claim `iss` of its tokens, letter by letter. */
  issuer: string;
  /** One of them must be in the claim `aud`. */
  audiences: string[];
  /** Names of RFC 7518 that a token's header may state. */
  algorithms: string[];
  /** Where its public keys are, a JWK Set; or the shared secret. */
  keys: { jwks: URL } | { secret: Uint8Array };
  /** Databases that its tokens may use; or the claim that names them, as a text or a list. */
  databases: '*' | string[] | { claim: string };
  /** Tokens that are valid for longer are refused. */
  maxLifetimeSeconds: number;
  /** By how much the clocks of issuer and server may differ. */
  leewaySeconds: number;
  /** Public keys are fetched again at most this often because a token names an unknown one. */
  refetchSeconds: number;
}

const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'];
/** RFC 7518 section 3.2: a key for HS256 has at least the size of the hash. */
const SECRET_BYTES_MIN = 32;
const LIFETIME_SECONDS_DEFAULT = 86_400;
const LEEWAY_SECONDS_DEFAULT = 60;
const REFETCH_SECONDS_DEFAULT = 30;

const NAMES = [
  ...['issuer', 'audiences', 'algorithms', 'jwks', 'secretFile', 'secretEnvironment', 'databases'],
  ...['maxLifetimeSeconds', 'leewaySeconds', 'refetchSeconds'],
];

/** A mistake in the configuration, with the place. */
export class ConfigurationError extends Error {}

/**
 * Reads the settings of one issuer.
 *
 * @param value an object of the configuration file
 * @param place where it stands, for messages
 * @throws ConfigurationError saying which setting is wrong and what is expected
 */
export function readIssuer(value: unknown, place: string, environment: NodeJS.ProcessEnv): IssuerSettings {
  const settings = objectOf(value, place);
  for (const name of Object.keys(settings)) {
    if (!NAMES.includes(name)) fail(`${place}.${name}`, `is no setting; there are ${NAMES.join(', ')}`);
  }
  const keys = readKeys(settings, place, environment);
  const allowed = 'jwks' in keys ? PUBLIC_KEY_ALGORITHMS : SECRET_ALGORITHMS;
  const algorithms = textsOf(settings['algorithms'], `${place}.algorithms`);
  const unknown = algorithms.find((name) => !allowed.includes(name));
  if (unknown !== undefined) {
    fail(
      `${place}.algorithms`,
      `"${unknown}" does not go with this kind of key; there are ${allowed.join(', ')}`,
    );
  }
  const seconds = (name: string, fallback: number, minimum: number) =>
    numberOf(settings[name] ?? fallback, `${place}.${name}`, minimum);
  return {
    issuer: textOf(settings['issuer'], `${place}.issuer`),
    audiences: textsOf(settings['audiences'], `${place}.audiences`),
    algorithms,
    keys,
    databases: readDatabases(settings['databases'], `${place}.databases`),
    maxLifetimeSeconds: seconds('maxLifetimeSeconds', LIFETIME_SECONDS_DEFAULT, 1),
    leewaySeconds: seconds('leewaySeconds', LEEWAY_SECONDS_DEFAULT, 0),
    refetchSeconds: seconds('refetchSeconds', REFETCH_SECONDS_DEFAULT, 0),
  };
}

function readKeys(
  settings: Record<string, unknown>,
  place: string,
  environment: NodeJS.ProcessEnv,
): IssuerSettings['keys'] {
  const given = ['jwks', 'secretFile', 'secretEnvironment'].filter((name) => settings[name] !== undefined);
  if (given.length !== 1) fail(place, 'needs exactly one of jwks, secretFile, secretEnvironment');
  const name = given[0] as string;
  const text = textOf(settings[name], `${place}.${name}`);
  if (name === 'jwks') return { jwks: readAddress(text, `${place}.jwks`) };
  const secret = name === 'secretFile' ? readFile(text, `${place}.${name}`) : (environment[text] ?? '');
  const bytes = Buffer.from(secret.replace(/\r?\n$/, ''), 'utf8');
  if (bytes.length < SECRET_BYTES_MIN) {
    fail(`${place}.${name}`, `the secret has ${bytes.length} bytes, at least ${SECRET_BYTES_MIN} are needed`);
  }
  return { secret: bytes };
}

/** Whoever can change the keys on their way can sign as anybody: they come over TLS or from this machine. */
function readAddress(text: string, place: string): URL {
  const url = URL.canParse(text) ? new URL(text) : fail(place, `"${text}" is no URL`);
  const isLocal = url.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  return url.protocol === 'https:' || isLocal ? url : fail(place, 'must begin with https://');
}

function readFile(path: string, place: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return fail(place, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readDatabases(value: unknown, place: string): IssuerSettings['databases'] {
  if (value === '*') return '*';
  if (Array.isArray(value)) {
    const names = textsOf(value, place);
    const wrong = names.find((name) => !DATABASE_NAME.test(name));
    return wrong === undefined ? names : fail(place, `"${wrong}" is no name of a database`);
  }
  if (typeof value !== 'object' || value === null) {
    return fail(place, 'must be "*", a list of names, or { "claim": NAME }');
  }
  return { claim: textOf((value as Record<string, unknown>)['claim'], `${place}.claim`) };
}

/** An object of the configuration file. */
export function objectOf(value: unknown, place: string): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : fail(place, 'must be an object');
}

function textOf(value: unknown, place: string): string {
  return typeof value === 'string' && value !== '' ? value : fail(place, 'must be a text that is not empty');
}

function textsOf(value: unknown, place: string): string[] {
  if (!Array.isArray(value) || value.length === 0)
    return fail(place, 'must be a list with at least one text');
  return value.map((each, index) => textOf(each, `${place}[${index}]`));
}

function numberOf(value: unknown, place: string, minimum: number): number {
  const isGood = typeof value === 'number' && Number.isInteger(value) && value >= minimum;
  return isGood ? value : fail(place, `must be a whole number from ${minimum} on`);
}

function fail(place: string, problem: string): never {
  throw new ConfigurationError(`${place} ${problem}`);
}
