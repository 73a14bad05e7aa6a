/**
 * auth-functions.ts: auth_userid(), auth_role(), auth_json() and auth_claim(path) on a connection. They answer for
 * the principal of the work that is being done, and outside of such work for nobody.
 */
import Database from 'better-sqlite3';
import type { Principal } from '../principal.js';

interface Identity {
  user: string | null;
  role: string;
  /** The claims of the token as JSON. */
  json: string;
}

/** A path means what SQLite says it means; the connection that asks for a claim is busy at that moment. */
const EXTRACT = new Database(':memory:')
  .prepare<[string, string], unknown>('SELECT json_extract(?, ?)')
  .pluck()
  .safeIntegers(true);

const NOBODY: Identity = { user: null, role: 'none', json: '{}' };

export class AuthFunctions {
  #identity = NOBODY;

  /** Registers the functions on a connection. */
  constructor(sqlite: Database.Database) {
    // The principal does not change while a statement runs, so SQLite may ask once per statement.
    const options = { deterministic: true, directOnly: true };
    sqlite.function('auth_userid', options, () => this.#identity.user);
    sqlite.function('auth_role', options, () => this.#identity.role);
    sqlite.function('auth_json', options, () => this.#identity.json);
    sqlite.function('auth_claim', options, (path: unknown) => this.#claim(String(path)));
  }

  /** Runs work for which the functions answer for this principal. The work must be done when it returns. */
  asPrincipal<Result>(principal: Principal, work: () => Result): Result {
    const before = this.#identity;
    this.#identity = identityOf(principal);
    try {
      return work();
    } finally {
      this.#identity = before;
    }
  }

  #claim(name: string): unknown {
    const path = name.startsWith('$') ? name : `$.${name}`;
    return EXTRACT.get(this.#identity.json, path);
  }
}

/** The user of a key is nobody; the role of a token is its claim `role`, when it has one. */
function identityOf({ role, claims = {} }: Principal): Identity {
  const { sub, role: claimed } = claims;
  return {
    user: typeof sub === 'string' ? sub : null,
    role: typeof claimed === 'string' ? claimed : role,
    json: JSON.stringify(claims),
  };
}
