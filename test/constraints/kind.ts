/**
 * A kind of constraint, for random histories: the SQL of its tables, the same rules said once more for the
 * reference model, and the few values that edits choose from (few, so that they meet).
 */
import type { Reference, TableRules, UniqueKey, Values } from '../model/constraints.js';
import type { Algorithm } from '../packet/packet.js';
import { NULL, type Value } from '../packet/value.js';
import type { Connection } from '../support/database.js';

export interface KindTable {
  /** CREATE TABLE, and indexes and triggers that belong to it. */
  create: readonly string[];
  rules: TableRules;
  /** For every column, key columns too, the SQL literals that edits use. */
  domain: Readonly<Record<string, readonly string[]>>;
  /**
   * No UPDATE OR REPLACE: where rows refer to each other in a circle, the action for the replaced row can remove or
   * change the row that is being updated. SQLite then leaves a broken reference, or no trigger tells what it replaced.
   */
  plainUpdates?: boolean;
}

export interface Kind {
  name: string;
  /** Parents before children. */
  tables: readonly KindTable[];
  algorithm?: Algorithm;
  /** PRAGMA foreign_keys; `mixed`: the last replica has it off, as a server does. */
  foreignKeys?: 'on' | 'off' | 'mixed';
  /** PRAGMA recursive_triggers. */
  recursiveTriggers?: boolean;
  /** Statements that are run before the tables are tracked. */
  prepare?: readonly string[];
  /** Transactions that give the first replica rows which random edits hardly ever make. */
  start?: readonly string[][];
  /** Replicas whose tables differ (older schema): their own descriptions. */
  tablesOf?: (replica: number) => readonly KindTable[];
  /** Something else that must be true of a database after every operation; throws when it is not. */
  invariant?: (db: Connection) => void;
}

export interface RuleOptions {
  fallbacks?: Readonly<Record<string, Value>>;
  accepts?: (row: Values) => boolean;
  uniqueKeys?: readonly UniqueKey[];
  references?: readonly Reference[];
}

/** Rules of a table, with what most tables do not have left out. */
export function rules(
  name: string,
  keyColumns: readonly string[],
  columns: readonly string[],
  options: RuleOptions = {},
): TableRules {
  const { fallbacks = {}, uniqueKeys = [], references = [], accepts } = options;
  return {
    name,
    keyColumns,
    columns: new Map(columns.map((column) => [column, fallbacks[column] ?? NULL])),
    uniqueKeys,
    references,
    ...(accepts ? { accepts } : {}),
  };
}

export function tablesOf(kind: Kind, replica: number): readonly KindTable[] {
  return kind.tablesOf?.(replica) ?? kind.tables;
}

export function enforcesForeignKeys(kind: Kind, replica: number, replicas: number): boolean {
  if (kind.foreignKeys === 'mixed') return replica < replicas - 1;
  return kind.foreignKeys === 'on';
}
