/**
 * Random histories of a kind: a few edits on three or four replicas, and payloads that are delivered whole or row by
 * row, shuffled, late, twice, or never. A history is data, made from a seed, so that it can be made smaller.
 */
import { randomNumbers } from '../schemas/random-numbers.js';
import { someClash } from './clashes.js';
import { Dice, insert, literal, someEdit } from './edits.js';
import { type Kind, tablesOf } from './kind.js';
import type { Step } from './steps.js';

export interface History {
  seed: number;
  replicas: number;
  /** At the end everything is exchanged again and again, or what is new since the last time. */
  ending: 'everything' | 'deltas';
  steps: Step[];
}

export function makeHistory(kind: Kind, seed: number): History {
  const dice = new Dice(randomNumbers(seed));
  const replicas = 3 + dice.below(2);
  const steps: Step[] = [];
  for (const statements of kind.start ?? []) {
    if (dice.chance(0.7)) steps.push({ step: 'edit', at: 0, statements });
  }
  if (dice.chance(0.7)) {
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
      for (let edits = dice.below(3); edits > 0; edits--) steps.push(someWrite(dice, kind, at));
    }
    if (dice.chance(0.75)) steps.push(...someClash(dice, kind, replicas));
    for (let travels = 2 + dice.below(5); travels > 0; travels--) steps.push(someTravel(dice, kind));
  }
  return { seed, replicas, ending: dice.chance(0.5) ? 'everything' : 'deltas', steps };
}

function someWrite(dice: Dice, kind: Kind, at: number): Step {
  const tables = tablesOf(kind, at);
  const count = dice.chance(0.15) ? 2 : 1;
  const statements = Array.from({ length: count }, () => someEdit(dice, dice.pick(tables)));
  return { step: 'edit', at, statements };
}

function someTravel(dice: Dice, kind: Kind): Step {
  const position = dice.chance(0.4) ? 0 : dice.below(8);
  const shuffle = dice.chance(0.3) ? dice.below(1000) : undefined;
  const from = dice.below(12);
  const to = from + 1 + dice.below(2);
  const kindOfStep = dice.below(11);
  if (kindOfStep < 5) return { step: 'send', from, to, position, shuffle };
  if (kindOfStep < 7) return { step: 'pack', from, position };
  if (kindOfStep < 9) return { step: 'deliver', payload: dice.below(12), to, shuffle };
  const table = dice.pick(tablesOf(kind, 0));
  const columns = [...table.rules.columns.keys()];
  if (columns.length === 0 || kind.algorithm === 'gos' || dice.chance(0.3)) return { step: 'read', at: from };
  const column = dice.pick(columns);
  return { step: 'resolve', at: from, table: table.rules.name, column, value: literal(dice, table, column) };
}
