/**
 * table-definition.ts: judges a published CREATE TABLE text before it touches a real database. First the
 * beginning of the text is read: it must be a plain CREATE TABLE with a column list (so no AS SELECT, which
 * could run any query for any time, and no view, trigger, virtual or temporary table). Then it runs in a
 * scratch database in memory, and what came to exist is compared with what was announced.
 */
import Database from 'better-sqlite3';
import { findTable, foldName, type RealTable } from './tables.js';

/** A definition that is refused, with the reason for the device's report. */
export class RefusedDefinition extends Error {}

const SPACE = /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y;
const KEYWORD = /[a-z]+/iy;
const NAME = /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|[a-z_$0-9\u0080-\uffff]+/iy;

const ALGORITHMS = ['cls', 'dws', 'aws', 'gos'];

/**
 * The name of a row algorithm by its number in packets.
 *
 * @throws RefusedDefinition when this server does not know it
 */
export function algorithmName(algorithm: number): string {
  const name = ALGORITHMS[algorithm];
  if (name === undefined)
    throw new RefusedDefinition(`this server does not know the row algorithm ${algorithm}`);
  return name;
}

/**
 * The table that a CREATE TABLE text defines.
 *
 * @param name the name that the text must define
 * @throws RefusedDefinition with the reason
 */
export function inspectDefinition(name: string, sql: string): RealTable {
  requireAllowedName(name);
  requirePlainCreateTable(sql);
  const scratch = new Database(':memory:');
  try {
    // `prepare` takes exactly one statement.
    scratch.prepare(sql).run();
    const made = scratch
      .prepare<[], { name: string; type: string }>(
        "SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all();
    const [only] = made;
    if (made.length !== 1 || only?.type !== 'table' || foldName(only.name) !== foldName(name)) {
      throw new RefusedDefinition(
        `the text defines ${made.map((item) => item.name).join(', ')}, not ${name}`,
      );
    }
    const table = findTable(scratch, name);
    if (table === undefined) throw new RefusedDefinition('the text defines no table');
    return table;
  } catch (error) {
    if (error instanceof Database.SqliteError || error instanceof RangeError) {
      throw new RefusedDefinition(error.message, { cause: error });
    }
    throw error;
  } finally {
    scratch.close();
  }
}

function requireAllowedName(name: string): void {
  const folded = foldName(name);
  const prefix = ['sqlite_', 'cloudsync_'].find((reserved) => folded.startsWith(reserved));
  if (prefix !== undefined) throw new RefusedDefinition(`names that begin with ${prefix} are reserved`);
  if (name === '' || name.includes('\0'))
    throw new RefusedDefinition('the name is empty or holds a NUL character');
}

function requirePlainCreateTable(sql: string): void {
  const scanner = new Scanner(sql);
  let isPlain = scanner.keyword() === 'create' && scanner.keyword() === 'table';
  if (isPlain && /^if$/i.test(scanner.peek(KEYWORD))) {
    isPlain = ['if', 'not', 'exists'].every((word) => scanner.keyword() === word);
  }
  isPlain = isPlain && scanner.take(NAME) !== '' && scanner.take(/\(/y) !== '';
  if (!isPlain) throw new RefusedDefinition('the text is no plain CREATE TABLE name(columns ...) statement');
}

/** Reads words from the beginning of an SQL text, passing over spaces and comments. */
class Scanner {
  readonly #sql: string;
  #offset = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  keyword(): string {
    return this.take(KEYWORD).toLowerCase();
  }

  take(pattern: RegExp): string {
    const text = this.peek(pattern);
    this.#offset += text.length;
    return text;
  }

  peek(pattern: RegExp): string {
    let space = this.#match(SPACE);
    while (space !== '') {
      this.#offset += space.length;
      space = this.#match(SPACE);
    }
    return this.#match(pattern);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#sql)?.[0] ?? '';
  }
}
