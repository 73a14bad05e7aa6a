/**
 * grammar.ts: draws conditions about the rows of a table, of the kinds that SELECT policies may have, and those that
 * only policies for writing may have. A condition is written twice: as a policy, and in plain SQL, where VISIBLE is
 * spelled out, so that SQLite itself can say what it means.
 */
import type { Random } from '../sim/random.js';
import { ORGANISATIONS } from './people.js';
import { columnOf, type OracleTable, soleKey } from './schema.js';

export interface Condition {
  /** @param row what stands before a column of the row: the table's name, OLD or NEW, and a dot */
  policy(row: string): string;
  plain(row: string, visible: VisibleText): string;
}

/** What the SELECT policies of a table say, in plain SQL; for VISIBLE. */
export type VisibleText = (table: OracleTable, row: string) => string;

type Part = (row: string) => string;

export class Grammar {
  readonly #tables: readonly OracleTable[];
  readonly #random: Random;
  #aliases = 0;

  constructor(tables: readonly OracleTable[], random: Random) {
    this.#tables = tables;
    this.#random = random;
  }

  /** A condition of a SELECT policy. */
  condition(table: OracleTable, depth = 2): Condition {
    const kind = this.#random.weighted({ one: 5, or: depth > 0 ? 3 : 0, and: depth > 0 ? 2 : 0 });
    if (kind === 'one') return this.#one(table);
    const parts = [this.condition(table, depth - 1), this.condition(table, depth - 1)] as const;
    return joined(kind === 'or' ? ' OR ' : ' AND ', parts);
  }

  /** The row's owner is who asks; where rows have no owner, anything. */
  own(table: OracleTable): Condition {
    const owner = columnOf(table, 'owner');
    return owner === undefined ? this.#one(table) : same((row) => `${row}${owner.name} = auth_userid()`);
  }

  #one(table: OracleTable): Condition {
    const random = this.#random;
    const kinds = { row: 2, principal: 1, claim: 4, member: 4, parent: 4 };
    const kind = random.weighted(kinds);
    if (kind === 'row') return this.#aboutRow(table);
    if (kind === 'principal') return this.#aboutPrincipal();
    const drawn =
      kind === 'claim' ? this.#claim(table) : kind === 'member' ? this.#member(table) : this.#parent(table);
    return drawn ?? this.#claim(table) ?? this.#aboutRow(table);
  }

  /** What only the row says; also the other way round. */
  #aboutRow(table: OracleTable): Condition {
    const [flag, org] = [columnOf(table, 'flag'), columnOf(table, 'org')];
    const parts: Part[] = [(row) => `substr(${row}note, -1) IN ('0', '2', '4', '6', '8')`];
    if (flag !== undefined) {
      parts.push(
        (row) => `${row}flag = 1`,
        (row) => `${row}flag IS NOT NULL`,
      );
    }
    if (org !== undefined) {
      parts.push(
        (row) => `${row}org IS NULL`,
        (row) => `${row}org < 2`,
      );
    }
    const part = this.#random.pick(parts);
    return this.#random.chance(0.2) ? same((row) => `NOT (${part(row)})`) : same(part);
  }

  #aboutPrincipal(): Condition {
    const random = this.#random;
    const lists = this.#tables.filter(({ isList }) => isList);
    if (lists.length > 0 && random.chance(0.3)) {
      const list = random.pick(lists);
      return same(() => `EXISTS (SELECT 1 FROM ${list.name} WHERE who = auth_userid() AND kind = 'w')`);
    }
    return same(
      random.pick<Part>([
        () => "auth_role() = 'boss'",
        () => "auth_claim('$.level') >= 2",
        () => "auth_userid() IN ('ann', '7')",
      ]),
    );
  }

  #claim(table: OracleTable): Condition | undefined {
    const random = this.#random;
    const [owner, org] = [columnOf(table, 'owner'), columnOf(table, 'org')];
    if (owner !== undefined && (org === undefined || random.chance(0.6))) {
      const name = owner.name;
      return same(
        random.pick<Part>([
          (row) => `${row}${name} = auth_userid()`,
          (row) => `auth_userid() = ${row}${name}`,
          (row) => `${row}${name} IN (auth_userid(), 'all')`,
        ]),
      );
    }
    if (org === undefined) return undefined;
    return same(
      random.pick<Part>([
        (row) => `${row}org = auth_claim('$.org')`,
        (row) => `${row}org IN (SELECT value FROM json_each(auth_json(), '$.teams'))`,
        (row) => `${row}org IN (1, 2) AND ${row}org = auth_claim('$.org')`,
      ]),
    );
  }

  /** Somebody belongs to what the row is, or to what it refers to. */
  #member(table: OracleTable): Condition | undefined {
    const random = this.#random;
    const places = this.#places(table).flatMap(({ column, target }) =>
      this.#tables
        .filter((list) => list.isList && list !== table && list.parent === target)
        .map((list) => ({ column, list })),
    );
    if (places.length === 0) return undefined;
    const { column, list } = random.pick(places);
    const alias = this.#alias();
    const kind = random.pick(['', '', ` AND ${alias}.kind = 'w'`]);
    const from = `${list.name} AS ${alias}`;
    const own = `${alias}.who = auth_userid()${kind}`;
    if (random.chance(0.5)) {
      return same((row) => `${row}${column} IN (SELECT ${alias}.what FROM ${from} WHERE ${own})`);
    }
    return same((row) => `EXISTS (SELECT 1 FROM ${from} WHERE ${alias}.what = ${row}${column} AND ${own})`);
  }

  /** The columns that say what the row is (its key) and what it refers to. */
  #places(table: OracleTable): { column: string; target: OracleTable }[] {
    const key = soleKey(table);
    const places = key === undefined ? [] : [{ column: key.name, target: table }];
    const parent = columnOf(table, 'parent');
    if (parent !== undefined && table.parent !== undefined)
      places.push({ column: parent.name, target: table.parent });
    return places;
  }

  /** Something about what the row refers to. */
  #parent(table: OracleTable): Condition | undefined {
    const column = columnOf(table, 'parent')?.name;
    const { parent } = table;
    const key = parent && soleKey(parent)?.name;
    if (column === undefined || parent === undefined || key === undefined) return undefined;
    if (this.#random.chance(0.5)) {
      return {
        policy: (row) => `VISIBLE(${row}${column}, ${parent.name})`,
        plain: (row, visible) => {
          const inner = visible(parent, `${parent.name}.`);
          return `${row}${column} IN (SELECT ${parent.name}.${key} FROM ${parent.name} WHERE ${inner})`;
        },
      };
    }
    const alias = this.#alias();
    const claim = this.#random.chance(0.7) ? this.#claim(parent) : undefined;
    const about = (claim ?? this.#aboutRow(parent)).policy(`${alias}.`);
    const from = `${parent.name} AS ${alias}`;
    if (this.#random.chance(0.5)) {
      return same((row) => `${row}${column} IN (SELECT ${alias}.${key} FROM ${from} WHERE ${about})`);
    }
    return same(
      (row) => `EXISTS (SELECT 1 FROM ${from} WHERE ${alias}.${key} = ${row}${column} AND ${about})`,
    );
  }

  /** A condition that only policies for writing may have. */
  writing(table: OracleTable): Condition {
    const random = this.#random;
    if (random.chance(0.6)) return this.condition(table, 1);
    const alias = this.#alias();
    const { name } = table;
    const limit = random.between(2, 5);
    return same(
      random.pick<Part>([
        (row) => `length(${row}note) > 2 AND unixepoch() > 1000`,
        () => `(SELECT count(*) FROM ${name} AS ${alias}) < ${limit}`,
        (row) => `NOT EXISTS (SELECT 1 FROM ${name} AS ${alias} WHERE ${alias}.note > ${row}note)`,
        (row) => `coalesce(${row}note, '') NOT LIKE '%3'`,
      ]),
    );
  }

  #alias(): string {
    this.#aliases += 1;
    return `x${this.#aliases}`;
  }
}

export function always(): Condition {
  return same(() => 'TRUE');
}

export function same(part: Part): Condition {
  return { policy: part, plain: part };
}

function joined(word: string, parts: readonly Condition[]): Condition {
  return {
    policy: (row) => parts.map((part) => `(${part.policy(row)})`).join(word),
    plain: (row, visible) => parts.map((part) => `(${part.plain(row, visible)})`).join(word),
  };
}

/** A value of a column about organisations, as an SQL literal. */
export function organisation(random: Random): string {
  const value = random.pick([...ORGANISATIONS, null]);
  if (value === null) return 'NULL';
  return typeof value === 'number' ? `${value}` : `'${value}'`;
}
