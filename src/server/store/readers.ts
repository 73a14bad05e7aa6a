/**
 * readers.ts: how far each device has read, as far as its own requests tell, and what is kept for it. By that the
 * database forgets what nobody needs any more.
 *
 * **Marks** (cloudsync_server_pushes, one per commit) are what a cursor's nonce is compared with: the first mark at
 * or above its position. A device that asks with a cursor has no use for an older one: it may ask with this one
 * again, when the answer is lost, or with a later one. So a mark below the cursors of all devices is needed by none,
 * and removing it changes no answer: for every position that is still in use the first mark at or above it stays. A
 * cursor of the start needs no mark. What a device has lost (it was silent for too long, or went back to an old copy
 * of its file) meets another nonce than its own, or none: it is told to start over, as after a restore of the server,
 * and loses nothing.
 *
 * **Answers** (cloudsync_server_sites.answer) are there for a device that repeats its last push because it did not
 * get the answer. One that is silent for too long and then repeats it is told that it is a copy: it takes a new id
 * and sends its changes again, which the merge knows already. The number of its last batch stays for ever.
 *
 * Where devices have read is kept in memory and written with a push from time to time, and when the file is closed: a
 * pull must cost no flush to disk. What is lost with the process, at most what an hour brought, makes the database
 * keep more; a device that asked in that hour only counts as silent since its request before.
 */
import type Database from 'better-sqlite3';
import type { SyncDatabase } from './database.js';

const TABLE = `CREATE TABLE cloudsync_server_readers(
  site BLOB PRIMARY KEY NOT NULL, position INTEGER NOT NULL, seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID`;

/**
 * Makes the table of readers. The devices of a database from before it may hold any cursor: everything is kept until
 * each has asked.
 */
export function createReadersTable(sqlite: Database.Database, now: number): void {
  const isThere = sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cloudsync_server_readers'").get();
  if (isThere !== undefined) return;
  sqlite.exec(TABLE);
  sqlite
    .prepare('INSERT INTO cloudsync_server_readers SELECT site, 1, ? FROM cloudsync_server_sites')
    .run(now);
}

const MINUTE_MILLISECONDS = 60_000;
const HOUR_MILLISECONDS = 60 * MINUTE_MILLISECONDS;
const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;
/** Marks that are removed in one go: a commit that removes all of an old database would hold up its devices. */
const MARKS_AT_ONCE = 20_000;

interface Note {
  position: number;
  seen: number;
}

export class Readers {
  readonly #database: SyncDatabase;
  readonly #deviceMilliseconds: number;
  /** By site in hex. */
  readonly #notes = new Map<string, Note>();
  #lastWritten: number;
  #lastPruned: number;

  /** @param deviceDays how long nothing is forgotten of a device that is silent */
  constructor(database: SyncDatabase, deviceDays: number) {
    this.#database = database;
    this.#deviceMilliseconds = deviceDays * DAY_MILLISECONDS;
    this.#lastWritten = database.surroundings.now();
    this.#lastPruned = this.#lastWritten;
  }

  /**
   * Notes how far a device has read. A device at the start needs nothing.
   *
   * @param position of the cursor that it asks with; of the one that it gets, when it asks from the start
   */
  note(site: Uint8Array, position: number): void {
    if (position === 0) return;
    this.#notes.set(Buffer.from(site).toString('hex'), { position, seen: this.#database.surroundings.now() });
  }

  /**
   * Inside the transaction that registers a device: it may begin anew and stop anywhere, and nothing that is only in
   * memory may be all that is known of it.
   */
  expect(site: Uint8Array): void {
    this.#notes.delete(Buffer.from(site).toString('hex'));
    this.#database
      .prepare<[Uint8Array, number], unknown>(
        'INSERT INTO cloudsync_server_readers VALUES (?, 1, ?)' +
          ' ON CONFLICT(site) DO UPDATE SET position = 1, seen = excluded.seen',
      )
      .run(site, this.#database.surroundings.now());
  }

  /** Inside a transaction that writes anyway: once a minute it takes the notes along. */
  writeNotesWhenDue(): void {
    const now = this.#database.surroundings.now();
    if (now - this.#lastWritten < MINUTE_MILLISECONDS) return;
    this.#lastWritten = now;
    this.#writeNotes();
  }

  /** Once an hour: writes the notes and removes what nobody needs. */
  pruneWhenDue(): void {
    const now = this.#database.surroundings.now();
    if (now - this.#lastPruned < HOUR_MILLISECONDS) return;
    this.#lastPruned = now;
    this.prune();
  }

  /** Writes the notes and removes what nobody needs, at most so much of it at once. */
  prune(): void {
    const silentSince = this.#database.surroundings.now() - this.#deviceMilliseconds;
    this.#database.sqlite
      .transaction(() => {
        this.#writeNotes();
        this.#database.prepare('DELETE FROM cloudsync_server_readers WHERE seen < ?').run(silentSince);
        this.#database
          .prepare(
            'UPDATE cloudsync_server_sites SET digest = NULL, answer = NULL' +
              ' WHERE answer IS NOT NULL AND max(last_seen, coalesce((SELECT seen FROM cloudsync_server_readers' +
              ' AS reader WHERE reader.site = cloudsync_server_sites.site), 0)) < ?',
          )
          .run(silentSince);
        this.#removeMarks();
      })
      .immediate();
  }

  /** Writes what is only in memory, before the database is closed. */
  save(): void {
    if (this.#notes.size > 0) this.#database.sqlite.transaction(() => this.#writeNotes()).immediate();
  }

  #writeNotes(): void {
    const write = this.#database.prepare<[Buffer, number, number], unknown>(
      'INSERT INTO cloudsync_server_readers VALUES (?, ?, ?)' +
        ' ON CONFLICT(site) DO UPDATE SET position = excluded.position, seen = excluded.seen',
    );
    for (const [site, { position, seen }] of this.#notes) write.run(Buffer.from(site, 'hex'), position, seen);
    this.#notes.clear();
  }

  /** Removes marks below the first one that a cursor needs; the newest one stays in any case. */
  #removeMarks(): void {
    const newest = '(SELECT max(head) FROM cloudsync_server_pushes)';
    const lowest = `min(coalesce((SELECT min(position) FROM cloudsync_server_readers), ${newest}), ${newest})`;
    const chunk = '(SELECT max(head) FROM (SELECT head FROM cloudsync_server_pushes ORDER BY head LIMIT ?))';
    const sql = `DELETE FROM cloudsync_server_pushes WHERE head < ${lowest} AND head <= ${chunk}`;
    this.#database.prepare<[number], unknown>(sql).run(MARKS_AT_ONCE);
  }
}
