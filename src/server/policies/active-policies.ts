/**
 * active-policies.ts: the policies that are in force in a database: the newest row of cloudsync_server_policies.
 * Other processes deploy, so the table is asked each time; compiling is done again only when it or the schema has
 * changed.
 */
import type Database from 'better-sqlite3';
import { tableName } from '../store/tables.js';
import { compilePolicies } from './compile.js';
import type { CompiledPolicies } from './compiled.js';

export const POLICIES_TABLE = `
CREATE TABLE IF NOT EXISTS cloudsync_server_policies(
  version INTEGER PRIMARY KEY, text TEXT NOT NULL, hash TEXT NOT NULL, deployed INTEGER NOT NULL
) STRICT;`;

const NEWEST = 'SELECT version, text FROM cloudsync_server_policies ORDER BY version DESC LIMIT 1';

export class ActivePolicies {
  readonly #sqlite: Database.Database;
  readonly #newest: Database.Statement<[], { version: number; text: string }>;
  readonly #version: Database.Statement<[], number | null>;
  readonly #schema: Database.Statement<[], number>;
  #known: { version: number; schema: number; policies: CompiledPolicies } | undefined;

  /** @param sqlite a connection to a database that has the server's tables */
  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite;
    this.#newest = sqlite.prepare(NEWEST);
    this.#version = sqlite
      .prepare<[], number | null>('SELECT max(version) FROM cloudsync_server_policies')
      .pluck();
    this.#schema = sqlite.prepare<[], number>('PRAGMA main.schema_version').pluck();
  }

  /**
   * Undefined when none were ever deployed: then nobody is restricted. A policy that fits no more denies its table.
   */
  current(): CompiledPolicies | undefined {
    const version = this.#version.get() ?? null;
    if (version === null) return undefined;
    const schema = this.#schema.get() ?? 0;
    if (this.#known?.version !== version || this.#known.schema !== schema) {
      const { policies } = compilePolicies(this.#sqlite, this.#newest.get()?.text ?? '');
      this.#known = { version, schema, policies };
    }
    return this.#known.policies;
  }
}

/** The text that is in force, or undefined. */
export function activeText(sqlite: Database.Database): string | undefined {
  // A server of an earlier version has made no table for them.
  if (tableName(sqlite, 'cloudsync_server_policies') === undefined) return undefined;
  return sqlite.prepare<[], { text: string }>(NEWEST).get()?.text;
}

/**
 * Puts a text into force.
 *
 * @param now milliseconds since 1970
 * @returns its version, from 1; that of the present text when it is the same
 */
export function deployPolicies(sqlite: Database.Database, text: string, hash: string, now: number): number {
  return sqlite
    .transaction(() => {
      sqlite.exec(POLICIES_TABLE);
      const sql = 'SELECT version, hash FROM cloudsync_server_policies ORDER BY version DESC LIMIT 1';
      const newest = sqlite.prepare<[], { version: number; hash: string }>(sql).get();
      if (newest?.hash === hash) return newest.version;
      const add = sqlite.prepare('INSERT INTO cloudsync_server_policies VALUES (?, ?, ?, ?)');
      const version = (newest?.version ?? 0) + 1;
      add.run(version, text, hash, now);
      return version;
    })
    .immediate();
}
