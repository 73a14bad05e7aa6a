/**
 * handles.ts: the database files that one worker thread has open. The least recently used one is closed when
 * there are too many, and a file that was replaced on disk (a restored backup) is opened afresh.
 */
import { join } from 'node:path';
import { noDatabase } from '../errors.js';
import { LIMITS } from '../limits.js';
import { MACHINE, type Surroundings } from '../surroundings.js';
import { type Allowance, SyncDatabase } from './database.js';

interface Handle {
  database: SyncDatabase;
  /** Device and inode of the file that was opened. */
  identity: string;
}

export class Handles {
  readonly #directory: string;
  readonly #surroundings: Surroundings;
  readonly #allowance: Allowance | undefined;
  /** In order of use, the least recently used first. */
  readonly #open = new Map<string, Handle>();

  /**
   * @param directory where the database files are
   * @param allowance what each of them may have; anything when it is not given
   */
  constructor(directory: string, surroundings: Surroundings = MACHINE, allowance?: Allowance) {
    this.#directory = directory;
    this.#allowance = allowance;
    this.#surroundings = surroundings;
  }

  /**
   * The open database of that name.
   *
   * @param create whether to create it when it does not exist
   * @throws SyncError no_database when it does not exist and must not be created
   */
  get(name: string, create: boolean): SyncDatabase {
    const file = join(this.#directory, `${name}.db`);
    const identity = this.#surroundings.fileIdentity(file);
    const known = this.#open.get(name);
    this.#open.delete(name);
    if (known !== undefined && known.identity === identity) {
      this.#open.set(name, known);
      return known.database;
    }
    known?.database.close();
    if (identity === undefined && !create) throw noDatabase(name);
    const database = new SyncDatabase(name, file, this.#surroundings, this.#allowance);
    this.#open.set(name, {
      database,
      identity: identity ?? this.#surroundings.fileIdentity(file) ?? '',
    });
    this.#closeSurplus();
    return database;
  }

  /** The database of that name when it is open. */
  find(name: string): SyncDatabase | undefined {
    return this.#open.get(name)?.database;
  }

  /** Writes what is only in memory of the open databases. */
  saveAll(): void {
    for (const { database } of this.#open.values()) database.readers.save();
  }

  closeAll(): void {
    for (const { database } of this.#open.values()) database.close();
    this.#open.clear();
  }

  #closeSurplus(): void {
    for (const [name, { database }] of this.#open) {
      if (this.#open.size <= LIMITS.openDatabasesPerWorker) return;
      this.#open.delete(name);
      try {
        database.readers.save();
      } finally {
        database.close();
      }
    }
  }
}
