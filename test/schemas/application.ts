/**
 * application.ts: what a test needs to know of an application whose schema it runs: the tables, the work
 * that people do with it, and what its data must look like whatever the devices have exchanged so far.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Algorithm } from '../packet/packet.js';
import type { Connection } from '../support/database.js';
import type { Operator, Work } from './operator.js';

export interface Application {
  name: string;
  /** The statements that make tables, indexes, views and triggers. */
  schema: string;
  /** The tables to synchronise, parents first, with their row algorithm. */
  tables: ReadonlyMap<string, Algorithm>;
  /** A table that only work may fill: no merge and nothing held back or shown again adds a row to it. */
  journal?: string;
  /** What there is before the devices part. */
  begin(operator: Operator): void;
  works: readonly Work[];
  /**
   * Conditions of the application itself, on one device. Throws when one is broken.
   * @param complete everything has been exchanged; before, a receipt may have come without all of its lines
   */
  check(db: Connection, complete: boolean): void;
}

/** A schema that stands beside the tests as a file. */
export function readSchemaFile(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}
