/**
 * Writes on two replicas that are likely to break a constraint together, though each is allowed by itself: random edits
 * alone seldom meet so.
 */
import type { TableRules } from '../model/constraints.js';
import { integer, NULL, text, type Value } from '../packet/value.js';
import { assign, type Dice, insert, literal, someEdit } from './edits.js';
import { type Kind, type KindTable, tablesOf } from './kind.js';
import type { Step } from './steps.js';

/** What everybody has, then what the one and the other write apart. */
type Clash = (dice: Dice, table: KindTable, kind: Kind) => [string[], string, string];

export function someClash(dice: Dice, kind: Kind, replicas: number): Step[] {
  const one = dice.below(replicas);
  const other = one + 1 + dice.below(replicas - 1);
  const tables = tablesOf(kind, 0);
  const constrained = tables.filter(({ rules }) => clashesOf(rules).length > 0);
  const table = dice.pick(constrained.length > 0 ? constrained : tables);
  const clash = constrained.length > 0 ? dice.pick(clashesOf(table.rules)) : anything;
  const [before, ...apart] = clash(dice, table, kind);
  const steps: Step[] = before.map((sql) => ({ step: 'edit', at: one, statements: [sql] }));
  if (before.length > 0 || dice.chance(0.3)) steps.push({ step: 'share', from: one });
  return [
    ...steps,
    { step: 'edit', at: one, statements: [apart[0]] },
    { step: 'edit', at: other, statements: [apart[1]] },
  ];
}

function clashesOf(rules: TableRules): Clash[] {
  return [
    ...(rules.uniqueKeys.length > 0 ? [sameUniqueValue] : []),
    ...(rules.references.length > 0 ? [parentGoes] : []),
    ...(rules.accepts ? [columnsApart] : []),
  ];
}

function anything(dice: Dice, table: KindTable): [string[], string, string] {
  return [[], someEdit(dice, table), someEdit(dice, table)];
}

/** Two rows with the same values in a unique key. */
function sameUniqueValue(dice: Dice, table: KindTable): [string[], string, string] {
  const { columns } = dice.pick(table.rules.uniqueKeys);
  const shared = new Map(columns.map((column) => [column, literal(dice, table, column)]));
  // The keys differ in a column that the unique key leaves free: with the same key it would be one row.
  const free = table.rules.keyColumns.find((column) => !shared.has(column));
  const values = dice.shuffle((free && table.domain[free]) || []);
  const write = (i: number) => {
    const given = free && values[i] !== undefined ? new Map([...shared, [free, values[i]]]) : shared;
    return insert(dice, table, dice.pick(['', 'OR REPLACE', 'OR REPLACE']), given);
  };
  return [[], write(0), write(1)];
}

/** A row goes while another one is made to refer to it. */
function parentGoes(dice: Dice, table: KindTable, kind: Kind): [string[], string, string] {
  const reference = dice.pick(table.rules.references);
  const parent = kind.tables.find(({ rules }) => rules.name === reference.parent) ?? table;
  const wanted = reference.parentColumns.map((column) => literal(dice, parent, column));
  const where = reference.parentColumns.map((column, i) => `${column} = ${wanted[i]}`).join(' AND ');
  const referred = new Map(reference.parentColumns.map((column, i) => [column, wanted[i] as string]));
  const referring = new Map(reference.columns.map((column, i) => [column, wanted[i] as string]));
  const changes = assign(dice, parent, [dice.pick(reference.parentColumns)]);
  const goes = dice.chance(0.8)
    ? `DELETE FROM ${reference.parent} WHERE ${where}`
    : `UPDATE ${reference.parent} SET ${changes} WHERE ${where}`;
  const before = dice.chance(0.7) ? [insert(dice, parent, 'OR IGNORE', referred)] : [];
  return [before, goes, insert(dice, table, dice.pick(['', 'OR REPLACE']), referring)];
}

const ATTEMPTS = 50;

/** Two columns of one row get values that the table takes one by one, but not both. */
function columnsApart(dice: Dice, table: KindTable, kind: Kind): [string[], string, string] {
  const { name, keyColumns, columns } = table.rules;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = new Map(
      [...keyColumns, ...columns.keys()].map((column) => [column, literal(dice, table, column)]),
    );
    const [first, second] = [dice.pick([...columns.keys()]), dice.pick([...columns.keys()])];
    const [one, other] = [literal(dice, table, first), literal(dice, table, second)];
    const accepts = (...changes: Array<[string, string]>) => accepted(table, new Map([...row, ...changes]));
    const isClash =
      accepts() &&
      accepts([first, one]) &&
      accepts([second, other]) &&
      !accepts([first, one], [second, other]);
    if (first === second || !isClash) continue;
    const where = keyColumns.map((column) => `${column} = ${row.get(column)}`).join(' AND ');
    const update = (column: string, value: string) =>
      `UPDATE ${name} SET ${column} = ${value} WHERE ${where}`;
    return [[insert(dice, table, 'OR REPLACE', row)], update(first, one), update(second, other)];
  }
  return anything(dice, dice.pick(kind.tables));
}

function accepted({ rules }: KindTable, row: ReadonlyMap<string, string>): boolean {
  return rules.accepts?.((column) => literalValue(row.get(column) ?? 'NULL')) ?? true;
}

/** The value of a literal of a domain. */
function literalValue(sql: string): Value {
  if (sql === 'NULL') return NULL;
  return sql.startsWith("'") ? text(sql.slice(1, -1)) : integer(Number(sql));
}
