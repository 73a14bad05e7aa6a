/**
 * issuer.ts: an identity provider for tests: signs tokens, and serves its public keys over HTTP on this machine.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const ISSUER = 'https://identity.example';
export const AUDIENCE = 'cloudsync';

interface SigningKey {
  id: string;
  algorithm: string;
  private: CryptoKey;
  public: CryptoKey;
}

export class Issuer {
  /** How often the keys were fetched. */
  fetches = 0;
  /** Answers 503 while it is set. */
  isDown = false;
  readonly #server: Server;
  #keys: SigningKey[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (_request, response) => {
      this.fetches += 1;
      if (this.isDown) {
        response.writeHead(503).end();
        return;
      }
      void this.#publicKeys().then((keys) => response.end(JSON.stringify({ keys })));
    });
  }

  /** Starts one with a key for each algorithm. */
  static async start(algorithms: string[]): Promise<Issuer> {
    const server = createServer();
    const issuer = new Issuer(server);
    for (const algorithm of algorithms) await issuer.addKey(algorithm);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** Adds a key; tokens are signed with the newest one of their algorithm. */
  async addKey(algorithm: string): Promise<void> {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const id = `key-${this.#keys.length}`;
    this.#keys.push({ id, algorithm, private: pair.privateKey, public: pair.publicKey });
  }

  /** A token that is good unless `claims` say otherwise; undefined removes a claim. */
  sign(claims: JWTPayload = {}, algorithm = 'RS256'): Promise<string> {
    const key = this.#keys.findLast((each) => each.algorithm === algorithm);
    if (key === undefined) throw new Error(`no key for ${algorithm}`);
    return new SignJWT(claimsOf(claims))
      .setProtectedHeader({ alg: algorithm, kid: key.id })
      .sign(key.private);
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #publicKeys() {
    return Promise.all(
      this.#keys.map(async ({ id, algorithm, public: key }) => ({
        ...(await exportJWK(key)),
        ...{ kid: id, alg: algorithm, use: 'sig' },
      })),
    );
  }
}

/** Claims of a token that is good for an hour, changed by the given ones. */
export function claimsOf(claims: JWTPayload): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 3600, db: 'shared' };
  return Object.fromEntries(
    Object.entries({ ...good, ...claims }).filter(([, value]) => value !== undefined),
  );
}
