/**
 * grammar.ts: random SELECT policies, each with the expression that SQLite is asked instead: the same text, but where
 * the policy says VISIBLE(.., table), it has the whole query. The grammar knows what can be compiled and stays within
 * it; what is refused all the same (circles, collations, too many alternatives) is counted by the test.
 */
import type { Random } from '../sim/random.js';

export interface PolicyText {
  policy: string;
  oracle: string;
}

const COLUMNS = ['id', 'owner', 'fk1', 'fk2', 'flag'];
const TABLES = ['alpha', 'beta', 'gamma', 'delta'];
const CONSTANTS = ["'1'", "'a'", '1', '2', '1.5'];

function same(text: string): PolicyText {
  return { policy: text, oracle: text };
}

function both(left: PolicyText, word: string, right: PolicyText): PolicyText {
  return {
    policy: `(${left.policy} ${word} ${right.policy})`,
    oracle: `(${left.oracle} ${word} ${right.oracle})`,
  };
}

export class Grammar {
  readonly #random: Random;
  /** What the policies of the tables say that VISIBLE may name. */
  readonly #visible: ReadonlyMap<string, PolicyText>;
  #aliases = 0;

  constructor(random: Random, visible: ReadonlyMap<string, PolicyText>) {
    this.#random = random;
    this.#visible = visible;
  }

  /** @param row how the row's columns are called, with the dot */
  expression(row: string, depth: number): PolicyText {
    const kinds = { leaf: 5, and: depth, or: depth, query: 2 * depth, visible: depth, not: depth / 2 };
    switch (this.#random.weighted(kinds)) {
      case 'and':
        return both(this.expression(row, depth - 1), 'AND', this.expression(row, depth - 1));
      case 'or':
        return both(this.expression(row, depth - 1), 'OR', this.expression(row, depth - 1));
      case 'query':
        return this.#query(row, depth - 1);
      case 'visible':
        return this.#visibility(row);
      case 'not':
        return this.#negated(row);
      default:
        return same(this.#leaf(row));
    }
  }

  #leaf(row: string): string {
    const kind = this.#random.below(5);
    if (kind < 3) return this.#link(row);
    return kind === 3 ? this.#rowCondition(row) : this.#principalCondition();
  }

  #claim(): string {
    return this.#random.pick([
      'auth_userid()',
      'auth_userid()',
      "auth_claim('$.org')",
      "auth_claim('org')",
      "json_extract(auth_json(), '$.teams[0]')",
      'CAST(auth_userid() AS INTEGER)',
      'auth_role()',
    ]);
  }

  #column(row: string): string {
    return row + this.#random.pick(COLUMNS);
  }

  #link(row: string): string {
    const [column, claim] = [this.#column(row), this.#claim()];
    const teams = "json_each(auth_claim('$.teams'))";
    return this.#random.pick([
      `${column} = ${claim}`,
      `${claim} == ${column}`,
      `lower(${column}) = ${claim}`,
      `${column} IN (${claim}, ${this.#claim()})`,
      `${claim} IN (${column}, ${this.#column(row)})`,
      `${column} IN (SELECT value FROM ${teams})`,
      `EXISTS (SELECT 1 FROM ${teams} AS t WHERE t.value = ${column})`,
      `${claim} IN (SELECT value FROM json_each(${row}list))`,
      `(${column}, ${this.#column(row)}) = (${claim}, ${this.#claim()})`,
    ]);
  }

  #rowCondition(row: string): string {
    const [column, constant] = [this.#column(row), this.#random.pick(CONSTANTS)];
    return this.#random.pick([
      `${column} = ${constant}`,
      `${column} > ${constant}`,
      `${column} IS NOT NULL`,
      `${column} LIKE 'a%'`,
      `${row}flag`,
      `NOT (${column} = ${constant} OR ${this.#column(row)} IS NULL)`,
      `${column} BETWEEN 1 AND 'a'`,
      `CASE ${column} WHEN 1 THEN ${row}flag ELSE ${column} END`,
      `coalesce(${column}, ${this.#column(row)}) = ${constant}`,
      `json_extract(${row}list, '$[0]') = ${constant}`,
      'TRUE',
    ]);
  }

  #principalCondition(): string {
    const [claim, table] = [this.#claim(), this.#random.pick(TABLES)];
    return this.#random.pick([
      `${claim} IS NULL`,
      "auth_role() = 'boss'",
      `EXISTS (SELECT 1 FROM ${table} AS x WHERE x.owner = ${claim})`,
      `NOT EXISTS (SELECT 1 FROM ${table} AS x WHERE x.owner = ${claim})`,
      `${claim} NOT IN ('1', 'boss')`,
      `(SELECT count(*) FROM ${table} AS x WHERE x.fk1 = ${claim}) > 1`,
    ]);
  }

  #negated(row: string): PolicyText {
    const inner = this.#random.chance(0.5) ? this.#rowCondition(row) : this.#principalCondition();
    const word = this.#random.pick(['AND', 'OR']);
    return same(`NOT (${inner} ${word} NOT ${this.#rowCondition(row)})`);
  }

  /** A membership, a list of shares or a parent, by IN or EXISTS, of one table or two. */
  #query(row: string, depth: number): PolicyText {
    this.#aliases += 1;
    const [alias, second] = [`q${this.#aliases}`, `p${this.#aliases}`];
    const table = this.#random.pick(TABLES);
    const inner = this.expression(`${alias}.`, depth);
    const [column, own] = [this.#column(row), `${alias}.${this.#random.pick(COLUMNS)}`];
    const join = `${table} AS ${alias} JOIN ${this.#random.pick(TABLES)} AS ${second} ON ${second}.id = ${alias}.fk1`;
    const wrap = (before: string, behind: string): PolicyText => ({
      policy: `${before}${inner.policy}${behind}`,
      oracle: `${before}${inner.oracle}${behind}`,
    });
    switch (this.#random.below(6)) {
      case 0:
        return wrap(`${column} IN (SELECT id FROM ${table} AS ${alias} WHERE `, ')');
      case 1:
        return wrap(`${column} IN (SELECT ${own} FROM ${table} AS ${alias} WHERE `, ')');
      case 2:
        return wrap(`EXISTS (SELECT * FROM ${table} AS ${alias} WHERE ${own} = ${column} AND `, ')');
      case 3:
        return wrap(`EXISTS (SELECT 1 FROM ${table} AS ${alias} WHERE ${own} = ${row}id AND `, ')');
      case 4:
        return wrap(
          `EXISTS (SELECT 1 FROM ${join} WHERE ${column} = ${own} AND `,
          ` AND ${second}.owner = ${this.#claim()})`,
        );
      default:
        return wrap(
          `${column} IN (SELECT max(${own}) FROM ${table} AS ${alias} WHERE ${own} = ${this.#claim()} OR `,
          ')',
        );
    }
  }

  #visibility(row: string): PolicyText {
    const names = [...this.#visible.keys()];
    if (names.length === 0) return same(this.#link(row));
    const table = this.#random.pick(names);
    const column = this.#column(row);
    return {
      policy: `VISIBLE(${column}, ${table})`,
      oracle: `${column} IN (SELECT id FROM ${table} WHERE ${this.#visible.get(table)?.oracle})`,
    };
  }
}

/** All SELECT policies of a world, and for each table what they say together. */
export function somePolicies(random: Random): { text: string; oracles: Map<string, PolicyText> } {
  const oracles = new Map<string, PolicyText>();
  const statements: string[] = [];
  for (const table of TABLES) {
    if (random.chance(0.1)) {
      oracles.set(table, same('FALSE'));
      continue;
    }
    const grammar = new Grammar(random, oracles);
    const groups: string[][] = [[], []];
    for (let count = random.between(1, 3); count > 0; count -= 1) {
      const isRestrictive = (groups[0]?.length ?? 0) > 0 && random.chance(0.3);
      // Without an alias the row's columns have the table's name, as in the policy.
      const { policy, oracle } = grammar.expression(random.pick([`${table}.`, `${table}.`]), random.below(3));
      groups[isRestrictive ? 1 : 0]?.push(oracle);
      const mode = isRestrictive ? ' AS RESTRICTIVE' : '';
      const command = random.pick(['SELECT', 'SELECT', 'ALL']);
      statements.push(
        `CREATE POLICY p${statements.length} ON ${table}${mode} FOR ${command} USING (${policy});`,
      );
    }
    const [permissive = [], restrictive = []] = groups;
    oracles.set(table, same([`(${permissive.join(' OR ')})`, ...restrictive].join(' AND ')));
  }
  return { text: statements.join('\n'), oracles };
}
