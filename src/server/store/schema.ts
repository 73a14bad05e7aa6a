/**
 * schema.ts: publishing of table definitions: creates the tables of an application in the server's database,
 * and adds columns that an application got later. Each definition stands alone: one that is refused leaves
 * the others in force.
 */
import Database from 'better-sqlite3';
import { SyncError } from '../errors.js';
import { mayPublish, type Principal } from '../principal.js';
import type { SyncDatabase } from './database.js';
import { toPassingTrouble } from './sqlite-errors.js';
import type { Operations, TableDefinition } from './store.js';
import { algorithmName, inspectDefinition, RefusedDefinition } from './table-definition.js';
import {
  type Column,
  findTable,
  foldName,
  keyColumns,
  quoteName,
  type RealTable,
  tableWithMetadata,
} from './tables.js';

/** @throws SyncError forbidden when the principal may not publish, unknown_site, busy */
export function publishSchema(
  database: SyncDatabase,
  principal: Principal,
  input: Operations['schema']['input'],
): Operations['schema']['result'] {
  if (!mayPublish(principal)) {
    const remedy = 'use a key of role schema or admin, or let a device with such a key sync once';
    throw new SyncError('forbidden', `this key may not publish table definitions; ${remedy}`);
  }
  return database.sqlite
    .transaction(() => {
      database.requireSite(principal, input.site);
      const outcomes = input.definitions.map((definition) => ({
        name: definition.name,
        outcome: publishOne(database, definition),
      }));
      database.recordHead();
      return outcomes;
    })
    .immediate();
}

function publishOne(database: SyncDatabase, definition: TableDefinition): string {
  try {
    return database.sqlite.transaction(() => install(database, definition))();
  } catch (error) {
    const isReason = error instanceof RefusedDefinition || error instanceof Database.SqliteError;
    if (!isReason || toPassingTrouble(error, database.name) !== error) throw error;
    return `refused: ${error.message}`;
  }
}

function install(database: SyncDatabase, definition: TableDefinition): string {
  const algorithm = algorithmName(definition.algorithm);
  const wanted = inspectDefinition(definition.name, definition.sql);
  const owner = tableWithMetadata(database, definition.name);
  if (owner !== undefined) throw new RefusedDefinition(`the name is taken by the metadata of table ${owner}`);
  const existing = findTable(database, definition.name);
  if (existing === undefined) {
    database.sqlite.exec(definition.sql);
    track(database, definition.name, algorithm);
    return 'created';
  }
  const added = addColumns(database, existing, wanted);
  track(database, existing.name, algorithm);
  return added > 0 || !existing.isTracked ? 'altered' : 'unchanged';
}

function addColumns(database: SyncDatabase, existing: RealTable, wanted: RealTable): number {
  const [present, published] = [keyColumns(existing), keyColumns(wanted)];
  if (present.join('\0') !== published.join('\0')) {
    const keys = `(${present.join(', ')}) here, (${published.join(', ')}) in the definition`;
    throw new RefusedDefinition(`the primary key differs: ${keys}`);
  }
  const columns = new Map(existing.columns.map((column) => [foldName(column.name), column]));
  let added = 0;
  for (const column of wanted.columns) {
    const counterpart = columns.get(foldName(column.name));
    if (column.isGenerated) continue;
    if (counterpart?.isGenerated) {
      throw new RefusedDefinition(`column ${column.name} is generated here, so it cannot take values`);
    }
    if (counterpart !== undefined) continue;
    database.sqlite.exec(`ALTER TABLE ${quoteName(existing.name)} ADD COLUMN ${columnDefinition(column)}`);
    added += 1;
  }
  return added;
}

/** Type, NOT NULL and DEFAULT as published. A generated column is not synced, so it is not added. */
function columnDefinition(column: Column): string {
  const words = [quoteName(column.name), column.type];
  if (column.isNotNull) words.push('NOT NULL');
  if (column.defaultText !== null) {
    // A bare word (NULL, TRUE, CURRENT_TIMESTAMP) means something else inside parentheses.
    const isWord = /^[a-z_]+$/i.test(column.defaultText);
    words.push(isWord ? `DEFAULT ${column.defaultText}` : `DEFAULT (${column.defaultText})`);
  }
  return words.join(' ');
}

function track(database: SyncDatabase, name: string, algorithm: string): void {
  database.prepare<[string, string], unknown>('SELECT cloudsync_init(?, ?, 1)').get(name, algorithm);
}
