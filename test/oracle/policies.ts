/**
 * policies.ts: draws the policies of a database, prints them, and says in plain SQL what they mean together: one
 * permissive policy must agree and all restrictive ones; without a permissive one everything is denied.
 */
import { Random } from '../sim/random.js';
import { always, type Condition, Grammar, same } from './grammar.js';
import { columnOf, type OracleTable } from './schema.js';

type Command = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'ALL';

interface Policy {
  isRestrictive: boolean;
  command: Command;
  using: Condition | undefined;
  check: Condition | undefined;
}

/** Plain SQL about a row as it was (OLD) and as it would be (NEW); undefined = denied. */
export interface Meaning {
  /** About a row of the table itself. */
  visible: string;
  insert: string | undefined;
  update: string | undefined;
  delete: string | undefined;
}

const NOTHING = '0';

/** The policies of all tables of a schema at some time. */
export class Policies {
  readonly #tables: readonly OracleTable[];
  readonly #byTable = new Map<OracleTable, readonly Policy[]>();

  private constructor(tables: readonly OracleTable[]) {
    this.#tables = tables;
  }

  /** Draws the policies of all tables, or of one with the others as they are in `former`. */
  static draw(tables: readonly OracleTable[], seed: number, only?: OracleTable, former?: Policies): Policies {
    const policies = new Policies(tables);
    const random = new Random(seed, 'policies');
    const grammar = new Grammar(tables, random);
    for (const table of tables) {
      const known = former === undefined ? undefined : former.#byTable.get(table);
      const keeps = only !== undefined && only !== table && known !== undefined;
      policies.#byTable.set(table, keeps ? known : drawTable(table, grammar, random));
    }
    return policies;
  }

  /** The file that is deployed. */
  text(): string {
    const lines = this.#tables.flatMap((table) =>
      (this.#byTable.get(table) ?? []).map((policy, index) => statement(table, policy, index)),
    );
    return `${lines.join('\n')}\n`;
  }

  meaning(table: OracleTable): Meaning {
    const using = (row: string) => (policy: Policy) => (policy.using ?? always()).plain(row, this.#visible);
    const check = (policy: Policy) => (policy.check ?? policy.using ?? always()).plain('NEW.', this.#visible);
    const before = this.#combined(table, 'UPDATE', using('OLD.'));
    const after = this.#combined(table, 'UPDATE', check);
    return {
      visible: this.#visible(table, `${table.name}.`),
      insert: this.#combined(table, 'INSERT', check),
      update: before === undefined || after === undefined ? undefined : `(${before}) AND (${after})`,
      delete: this.#combined(table, 'DELETE', using('OLD.')),
    };
  }

  readonly #visible = (table: OracleTable, row: string): string => {
    const text = ({ using }: Policy) => (using ?? always()).plain(row, this.#visible);
    return this.#combined(table, 'SELECT', text) ?? NOTHING;
  };

  #combined(table: OracleTable, command: Command, text: (policy: Policy) => string): string | undefined {
    const own = (this.#byTable.get(table) ?? []).filter(
      (policy) => policy.command === command || policy.command === 'ALL',
    );
    const permissive = own.filter(({ isRestrictive }) => !isRestrictive).map((policy) => `(${text(policy)})`);
    const restrictive = own.filter(({ isRestrictive }) => isRestrictive).map((policy) => `(${text(policy)})`);
    if (permissive.length === 0) return undefined;
    return [`(${permissive.join(' OR ')})`, ...restrictive].join(' AND ');
  }
}

function statement(table: OracleTable, policy: Policy, index: number): string {
  const { isRestrictive, command, using, check } = policy;
  const mode = isRestrictive ? ' AS RESTRICTIVE' : '';
  // For ALL, one text is about rows as they are, were and would be.
  const row = command === 'UPDATE' || command === 'DELETE' ? 'OLD.' : `${table.name}.`;
  const clauses = [
    using && ` USING (${using.policy(row)})`,
    check && ` WITH CHECK (${check.policy(command === 'ALL' ? `${table.name}.` : 'NEW.')})`,
  ];
  return `CREATE POLICY p${index} ON ${table.name}${mode} FOR ${command}${clauses.filter(Boolean).join('')};`;
}

function drawTable(table: OracleTable, grammar: Grammar, random: Random): Policy[] {
  if (random.chance(0.04)) return [];
  const policies: Policy[] = [];
  const add = (command: Command, using?: Condition, check?: Condition, isRestrictive = false) => {
    policies.push({ isRestrictive, command, using, check });
  };
  for (let left = random.pick([1, 1, 2]); left > 0; left--) add('SELECT', grammar.condition(table));
  if (random.chance(0.2)) add('SELECT', grammar.condition(table, 0), undefined, true);
  const regime = random.weighted({
    open: 3,
    all: 2,
    own: 2,
    giving: 1,
    keeping: 1,
    dropBox: 1,
    drawn: 4,
    none: 1,
  });
  if (regime === 'all') add('ALL', grammar.own(table), random.chance(0.3) ? always() : undefined);
  if (regime === 'open' || regime === 'dropBox') add('INSERT', undefined, always());
  if (regime === 'open') add('UPDATE', always(), random.chance(0.5) ? always() : undefined);
  if (regime === 'open') add('DELETE', always());
  if (regime === 'own' || regime === 'giving' || regime === 'keeping') {
    add('INSERT', undefined, random.chance(0.5) ? grammar.own(table) : always());
    add('DELETE', grammar.own(table));
  }
  if (regime === 'own') add('UPDATE', grammar.own(table));
  if (regime === 'giving') add('UPDATE', grammar.own(table), always());
  if (regime === 'keeping') add('UPDATE', always(), keeping(table));
  if (regime === 'drawn') {
    if (random.chance(0.9)) add('INSERT', undefined, grammar.writing(table));
    if (random.chance(0.9))
      add('UPDATE', grammar.writing(table), random.chance(0.5) ? grammar.writing(table) : undefined);
    if (random.chance(0.9)) add('DELETE', grammar.writing(table));
  }
  if (random.chance(0.15)) {
    const command = random.pick(['INSERT', 'UPDATE', 'DELETE'] as const);
    const condition = grammar.writing(table);
    add(
      command,
      command === 'INSERT' ? undefined : condition,
      command === 'INSERT' ? condition : undefined,
      true,
    );
  }
  return policies;
}

/** Who writes a row may not change whom it belongs to. */
function keeping(table: OracleTable): Condition {
  const name = (columnOf(table, 'owner') ?? columnOf(table, 'note'))?.name;
  return same((row) => `${row}${name} IS OLD.${name}`);
}
