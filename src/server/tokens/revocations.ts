/**
 * revocations.ts: subjects whose tokens count no more, up to the time at which that was decided. Tokens are not
 * stored anywhere, so this is the only way to end one before its time. Kept in DIR/server.db beside the keys and read
 * at every request, so that the command line takes effect on a running server at once.
 */
import Database from 'better-sqlite3';
import type { RevokedSubject } from '../administration.js';
import { LIMITS } from '../limits.js';

const SCHEMA = `CREATE TABLE IF NOT EXISTS revoked_subjects(
  subject TEXT PRIMARY KEY NOT NULL,
  issued_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID`;

export class Revocations {
  readonly #database: Database.Database;
  readonly #find: Database.Statement<[string], { issued_until: number }>;

  /** @param file path of the database of keys; created when it does not exist */
  constructor(file: string) {
    this.#database = new Database(file, { timeout: LIMITS.databaseLockMilliseconds });
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec(SCHEMA);
    this.#find = this.#database.prepare('SELECT issued_until FROM revoked_subjects WHERE subject = ?');
  }

  /** @param issued the claim iat, in seconds since 1970 */
  isRevoked(subject: string, issued: number): boolean {
    const row = this.#find.get(subject);
    return row !== undefined && issued <= row.issued_until;
  }

  /** Revokes all tokens of a subject that were issued up to `now`, in milliseconds since 1970. */
  revoke(subject: string, now: number): void {
    this.#database
      .prepare(
        'INSERT INTO revoked_subjects VALUES (?, ?)' +
          ' ON CONFLICT(subject) DO UPDATE SET issued_until = max(issued_until, excluded.issued_until)',
      )
      .run(subject, Math.floor(now / 1000));
  }

  /** Those revoked last, the newest first. Times in milliseconds since 1970. */
  list(): RevokedSubject[] {
    const sql =
      'SELECT subject, issued_until * 1000 AS issuedUntil FROM revoked_subjects ORDER BY issued_until DESC LIMIT ?';
    return this.#database.prepare<[number], RevokedSubject>(sql).all(LIMITS.inspectedRevocations);
  }

  close(): void {
    this.#database.close();
  }
}
