/**
 * schema.ts: the tables that histories work on. A name per kind of schema; which row algorithm a table has is drawn.
 */

export interface SimulatedTable {
  name: string;
  create: string;
  keys: readonly string[];
  columns: readonly string[];
  /** Columns that take keys of another table. */
  references?: Readonly<Record<string, string>>;
  /** Columns with few different values, because they are unique. */
  scarce?: readonly string[];
}

export interface Schema {
  tables: readonly SimulatedTable[];
  /** Which living rows stand in a table is decided by constraints, so rows may be held. */
  constrained: boolean;
}

const ITEMS: SimulatedTable = {
  name: 'items',
  create: "CREATE TABLE items(id TEXT PRIMARY KEY NOT NULL, a, b, c TEXT DEFAULT 'none')",
  keys: ['id'],
  columns: ['a', 'b', 'c'],
};

const PAIRS: SimulatedTable = {
  name: 'pairs',
  create: 'CREATE TABLE pairs(k TEXT NOT NULL, n TEXT NOT NULL, v, PRIMARY KEY(n, k)) WITHOUT ROWID',
  keys: ['n', 'k'],
  columns: ['v'],
};

const TAGS: SimulatedTable = {
  name: 'tags',
  create: 'CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL)',
  keys: ['id'],
  columns: [],
};

const USERS: SimulatedTable = {
  name: 'users',
  create: 'CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, name TEXT)',
  keys: ['id'],
  columns: ['email', 'name'],
  scarce: ['email'],
};

const LISTS: SimulatedTable = {
  name: 'lists',
  create: 'CREATE TABLE lists(id TEXT PRIMARY KEY NOT NULL, title TEXT)',
  keys: ['id'],
  columns: ['title'],
};

function todos(action: string): SimulatedTable {
  return {
    name: 'todos',
    create:
      'CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, text TEXT,' +
      ` list TEXT REFERENCES lists(id) ON DELETE ${action})`,
    keys: ['id'],
    columns: ['text', 'list'],
    references: { list: 'lists' },
  };
}

export const SCHEMAS = {
  items: { tables: [ITEMS], constrained: false },
  several: { tables: [ITEMS, PAIRS, TAGS], constrained: false },
  pairs: { tables: [PAIRS], constrained: false },
  unique: { tables: [USERS, TAGS], constrained: true },
  cascade: { tables: [LISTS, todos('CASCADE')], constrained: true },
  restrict: { tables: [LISTS, todos('RESTRICT')], constrained: true },
  setNull: { tables: [LISTS, todos('SET NULL')], constrained: true },
} satisfies Record<string, Schema>;

export type SchemaName = keyof typeof SCHEMAS;

export function schemaNamed(name: SchemaName): Schema {
  return SCHEMAS[name];
}
