/**
 * real-schemas.test.ts: the chinook and northwind sample databases with their own key definitions, all tables
 * in one database: copied to an empty one, edited at random on both sides, and equal after every exchange,
 * row by row.
 *
 * The two files lie beside the repository, not in it; without them these tests are skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { useWorkspace } from '../end-to-end/workspace.js';
import {
  type Connection,
  dumpMetadata,
  dumpTable,
  heldChanges,
  initTable,
  openDatabase,
  quoted,
  single,
} from '../support/database.js';
import { LONG, propertyOptions } from '../support/random.js';
import { Editor } from './edits.js';
import { BY_FILE, BY_PAYLOAD, BY_SERVER, connect, type Exchange } from './exchanges.js';
import { randomNumbers } from './random-numbers.js';
import { readSchema, type SchemaTable, schemaSql } from './schema.js';

const FOLDER = join(import.meta.dirname, '../../../shared/data');
const FILES = ['chinook.sql', 'northwind.sql'].map((name) => join(FOLDER, name));
const TABLES = 24;
const ROWS = 18_917;
const EDITS = LONG ? 5_000 : 250;

const workspace = useWorkspace();
let databases = 0;
const opened: Connection[] = [];
let original: Buffer;
let empty: Buffer;
let tables: SchemaTable[];

function open(source: Buffer, foreignKeys: boolean): Connection {
  const db = openDatabase({ source, foreignKeys });
  opened.push(db);
  return db;
}

afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

function rowCount(db: Connection): number {
  return tables.reduce(
    (sum, { name }) => sum + Number(single(db, `SELECT count(*) FROM ${quoted(name)}`)),
    0,
  );
}

/** A database with both samples and one with their schema only, all tables tracked in each. */
function prepare(): void {
  const full = openDatabase();
  for (const file of FILES) full.exec(readFileSync(file, 'utf8'));
  full.pragma('foreign_keys = OFF');
  const bare = openDatabase();
  bare.exec(schemaSql(full));
  tables = readSchema(full);
  for (const db of [full, bare])
    for (const { name, hasIntegerKey } of tables) initTable(db, name, 'cls', hasIntegerKey);
  [original, empty] = [full.serialize(), bare.serialize()];
  full.close();
  bare.close();
}

/** Every row of every table, the metadata, and nothing held back. */
function expectEqual([first, ...others]: [Connection, ...Connection[]]): void {
  for (const other of others) {
    for (const { name } of tables)
      expect([name, dumpTable(other, name)]).toEqual([name, dumpTable(first, name)]);
    expect(dumpMetadata(other)).toEqual(dumpMetadata(first));
  }
  for (const db of [first, ...others]) {
    expect(heldChanges(db)).toEqual([]);
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  }
}

interface Case extends Exchange {
  foreignKeys: boolean;
}

const CASES: Case[] = [BY_PAYLOAD, BY_FILE, BY_SERVER].flatMap((exchange) =>
  [false, true].map((foreignKeys) => ({ ...exchange, foreignKeys })),
);

/** The full database and the empty one, connected to a new database of the server when they need it. */
function openPair(foreignKeys: boolean, needsServer: boolean): [Connection, Connection] {
  const pair: [Connection, Connection] = [open(original, foreignKeys), open(empty, foreignKeys)];
  if (needsServer) connect(pair, workspace.server, `sample${++databases}`);
  return pair;
}

describe.skipIf(!FILES.every((file) => existsSync(file)))('chinook and northwind', () => {
  beforeAll(prepare);

  test('a lone integer key is refused unless forced, every other table is not', () => {
    const db = openDatabase();
    opened.push(db);
    for (const file of FILES) db.exec(readFileSync(file, 'utf8'));
    const refused = tables.filter(({ name }) => {
      try {
        initTable(db, name);
        return false;
      } catch (error) {
        expect(String(error)).toMatch(/lone integer key/);
        return true;
      }
    });
    expect(refused).toEqual(tables.filter(({ hasIntegerKey }) => hasIntegerKey));
    expect(refused.length).toBe(17);
  });

  test.each(CASES)(
    'by $by, foreign_keys=$foreignKeys: copied to an empty database, equal after random edits on both sides',
    ({ by, exchange, needsServer, foreignKeys }) => {
      const { seed } = propertyOptions(`random edits by ${by}, foreign_keys=${foreignKeys}`, 1);
      const pair = openPair(foreignKeys, needsServer);
      expect([tables.length, ...pair.map(rowCount)]).toEqual([TABLES, ROWS, 0]);
      exchange(pair);
      expect(pair.map(rowCount)).toEqual([ROWS, ROWS]);
      expectEqual(pair);
      const editors = pair.map((db, i) => new Editor(db, tables, i + 1, randomNumbers(seed + i)));
      for (let round = 0; round < 2; round++) {
        for (const editor of editors) editor.edit(EDITS);
        exchange(pair);
        expectEqual(pair);
      }
      for (const { counts } of editors) expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
    },
  );
});
