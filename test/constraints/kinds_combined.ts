/** Kinds of tables where unique keys, foreign keys and rules of single rows meet. */
import type { Action, Reference } from '../model/constraints.js';
import { type Kind, type KindTable, rules } from './kind.js';
import { tree } from './kinds_references.js';

const PARENTS = ["'p'", "'q'", "'r'"];
const CHILDREN = ["'c'", "'d'", "'e'"];
const WORDS = ["'x'", "'y'"];

const toParent = (onDelete: Action): Reference => ({
  columns: ['parent'],
  parent: 'parent',
  parentColumns: ['id'],
  onDelete,
});

const UNIQUE_PARENT: KindTable = {
  create: ['CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, note TEXT)'],
  rules: rules('parent', ['id'], ['email', 'note'], { uniqueKeys: [{ columns: ['email'] }] }),
  domain: { id: PARENTS, email: WORDS, note: WORDS },
};

function child(onDelete: Action, nameType = 'TEXT'): KindTable {
  const isUnique = nameType !== 'TEXT';
  return {
    create: [
      `CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parent(id) ON DELETE ${onDelete},
         name TEXT${isUnique ? ', UNIQUE(parent, name)' : ''})`,
    ],
    rules: rules('child', ['id'], ['parent', 'name'], {
      references: [toParent(onDelete)],
      uniqueKeys: isUnique ? [{ columns: ['parent', 'name'] }] : [],
    }),
    domain: { id: CHILDREN, parent: [...PARENTS, 'NULL'], name: WORDS },
  };
}

const CHECKED_PARENT: KindTable = {
  create: [
    'CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, CHECK (low <= high))',
  ],
  rules: rules('parent', ['id'], ['low', 'high'], {
    accepts: (row) => {
      const [low, high] = [row('low'), row('high')];
      return low.type !== 'integer' || high.type !== 'integer' || low.integer <= high.integer;
    },
  }),
  domain: { id: PARENTS, low: ['1', '2', '3'], high: ['1', '2', '3'] },
};

const COMBINED_ACTIONS: readonly Action[] = ['CASCADE', 'NO ACTION', 'SET NULL'];

export const COMBINED_KINDS: readonly Kind[] = [
  ...COMBINED_ACTIONS.map((onDelete) => ({
    name: `a child of a row that a unique key holds, ON DELETE ${onDelete}`,
    foreignKeys: 'on' as const,
    tables: [UNIQUE_PARENT, child(onDelete)],
  })),
  {
    name: 'a child of a row that a unique key holds, foreign_keys mixed',
    foreignKeys: 'mixed',
    tables: [UNIQUE_PARENT, child('CASCADE')],
  },
  ...COMBINED_ACTIONS.map((onDelete) => ({
    name: `unique keys of parent and child, ON DELETE ${onDelete}`,
    foreignKeys: 'on' as const,
    tables: [UNIQUE_PARENT, child(onDelete, 'UNIQUE')],
  })),
  ...COMBINED_ACTIONS.map((onDelete) => ({
    name: `a child of a row that a CHECK holds, ON DELETE ${onDelete}`,
    foreignKeys: 'on' as const,
    tables: [CHECKED_PARENT, child(onDelete)],
  })),
  ...COMBINED_ACTIONS.map((onDelete) =>
    tree({ onDelete }, { uniqueKeys: [{ columns: ['name'] }] }, 'name TEXT UNIQUE'),
  ),
  {
    name: 'a child of a row that a unique key holds, aws',
    foreignKeys: 'on',
    algorithm: 'aws',
    tables: [UNIQUE_PARENT, child('CASCADE')],
  },
];
