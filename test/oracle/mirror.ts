/**
 * mirror.ts: what the server must have, in a database of our own without any extension, and what the policies mean for
 * it: SQLite evaluates the original expressions over whole tables. Nothing here knows scopes, clocks or packets.
 */
import Database from 'better-sqlite3';
import { type Content, changedPlaces, contentOf, type Row } from '../sim/truth.js';
import type { Claims } from './people.js';
import type { Meaning, Policies } from './policies.js';
import type { OracleTable } from './schema.js';

/** What a batch makes of rows; `isForged`: with cells of devices of others, which may not come in at all. */
export type Images = Map<string, { table: OracleTable; row: Row | undefined; isForged: boolean }>;

const EXTRACT = new Database(':memory:')
  .prepare<[string, string], unknown>('SELECT json_extract(?, ?)')
  .pluck()
  .safeIntegers();

export class Mirror {
  /** Every row of the server; what is there is also in the tables. */
  content: Content = new Map();
  readonly #db = new Database(':memory:');
  readonly #tables: readonly OracleTable[];
  #claims: Claims = { sub: '' };
  #meanings: ReadonlyMap<OracleTable, Meaning> | undefined;

  constructor(tables: readonly OracleTable[]) {
    this.#tables = tables;
    const db = this.#db;
    db.defaultSafeIntegers(true);
    const functions = { deterministic: true };
    db.function('auth_userid', functions, () => this.#claims.sub);
    db.function('auth_role', functions, () => this.#claims.role ?? 'user');
    db.function('auth_json', functions, () => JSON.stringify(this.#claims));
    db.function('auth_claim', functions, (path) => EXTRACT.get(JSON.stringify(this.#claims), `${path}`));
    for (const { name, create } of tables) {
      db.exec(create);
      // An image is a row by itself: its key is as good as any other column.
      for (const side of ['old', 'new']) db.exec(create.replace(` ${name}(`, ` ${side}_${name}(`));
    }
  }

  close(): void {
    this.#db.close();
  }

  /** What is in force from now on; undefined = nothing was ever deployed. */
  setPolicies(policies: Policies | undefined): void {
    this.#meanings = policies && new Map(this.#tables.map((table) => [table, policies.meaning(table)]));
  }

  /** Whether policies have been deployed: else everybody sees and may do everything. */
  get hasPolicies(): boolean {
    return this.#meanings !== undefined;
  }

  /** Becomes like the server. */
  replace(content: Content): void {
    for (const place of changedPlaces(this.content, content)) {
      const row = content.get(place);
      const table = this.#tableOf(place);
      this.#forget(table.name, table, this.content.get(place));
      this.#put(table.name, row);
    }
    this.content = content;
  }

  /** The rows that a user sees; all of them without claims. */
  visible(claims: Claims | undefined): Content {
    if (claims === undefined || this.#meanings === undefined) return this.content;
    this.#claims = claims;
    return contentOf(this.#db, this.#tables, (table) => this.#meaning(table).visible);
  }

  /**
   * Judges changed rows as a batch: each on the state before; then those that were denied again on what the accepted
   * ones made of it, as long as that helps. Returns the denied ones; what is accepted is in the mirror afterwards.
   */
  judge(claims: Claims, images: Images): Set<string> {
    this.#claims = claims;
    const content = new Map(this.content);
    let left = [...images.keys()];
    for (;;) {
      const accepted = left.filter((place) => this.#allows(place, images, content));
      for (const place of accepted) {
        const row = images.get(place)?.row;
        this.#forget(this.#tableOf(place).name, this.#tableOf(place), content.get(place));
        this.#put(this.#tableOf(place).name, row);
        if (row === undefined) content.delete(place);
        else content.set(place, row);
      }
      left = left.filter((place) => !accepted.includes(place));
      if (accepted.length === 0 || left.length === 0) break;
    }
    this.content = content;
    return new Set(left);
  }

  #allows(place: string, images: Images, content: Content): boolean {
    const table = this.#tableOf(place);
    if (images.get(place)?.isForged === true) return false;
    const [before, after] = [content.get(place), images.get(place)?.row];
    const meaning = this.#meaning(table);
    if (before === undefined && after === undefined) return true;
    const command = before === undefined ? 'insert' : after === undefined ? 'delete' : 'update';
    const expression = meaning[command];
    if (expression === undefined) return false;
    this.#db.exec(`DELETE FROM old_${table.name}; DELETE FROM new_${table.name}`);
    this.#put(`old_${table.name}`, before);
    this.#put(`new_${table.name}`, after);
    const from = [before && `old_${table.name} AS OLD`, after && `new_${table.name} AS NEW`].filter(Boolean);
    const sql = `SELECT count(*) FROM ${from.join(', ')} WHERE ${expression}`;
    return this.#db.prepare(sql).pluck().get() === 1n;
  }

  #meaning(table: OracleTable): Meaning {
    const meaning = this.#meanings?.get(table);
    if (meaning === undefined) throw new Error(`nothing is known about ${table.name}`);
    return meaning;
  }

  #tableOf(place: string): OracleTable {
    const name = place.slice(0, place.indexOf(' '));
    const table = this.#tables.find((each) => each.name === name);
    if (table === undefined) throw new Error(`there is no table ${name}`);
    return table;
  }

  #forget(name: string, { keys }: OracleTable, row: Row | undefined): void {
    if (row === undefined) return;
    this.#db.exec(
      `DELETE FROM ${name} WHERE ${keys.map((key) => `${key} IS ${row.get(key)}`).join(' AND ')}`,
    );
  }

  #put(name: string, row: Row | undefined): void {
    if (row === undefined) return;
    this.#db.exec(
      `INSERT INTO ${name}(${[...row.keys()].join(', ')}) VALUES (${[...row.values()].join(', ')})`,
    );
  }
}
