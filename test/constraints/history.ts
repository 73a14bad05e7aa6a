/**
 * Random histories of a kind: a few edits on three or four replicas, and payloads that are delivered whole or row by
 * row, shuffled, late, twice, or never. A history is data, made from a seed, so that it can be made smaller.
 */
import { randomNumbers } from '../schemas/random-numbers.js';
import { type Kind, type KindTable, tablesOf } from './kind.js';

/** Replicas and payloads are numbers that wrap around. */
export type Step =
  /** Statements in one transaction. */
  | { step: 'edit'; at: number; statements: string[] }
  /** The application settles the first held row of a table, when there is one. */
  | { step: 'resolve'; at: number; table: string; column: string; value: string }
  /** Folds and reads what is there. */
  | { step: 'read'; at: number }
  /** Makes a payload, for later. `position` counts the sender's earlier reads; 0 = everything. */
  | { step: 'pack'; from: number; position: number }
  /** Makes a payload and delivers it; `shuffle`: row by row, in an order that this seed gives. */
  | { step: 'send'; from: number; to: number; position: number; shuffle: number | undefined }
  /** Delivers a payload that was made before, perhaps not for the first time. */
  | { step: 'deliver'; payload: number; to: number; shuffle: number | undefined }
  /** Everything to everybody. */
  | { step: 'share'; from: number };

export interface History {
  seed: number;
  replicas: number;
  /** At the end everything is exchanged again and again, or what is new since the last time. */
  ending: 'everything' | 'deltas';
  steps: Step[];
}

class Dice {
  /** Keys that were inserted somewhere, by table, as WHERE clauses: so that most edits meet a row. */
  private readonly inserted = new Map<string, string[]>();

  constructor(private readonly random: () => number) {}

  note(table: string, where: string): void {
    const known = this.noted(table);
    if (!known.includes(where)) this.inserted.set(table, [...known, where]);
  }

  noted(table: string): readonly string[] {
    return this.inserted.get(table) ?? [];
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

export function makeHistory(kind: Kind, seed: number): History {
  const dice = new Dice(randomNumbers(seed));
  const replicas = 3 + dice.below(2);
  const steps: Step[] = [];
  for (const statements of kind.start ?? []) {
    if (dice.chance(0.7)) steps.push({ step: 'edit', at: 0, statements });
  }
  if (dice.chance(0.8)) {
    // Rows that everybody has, parents first, so that edits meet from the beginning.
    const tables = tablesOf(kind, 0);
    const first = tables.length > 1 ? 2 : 1 + dice.below(2);
    for (const table of tables) {
      for (let i = 0; i < first; i++) {
        steps.push({ step: 'edit', at: 0, statements: [insert(dice, table, 'OR IGNORE')] });
      }
    }
    steps.push({ step: 'share', from: 0 });
  }
  // Everybody edits apart, then some of it travels; so most histories have writes that do not know of each other.
  for (let rounds = 1 + dice.below(2); rounds > 0; rounds--) {
    for (let at = 0; at < replicas; at++) {
      for (let edits = 1 + dice.below(2); edits > 0; edits--) steps.push(someWrite(dice, kind, at));
    }
    for (let travels = 2 + dice.below(5); travels > 0; travels--) steps.push(someTravel(dice));
  }
  return { seed, replicas, ending: dice.chance(0.5) ? 'everything' : 'deltas', steps };
}

function someWrite(dice: Dice, kind: Kind, at: number): Step {
  const tables = tablesOf(kind, at);
  if (dice.chance(0.08)) {
    const table = dice.pick(tables);
    const columns = [...table.rules.columns.keys()];
    const column = dice.pick(columns);
    if (columns.length > 0 && kind.algorithm !== 'gos')
      return { step: 'resolve', at, table: table.rules.name, column, value: literal(dice, table, column) };
  }
  const count = dice.chance(0.15) ? 2 : 1;
  const statements = Array.from({ length: count }, () => someEdit(dice, dice.pick(tables)));
  return { step: 'edit', at, statements };
}

function someTravel(dice: Dice): Step {
  const position = dice.chance(0.4) ? 0 : dice.below(8);
  const shuffle = dice.chance(0.3) ? dice.below(1000) : undefined;
  const from = dice.below(12);
  const to = from + 1 + dice.below(2);
  const kindOfStep = dice.below(10);
  if (kindOfStep < 5) return { step: 'send', from, to, position, shuffle };
  if (kindOfStep < 7) return { step: 'pack', from, position };
  if (kindOfStep < 9) return { step: 'deliver', payload: dice.below(12), to, shuffle };
  return { step: 'read', at: from };
}

function someEdit(dice: Dice, table: KindTable): string {
  const { name, keyColumns, columns } = table.rules;
  const kindOfEdit = dice.below(20);
  const where = () => whereKey(dice, table);
  const conflict = dice.pick(['', '', '', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE']);
  if (kindOfEdit < 6) return insert(dice, table, conflict);
  if (kindOfEdit < 8) {
    const updates = [...columns.keys()].filter(() => dice.chance(0.6));
    const assignments = updates.map((column) => `${column} = excluded.${column}`).join(', ');
    const target = `ON CONFLICT(${keyColumns.join(', ')})`;
    return `${insert(dice, table, '')} ${target} DO ${assignments ? `UPDATE SET ${assignments}` : 'NOTHING'}`;
  }
  if (kindOfEdit < 14 && columns.size > 0) {
    const chosen = new Set([dice.pick([...columns.keys()]), dice.pick([...columns.keys()])]);
    return `UPDATE ${conflict} ${name} SET ${assign(dice, table, [...chosen])} WHERE ${where()}`;
  }
  if (kindOfEdit < 16)
    return `UPDATE ${conflict} ${name} SET ${assign(dice, table, [dice.pick(keyColumns)])} WHERE ${where()}`;
  return `DELETE FROM ${name} WHERE ${where()}`;
}

function insert(dice: Dice, table: KindTable, conflict: string): string {
  const { name, keyColumns, columns } = table.rules;
  const names = [...keyColumns, ...columns.keys()];
  const values = names.map((column) => literal(dice, table, column));
  dice.note(name, keyColumns.map((column, i) => `${column} = ${values[i]}`).join(' AND '));
  return `INSERT ${conflict} INTO ${name}(${names.join(', ')}) VALUES(${values.join(', ')})`;
}

function assign(dice: Dice, table: KindTable, columns: readonly string[]): string {
  return columns.map((column) => `${column} = ${literal(dice, table, column)}`).join(', ');
}

function whereKey(dice: Dice, table: KindTable): string {
  const known = dice.noted(table.rules.name);
  if (known.length > 0 && dice.chance(0.85)) return dice.pick(known);
  return table.rules.keyColumns.map((column) => `${column} = ${literal(dice, table, column)}`).join(' AND ');
}

function literal(dice: Dice, table: KindTable, column: string): string {
  const values = table.domain[column];
  if (!values) throw new Error(`${table.rules.name}.${column} has no values to choose from`);
  return dice.pick(values);
}

/** A permutation that a seed gives. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = randomNumbers(seed);
  const order = items.map((item) => ({ item, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}
