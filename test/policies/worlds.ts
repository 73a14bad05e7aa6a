/**
 * worlds.ts: random schemas, rows and principals for the property of visibility. Values come from a small pool in
 * which many are equal under one affinity and different under another ('1', 1, 1.0, '01'), so that links meet and
 * confusions of types show.
 */
import type { Principal } from '../../src/server/principal.js';
import type { Random } from '../sim/random.js';
import { type Connection, initTable, openDatabase } from '../support/database.js';

export interface WorldTable {
  name: string;
  /** Without the key, which is `id`. */
  columns: string[];
}

/** Every table has these columns; `list` holds JSON. */
const COLUMNS = ['owner', 'fk1', 'fk2', 'flag', 'list'];
const TYPES = ['TEXT', 'TEXT', 'INTEGER', 'REAL', 'NUMERIC', '', 'BLOB'];
const POOL: readonly unknown[] = [
  '1',
  '2',
  '01',
  '1.0',
  'a',
  'b',
  'A',
  '',
  1n,
  2n,
  3n,
  1.5,
  1,
  2 ** 60,
  null,
];
/** As keys: few, so that references meet, and none is NULL. */
const KEYS: readonly unknown[] = ['1', '2', 'a', 'b', '01', 1n, 2n, 3n, 4n, 2 ** 60];

export interface World {
  db: Connection;
  tables: WorldTable[];
}

export function makeWorld(random: Random): World {
  const db = openDatabase();
  // As on the server.
  db.defaultSafeIntegers(false);
  const tables = ['alpha', 'beta', 'gamma', 'delta'].map((name) => ({ name, columns: COLUMNS }));
  for (const { name, columns } of tables) {
    const key = random.pick(['TEXT', 'TEXT', 'INT', 'NUMERIC', '']);
    const types = columns.map((column) => {
      const type = column === 'list' ? 'TEXT' : random.pick(TYPES);
      return `${column} ${type}${random.chance(0.05) ? ' COLLATE NOCASE' : ''}`;
    });
    // A column that is unique alone makes it a parent without being the key.
    if (random.chance(0.2)) types[1] += ' UNIQUE';
    db.exec(`CREATE TABLE ${name}(id ${key} PRIMARY KEY NOT NULL, ${types.join(', ')})`);
    initTable(db, name, 'cls', true);
  }
  for (let count = 0; count < 24; count += 1) putRow(random, db, random.pick(tables));
  return { db, tables };
}

/** Inserts a row, or another one in its place. */
export function putRow(random: Random, db: Connection, { name, columns }: WorldTable): void {
  const values = columns.map((column) => (column === 'list' ? someList(random) : random.pick(POOL)));
  const marks = values.map(() => '?').join(', ');
  db.prepare(`INSERT OR REPLACE INTO ${name} VALUES (?, ${marks})`).run(random.pick(KEYS), ...values);
}

export function changeRow(random: Random, world: World): void {
  const table = random.pick(world.tables);
  if (random.chance(0.4)) {
    putRow(random, world.db, table);
    return;
  }
  const key = random.pick(KEYS);
  if (random.chance(0.3)) {
    world.db.prepare(`DELETE FROM ${table.name} WHERE id = ?`).run(key);
    return;
  }
  const column = random.pick(table.columns.filter((name) => name !== 'list'));
  const update = `UPDATE OR REPLACE ${table.name} SET ${column} = ? WHERE id = ?`;
  world.db.prepare(update).run(random.pick(POOL), key);
}

function someList(random: Random): string | null {
  if (random.chance(0.2)) return null;
  const items = Array.from({ length: random.below(3) }, () => random.pick(['1', 'a', 1, 2, null, 1.5]));
  return JSON.stringify(items);
}

export function somePrincipal(random: Random): Principal {
  const claims: Record<string, unknown> = {};
  if (random.chance(0.9)) claims['sub'] = random.pick(['1', 'a', 'b', '2']);
  if (random.chance(0.6)) claims['org'] = random.pick(['1', 1, 'a', 1.5, true, null]);
  if (random.chance(0.6)) claims['teams'] = [random.pick(['1', 1, 'b']), random.pick([2, 'a', null])];
  if (random.chance(0.5)) claims['role'] = random.pick(['boss', 'clerk']);
  return { subject: 'issuer x', role: 'user', databases: '*', claims };
}
