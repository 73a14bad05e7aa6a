/**
 * errors.ts: every refusal that the server can send, in one table (docs/PROTOCOL.md section 3). Code anywhere
 * throws a `SyncError`; `http/error-replies.ts` turns it into an answer.
 */
interface ErrorEntry {
  /** HTTP status of the answer. */
  status: number;
  /** The word that a client acts on; the name of the entry where it is not given. */
  code?: string;
  /** Title of the problem+json document. */
  title: string;
  /** Seconds for the Retry-After header. */
  retryAfter?: number;
}

const ERRORS = {
  bad_request: { status: 400, title: 'The request is malformed' },
  unauthorized: { status: 401, title: 'A valid key is required' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  no_database: { status: 404, title: 'There is no such database for this key' },
  not_found: { status: 404, title: 'There is no such address' },
  timeout: { status: 408, title: 'The request took too long to arrive' },
  unknown_site: { status: 409, title: 'The site is not registered' },
  site_fork: { status: 409, title: 'The site went on from another copy of its database' },
  gap: { status: 409, title: 'Batches before this one are missing' },
  epoch_changed: { status: 409, title: 'The server was restored or replaced' },
  packet_too_large: { status: 413, title: 'The packet is too large' },
  unsupported: { status: 415, title: 'The media type is not supported' },
  unsupported_protocol: { status: 426, code: 'unsupported', title: 'The protocol version is not supported' },
  clock_ahead: { status: 422, title: 'Changes are stamped with a time that has not come' },
  bad_packet: { status: 422, title: 'The packet cannot be read' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal: { status: 500, title: 'The server failed' },
  busy: { status: 503, title: 'The server cannot do this now', retryAfter: 1 },
  quota: { status: 507, title: 'The database is full' },
} satisfies Record<string, ErrorEntry>;

export type ErrorName = keyof typeof ERRORS;

/** A refusal as plain data, which may cross a thread boundary. */
export interface ErrorFields {
  name: ErrorName;
  detail: string;
  extra: number;
}

/** The entry of the error table for a name, with its code filled in. */
export function errorEntry(name: ErrorName): ErrorEntry & { code: string } {
  return { code: name, ...ERRORS[name] };
}

/**
 * A request that is refused, with the words for the client. Anything else that is thrown is a defect (500).
 */
export class SyncError extends Error {
  readonly errorName: ErrorName;
  readonly extra: number;

  /**
   * @param errorName entry of the error table
   * @param detail what is wrong, which object, and what to do; sent to the client, so it names no secret
   * @param extra the number that belongs to the code (expected batch, bytes allowed), else 0
   */
  constructor(errorName: ErrorName, detail: string, extra = 0) {
    super(detail);
    this.name = 'SyncError';
    this.errorName = errorName;
    this.extra = extra;
  }

  fields(): ErrorFields {
    return { name: this.errorName, detail: this.message, extra: this.extra };
  }
}

/** What was wrong with a credential: for the operator's figures; the client is told in words. */
export type CredentialProblem =
  | 'missing'
  | 'key'
  | 'unreadable_token'
  | 'unknown_issuer'
  | 'expired'
  | 'claim'
  | 'signature'
  | 'lifetime'
  | 'revoked';

/** A refusal of a credential. */
export class CredentialError extends SyncError {
  readonly problem: CredentialProblem;

  /** @param detail as for every refusal */
  constructor(problem: CredentialProblem, detail: string) {
    super('unauthorized', detail);
    this.problem = problem;
  }
}

/**
 * The refusal for a database that does not exist and for one that the key may not use: the same words for
 * both.
 */
export function noDatabase(name: string): SyncError {
  return new SyncError('no_database', `database ${name} does not exist, or this key may not use it`);
}
