/**
 * disk.ts: the simulated disk (disk.h) for tests in TypeScript: a connection of its own on which its SQL functions are
 * called, so that it answers whatever happens to the connections under test.
 */
import Database from 'better-sqlite3';
import { buildSimulated } from './build.ts';

export class SimulatedDisk {
  readonly name: string;
  static #controller: Database.Database | undefined;

  constructor(name: string) {
    this.name = name;
    this.call('disk');
    this.call('reset');
  }

  /** Calls `simulated_<function>(name, ...rest)`. */
  call(name: string, ...rest: (string | number | bigint | Buffer | null)[]): unknown {
    const places = rest.map(() => ', ?').join('');
    const statement = SimulatedDisk.controller.prepare(`SELECT simulated_${name}(?${places})`).pluck();
    return statement.get(
      this.name,
      ...rest.map((each) => (Number.isInteger(each) ? BigInt(each as number) : each)),
    );
  }

  /** Opens a database on this disk. */
  open(path: string): Database.Database {
    this.call('disk_default');
    try {
      return new Database(path);
    } finally {
      SimulatedDisk.controller.prepare("SELECT simulated_disk_default('')").get();
    }
  }

  static get controller(): Database.Database {
    if (SimulatedDisk.#controller === undefined) {
      SimulatedDisk.#controller = new Database(':memory:');
      SimulatedDisk.#controller.loadExtension(buildSimulated());
    }
    return SimulatedDisk.#controller;
  }
}
