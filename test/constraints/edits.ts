/** Random edits of a table, as SQL: all kinds of writes and conflict clauses, on few keys and few values. */
import type { KindTable } from './kind.js';

/** Random choices, and which keys were inserted somewhere. */
export class Dice {
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

  shuffle<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, at: this.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

export function someEdit(dice: Dice, table: KindTable): string {
  const { name, keyColumns, columns } = table.rules;
  const kindOfEdit = dice.below(20);
  const where = () => whereKey(dice, table);
  const conflict = dice.pick(['', '', '', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE']);
  if (kindOfEdit < 6) return insert(dice, table, conflict);
  if (kindOfEdit < 8) {
    const updates = [...columns.keys()].filter(() => dice.chance(0.6));
    const assignments = updates.map((column) => `${column} = excluded.${column}`).join(', ');
    const target = `ON CONFLICT(${keyColumns.join(', ')})`;
    const action = assignments ? `UPDATE SET ${assignments}` : 'NOTHING';
    return `${insert(dice, table, '')} ${target} DO ${action}`;
  }
  const update = table.plainUpdates ? 'UPDATE' : `UPDATE ${conflict}`;
  if (kindOfEdit < 14 && columns.size > 0) {
    const chosen = new Set([dice.pick([...columns.keys()]), dice.pick([...columns.keys()])]);
    return `${update} ${name} SET ${assign(dice, table, [...chosen])} WHERE ${where()}`;
  }
  if (kindOfEdit < 16)
    return `${update} ${name} SET ${assign(dice, table, [dice.pick(keyColumns)])} WHERE ${where()}`;
  return `DELETE FROM ${name} WHERE ${where()}`;
}

/** @param given values of columns that are not random */
export function insert(
  dice: Dice,
  table: KindTable,
  conflict: string,
  given: ReadonlyMap<string, string> = new Map(),
): string {
  const { name, keyColumns, columns } = table.rules;
  const names = [...keyColumns, ...columns.keys()];
  const values = names.map((column) => given.get(column) ?? literal(dice, table, column));
  dice.note(name, keyColumns.map((column, i) => `${column} = ${values[i]}`).join(' AND '));
  return `INSERT ${conflict} INTO ${name}(${names.join(', ')}) VALUES(${values.join(', ')})`;
}

export function assign(dice: Dice, table: KindTable, columns: readonly string[]): string {
  return columns.map((column) => `${column} = ${literal(dice, table, column)}`).join(', ');
}

export function whereKey(dice: Dice, table: KindTable): string {
  const known = dice.noted(table.rules.name);
  if (known.length > 0 && dice.chance(0.85)) return dice.pick(known);
  return table.rules.keyColumns.map((column) => `${column} = ${literal(dice, table, column)}`).join(' AND ');
}

export function literal(dice: Dice, table: KindTable, column: string): string {
  const values = table.domain[column];
  if (!values) throw new Error(`${table.rules.name}.${column} has no values to choose from`);
  return dice.pick(values);
}
