/**
 * key-store.ts: the table of keys, in DIR/server.db. It is read at every request, so that a key that the
 * command line adds or revokes in another process counts at once; a look-up by primary key costs
 * microseconds.
 */
import { timingSafeEqual } from 'node:crypto';
import Database from 'better-sqlite3';
import { LIMITS } from '../limits.js';
import type { Authenticator, Principal, Role } from '../principal.js';
import { MACHINE, type Surroundings } from '../surroundings.js';
import { noKey } from './credentials.js';
import { generateKey, parseKey } from './key-text.js';

export interface KeyRow {
  id: string;
  subject: string;
  role: Role;
  /** A database name, or '*' for all. */
  database: string;
  label: string;
  /** Milliseconds since 1970; null when it has not happened. */
  created: number;
  last_used: number | null;
  revoked: number | null;
}

export interface NewKey {
  role: Role;
  database: string;
  label: string;
  /** Whom the sites of this key belong to; the key's own id when it is not given. */
  subject?: string | undefined;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS keys(
  id TEXT PRIMARY KEY NOT NULL,
  secret_hash BLOB NOT NULL,
  subject TEXT NOT NULL,
  role TEXT NOT NULL,
  database TEXT NOT NULL,
  label TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_used INTEGER,
  revoked INTEGER
) STRICT, WITHOUT ROWID`;

/** Compared with when the id is unknown, so that an unknown id takes as long as a wrong secret. */
const NO_HASH = Buffer.alloc(32);

export class KeyStore implements Authenticator {
  readonly #database: Database.Database;
  readonly #find: Database.Statement<[string], KeyRow & { secret_hash: Buffer }>;
  readonly #recordUse: Database.Statement<[number, string]>;
  readonly #reportProblem: (error: unknown) => void;
  readonly #surroundings: Surroundings;

  /**
   * @param file path of the key database; created when it does not exist
   * @param reportProblem called when the time of a key's use cannot be written (disk full, file locked). The
   *   key is valid all the same, so the request goes on.
   */
  constructor(file: string, reportProblem: (error: unknown) => void, surroundings: Surroundings = MACHINE) {
    this.#surroundings = surroundings;
    this.#reportProblem = reportProblem;
    this.#database = new Database(file, { timeout: LIMITS.databaseLockMilliseconds });
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec(SCHEMA);
    this.#find = this.#database.prepare('SELECT * FROM keys WHERE id = ?');
    this.#recordUse = this.#database.prepare('UPDATE keys SET last_used = ? WHERE id = ?');
  }

  async authenticate(credential: string): Promise<Principal> {
    const given = parseKey(credential);
    if (given === undefined) throw noKey('key');
    const row = this.#find.get(given.id);
    const matches = timingSafeEqual(given.secretHash, row?.secret_hash ?? NO_HASH);
    if (row === undefined || !matches || row.revoked !== null) throw noKey('key');
    this.#noteUse(row);
    const databases = row.database === '*' ? row.database : [row.database];
    return { subject: row.subject, role: row.role, databases };
  }

  /** Adds a key. Returns its text, which cannot be read again, and its id. */
  add(key: NewKey): { id: string; text: string } {
    const { id, secretHash, text } = generateKey(this.#surroundings);
    this.#database
      .prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)')
      .run(id, secretHash, key.subject ?? id, key.role, key.database, key.label, this.#surroundings.now());
    return { id, text };
  }

  /** All keys, revoked ones too, oldest first. */
  list(): KeyRow[] {
    const columns = 'id, subject, role, database, label, created, last_used, revoked';
    return this.#database.prepare<[], KeyRow>(`SELECT ${columns} FROM keys ORDER BY created, id`).all();
  }

  /** Revokes a key. Returns false when there is no such key or it was revoked before. */
  revoke(id: string): boolean {
    const statement = this.#database.prepare('UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL');
    return statement.run(this.#surroundings.now(), id).changes === 1;
  }

  close(): void {
    this.#database.close();
  }

  #noteUse(row: KeyRow): void {
    const now = this.#surroundings.now();
    if (now - (row.last_used ?? 0) < LIMITS.keyUseMilliseconds) return;
    try {
      this.#recordUse.run(now, row.id);
    } catch (error) {
      this.#reportProblem(error);
    }
  }
}
