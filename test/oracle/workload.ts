/**
 * workload.ts: what applications write: rows of others and their own, links to anything, and again and again the same
 * keys, also those of rows that the device cannot see. Each value of `note` is written once only.
 */
import type { Random } from '../sim/random.js';
import { organisation } from './grammar.js';
import type { Person } from './people.js';
import { type OracleColumn, type OracleTable, soleKey } from './schema.js';

const KINDS = {
  insert: 5,
  upsert: 2,
  updateOne: 6,
  updateLink: 3,
  updateMany: 1,
  updateKey: 0.5,
  delete: 2.5,
};

export class Workload {
  readonly #tables: readonly OracleTable[];
  readonly #people: readonly Person[];
  readonly #padding: string;
  readonly #random: Random;
  #notes = 0;

  constructor(tables: readonly OracleTable[], people: readonly Person[], padding: number, random: Random) {
    this.#tables = tables;
    this.#people = people;
    this.#padding = 'x'.repeat(padding);
    this.#random = random;
  }

  /** The statements of one transaction; `person` writes most rows as his own. */
  transaction(person: Person | undefined): string[] {
    const count = this.#random.chance(0.5) ? 1 : this.#random.between(2, 5);
    return Array.from({ length: count }, () => this.#statement(person));
  }

  #statement(person: Person | undefined): string {
    const random = this.#random;
    const table = random.pick(this.#tables);
    const { name, keys, columns } = table;
    const kind = random.weighted(KINDS);
    const insert = () => {
      const values = columns.map((column) => this.#value(column, table, person));
      return `INSERT INTO ${name}(${columns.map((column) => column.name).join(', ')}) VALUES (${values.join(', ')})`;
    };
    const set = (some: readonly OracleColumn[]) =>
      some.map((column) => `${column.name} = ${this.#value(column, table, person)}`).join(', ');
    const where = keys
      .map((key) => columns.find((column) => column.name === key) as OracleColumn)
      .map((column) => `${column.name} = ${this.#value(column, table, undefined)}`)
      .join(' AND ');
    const others = columns.filter((column) => !keys.includes(column.name));
    const note = others.filter(({ role }) => role === 'note');
    const one = [...note, random.pick(others)].filter((each, index, all) => all.indexOf(each) === index);
    const links = others.filter(({ role }) => role !== 'note');
    if (kind === 'insert') return `${insert()} ON CONFLICT DO NOTHING`;
    if (kind === 'upsert') return `${insert()} ON CONFLICT(${keys.join(', ')}) DO UPDATE SET ${set(one)}`;
    if (kind === 'delete') return `DELETE FROM ${name} WHERE ${where}`;
    if (kind === 'updateKey') {
      const key = random.pick(columns.filter((column) => keys.includes(column.name)));
      return `UPDATE ${name} SET ${set([key])} WHERE ${where}`;
    }
    if (kind === 'updateLink' && links.length > 0)
      return `UPDATE ${name} SET ${set([random.pick(links)])} WHERE ${where}`;
    if (kind === 'updateMany' && links.length > 0) {
      const link = random.pick(links);
      const value = this.#value(link, table, person);
      return `UPDATE ${name} SET ${set([random.pick(links)])} WHERE ${link.name} IS ${value}`;
    }
    return `UPDATE ${name} SET ${set(one)} WHERE ${where}`;
  }

  #value({ role, values }: OracleColumn, table: OracleTable, person: Person | undefined): string {
    const random = this.#random;
    switch (role) {
      case 'key':
        return random.pick(values);
      case 'parent': {
        const mayBeNull = !table.isList && soleKey(table) !== undefined;
        return mayBeNull && random.chance(0.15) ? 'NULL' : random.pick(values);
      }
      case 'owner':
        return this.#owner(table, person);
      case 'org':
        return organisation(random);
      case 'flag':
        return random.pick(['0', '1', '1', 'NULL']);
      case 'kind':
        return random.pick(["'r'", "'w'"]);
      case 'note':
        this.#notes += 1;
        return `'${this.#padding}m${this.#notes}'`;
    }
  }

  #owner(table: OracleTable, person: Person | undefined): string {
    const random = this.#random;
    if (!table.isList && random.chance(0.1)) return random.pick(['NULL', "'all'"]);
    const { sub } = person !== undefined && random.chance(0.6) ? person : random.pick(this.#people);
    return /^\d+$/.test(sub) && random.chance(0.3) ? sub : `'${sub}'`;
  }
}
