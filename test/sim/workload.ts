/**
 * workload.ts: what applications write: statements of every kind on the tables of a history, on few keys. Values are
 * unique as a rule, so that a value tells which write it comes from.
 */
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import { type SimulatedTable, schemaNamed } from './schema.js';

const KINDS = {
  insert: 5,
  insertOrReplace: 2,
  insertOrIgnore: 1,
  upsert: 3,
  updateOne: 6,
  updateMany: 2,
  updateRows: 1,
  updateKey: 1,
  delete: 4,
  deleteRows: 0.5,
};

export class Workload {
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #tables: readonly SimulatedTable[];
  #values = 0;

  constructor(plan: Plan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#tables = schemaNamed(plan.schema).tables;
  }

  /** The statements of one transaction. */
  transaction(): string[] {
    const random = this.#random;
    const count = random.chance(0.6) ? 1 : random.between(2, 5);
    const statements = Array.from({ length: count }, () => this.#statement());
    if (random.chance(0.08)) {
      const at = random.below(count);
      statements.splice(at, 0, 'SAVEPOINT part');
      statements.push('ROLLBACK TO part', 'RELEASE part');
    }
    return statements;
  }

  #statement(): string {
    const random = this.#random;
    const table = random.pick(this.#tables);
    const { name, keys, columns } = table;
    const where = keys.map((key) => `${key} = ${this.#key(key, table)}`).join(' AND ');
    const all = [...keys, ...columns].join(', ');
    const row = () =>
      [
        ...keys.map((key) => this.#key(key, table)),
        ...columns.map((column) => this.#value(column, table)),
      ].join(', ');
    const set = (count: number) =>
      Array.from({ length: count }, () => random.pick(columns))
        .filter((column, index, list) => list.indexOf(column) === index)
        .map((column) => `${column} = ${this.#value(column, table)}`)
        .join(', ');
    const kind = random.weighted(KINDS);
    const hasColumns = columns.length > 0;
    const onConflict = hasColumns ? `DO UPDATE SET ${set(2)}` : 'DO NOTHING';
    if (kind === 'insertOrReplace') return `INSERT OR REPLACE INTO ${name}(${all}) VALUES (${row()})`;
    if (kind === 'insertOrIgnore') return `INSERT OR IGNORE INTO ${name}(${all}) VALUES (${row()})`;
    if (kind === 'upsert')
      return `INSERT INTO ${name}(${all}) VALUES (${row()}) ON CONFLICT(${keys.join(', ')}) ${onConflict}`;
    if (kind === 'delete') return `DELETE FROM ${name} WHERE ${where}`;
    if (kind === 'deleteRows')
      return `DELETE FROM ${name} WHERE ${keys[0]} < ${this.#key(keys[0] ?? '', table)}`;
    if (kind === 'updateKey')
      return `UPDATE ${name} SET ${keys[0]} = ${this.#key(keys[0] ?? '', table)} WHERE ${where}`;
    if (kind === 'insert' || !hasColumns) {
      // Sometimes only some columns: the others get their defaults.
      if (hasColumns && random.chance(0.2)) {
        const [column] = columns as [string];
        const values = [...keys.map((key) => this.#key(key, table)), this.#value(column, table)];
        return `INSERT INTO ${name}(${keys.join(', ')}, ${column}) VALUES (${values.join(', ')})`;
      }
      return `INSERT INTO ${name}(${all}) VALUES (${row()})`;
    }
    if (kind === 'updateRows')
      return `UPDATE ${name} SET ${set(1)} WHERE ${keys[0]} >= ${this.#key(keys[0] ?? '', table)}`;
    return `UPDATE ${name} SET ${set(kind === 'updateOne' ? 1 : 3)} WHERE ${where}`;
  }

  #key(column: string, table: SimulatedTable): string {
    const isSecond = table.keys.indexOf(column) === 1;
    return `'${isSecond ? 's' : 'k'}${this.#random.below(isSecond ? 3 : this.#plan.keys)}'`;
  }

  #value(column: string, table: SimulatedTable): string {
    const random = this.#random;
    if (table.references?.[column] !== undefined)
      return random.chance(0.1) ? 'NULL' : `'k${random.below(this.#plan.keys)}'`;
    if (table.scarce?.includes(column)) return random.chance(0.1) ? 'NULL' : `'e${random.below(4)}'`;
    this.#values += 1;
    const kind = random.below(20);
    if (kind === 0) return 'NULL';
    if (kind === 1) return `${this.#values}`;
    if (kind === 2) return `${this.#values}.5`;
    if (kind === 3) return `x'${this.#values.toString(16).padStart(8, '0')}'`;
    if (this.#plan.largeValues > 0 && random.chance(0.5))
      return `'v${this.#values}' || hex(zeroblob(${this.#plan.largeValues}))`;
    return `'v${this.#values}'`;
  }
}
