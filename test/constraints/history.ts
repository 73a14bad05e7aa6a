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
  constructor(private readonly random: () => number) {}

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
  if (dice.chance(0.6)) {
    for (let i = 1 + dice.below(3); i > 0; i--) {
      const statements = [insert(dice, dice.pick(tablesOf(kind, 0)), '')];
      steps.push({ step: 'edit', at: 0, statements });
    }
    steps.push({ step: 'share', from: 0 });
  }
  for (let edits = 4 + dice.below(9); edits > 0; ) {
    const kindOfStep = dice.below(20);
    if (kindOfStep < 10) edits--;
    steps.push(someStep(dice, kind, kindOfStep));
  }
  return { seed, replicas, ending: dice.chance(0.5) ? 'everything' : 'deltas', steps };
}

function someStep(dice: Dice, kind: Kind, kindOfStep: number): Step {
  const position = () => (dice.chance(0.4) ? 0 : dice.below(8));
  const shuffle = () => (dice.chance(0.3) ? dice.below(1000) : undefined);
  const replica = () => dice.below(12);
  if (kindOfStep < 10) {
    const at = replica();
    const count = dice.chance(0.15) ? 2 : 1;
    const statements = Array.from({ length: count }, () => someEdit(dice, dice.pick(tablesOf(kind, at % 3))));
    return { step: 'edit', at, statements };
  }
  if (kindOfStep < 15)
    return { step: 'send', from: replica(), to: replica(), position: position(), shuffle: shuffle() };
  if (kindOfStep < 16) return { step: 'pack', from: replica(), position: position() };
  if (kindOfStep < 19) return { step: 'deliver', payload: dice.below(12), to: replica(), shuffle: shuffle() };
  return { step: 'read', at: replica() };
}

function someEdit(dice: Dice, table: KindTable): string {
  const { name, keyColumns, columns } = table.rules;
  const kindOfEdit = dice.below(20);
  const where = () => whereKey(dice, table);
  const conflict = dice.pick(['', '', '', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE']);
  if (kindOfEdit < 8) return insert(dice, table, conflict);
  if (kindOfEdit < 10) {
    const updates = [...columns.keys()].filter(() => dice.chance(0.6));
    const assignments = updates.map((column) => `${column} = excluded.${column}`).join(', ');
    const target = `ON CONFLICT(${keyColumns.join(', ')})`;
    return `${insert(dice, table, '')} ${target} DO ${assignments ? `UPDATE SET ${assignments}` : 'NOTHING'}`;
  }
  if (kindOfEdit < 15 && columns.size > 0) {
    const chosen = new Set([dice.pick([...columns.keys()]), dice.pick([...columns.keys()])]);
    return `UPDATE ${conflict} ${name} SET ${assign(dice, table, [...chosen])} WHERE ${where()}`;
  }
  if (kindOfEdit < 17)
    return `UPDATE ${conflict} ${name} SET ${assign(dice, table, [dice.pick(keyColumns)])} WHERE ${where()}`;
  return `DELETE FROM ${name} WHERE ${where()}`;
}

function insert(dice: Dice, table: KindTable, conflict: string): string {
  const { name, keyColumns, columns } = table.rules;
  const names = [...keyColumns, ...columns.keys()];
  const values = names.map((column) => literal(dice, table, column));
  return `INSERT ${conflict} INTO ${name}(${names.join(', ')}) VALUES(${values.join(', ')})`;
}

function assign(dice: Dice, table: KindTable, columns: readonly string[]): string {
  return columns.map((column) => `${column} = ${literal(dice, table, column)}`).join(', ');
}

function whereKey(dice: Dice, table: KindTable): string {
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
