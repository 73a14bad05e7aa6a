/** Kinds of foreign keys: every action, immediate and deferred, and every form of reference. */
import type { Action, Reference } from '../model/constraints.js';
import { text } from '../packet/value.js';
import { type Kind, type KindTable, type RuleOptions, rules } from './kind.js';

export const ACTIONS: readonly Action[] = ['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT'];
const PARENTS = ["'p'", "'q'", "'r'"];
const CHILDREN = ["'c'", "'d'", "'e'"];
const WORDS = ["'x'", "'y'", "'z'"];

interface Clause {
  onDelete: Action;
  onUpdate?: Action;
  deferred?: boolean;
}

/** The SQL of a reference, after the columns that refer. */
function references(parent: string, { onDelete, onUpdate = 'NO ACTION', deferred = false }: Clause): string {
  const actions = `ON DELETE ${onDelete} ON UPDATE ${onUpdate}`;
  return `REFERENCES ${parent} ${actions}${deferred ? ' DEFERRABLE INITIALLY DEFERRED' : ''}`;
}

function reference(columns: string[], parent: string, parentColumns: string[], onDelete: Action): Reference {
  return { columns, parent, parentColumns, onDelete };
}

const PARENT: KindTable = {
  create: ['CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, note TEXT)'],
  rules: rules('parent', ['id'], ['note']),
  domain: { id: PARENTS, note: WORDS },
};

/** `parent` and `child`; the default of the reference is a parent that may be there or not. */
export function parentAndChild(clause: Clause, foreignKeys: Kind['foreignKeys']): Kind {
  const { onDelete, onUpdate = 'NO ACTION', deferred = false } = clause;
  const how = `${onDelete}, ON UPDATE ${onUpdate}, ${deferred ? 'deferred' : 'immediate'}`;
  return {
    name: `ON DELETE ${how}, foreign_keys ${foreignKeys}`,
    foreignKeys: foreignKeys ?? 'off',
    tables: [
      PARENT,
      {
        create: [
          `CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
             parent TEXT DEFAULT 'r' ${references('parent(id)', clause)}, note TEXT)`,
        ],
        rules: rules('child', ['id'], ['parent', 'note'], {
          fallbacks: { parent: text('r') },
          references: [reference(['parent'], 'parent', ['id'], onDelete)],
        }),
        domain: { id: CHILDREN, parent: [...PARENTS, 'NULL'], note: WORDS },
      },
    ],
  };
}

/** All combinations with one action ON DELETE. */
export function actionKinds(onDelete: Action): Kind[] {
  return ACTIONS.flatMap((onUpdate) =>
    [false, true].flatMap((deferred) =>
      (['on', 'off', 'mixed'] as const).map((mode) => parentAndChild({ onDelete, onUpdate, deferred }, mode)),
    ),
  );
}

/** A reference to a UNIQUE column, which a merge can change. */
function uniqueParent(clause: Clause): Kind {
  const { onDelete, onUpdate = 'NO ACTION' } = clause;
  return {
    name: `reference to a UNIQUE column, ON DELETE ${onDelete}, ON UPDATE ${onUpdate}`,
    foreignKeys: 'on',
    tables: [
      {
        create: ['CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, code TEXT UNIQUE, note TEXT)'],
        rules: rules('parent', ['id'], ['code', 'note'], { uniqueKeys: [{ columns: ['code'] }] }),
        domain: { id: PARENTS, code: [...WORDS, 'NULL'], note: WORDS },
      },
      {
        create: [
          `CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
             parent TEXT DEFAULT 'z' ${references('parent(code)', clause)}, note TEXT)`,
        ],
        rules: rules('child', ['id'], ['parent', 'note'], {
          fallbacks: { parent: text('z') },
          references: [reference(['parent'], 'parent', ['code'], onDelete)],
        }),
        domain: { id: CHILDREN, parent: [...WORDS, 'NULL'], note: WORDS },
      },
    ],
  };
}

function compositeKeys(onDelete: Action): Kind {
  const clause = references('parent(tenant, id)', { onDelete, onUpdate: 'CASCADE' });
  return {
    name: `composite keys, ON DELETE ${onDelete}`,
    foreignKeys: 'on',
    tables: [
      {
        create: [
          'CREATE TABLE parent(tenant TEXT NOT NULL, id TEXT NOT NULL, note TEXT, PRIMARY KEY(tenant, id))',
        ],
        rules: rules('parent', ['tenant', 'id'], ['note']),
        domain: { tenant: ["'t'", "'u'"], id: ["'p'", "'q'"], note: WORDS },
      },
      {
        create: [
          `CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL, tenant TEXT, parent TEXT,
             FOREIGN KEY(tenant, parent) ${clause})`,
        ],
        rules: rules('child', ['id'], ['tenant', 'parent'], {
          references: [reference(['tenant', 'parent'], 'parent', ['tenant', 'id'], onDelete)],
        }),
        domain: { id: CHILDREN, tenant: ["'t'", "'u'", 'NULL'], parent: ["'p'", "'q'"] },
      },
    ],
  };
}

/** A table that refers to itself. */
export function tree(clause: Clause, options: RuleOptions = {}, column = 'name TEXT'): Kind {
  const own = [reference(['parent'], 'node', ['id'], clause.onDelete)];
  return {
    name: `${column === 'name TEXT' ? '' : `${column}, `}self-reference, ON DELETE ${clause.onDelete}`,
    foreignKeys: 'on',
    start: [
      ["INSERT INTO node VALUES('p', NULL, 'x'), ('q', 'p', 'y')"],
      ["UPDATE node SET parent = 'q' WHERE id = 'p'"],
    ],
    tables: [
      {
        create: [
          `CREATE TABLE node(id TEXT PRIMARY KEY NOT NULL,
             parent TEXT ${references('node(id)', clause)}, ${column})`,
        ],
        rules: rules('node', ['id'], ['parent', 'name'], { ...options, references: own }),
        plainUpdates: true,
        domain: { id: [...PARENTS, "'s'"], parent: [...PARENTS, "'s'", 'NULL'], name: WORDS },
      },
    ],
  };
}

/** Two tables that refer to each other. */
function cycle(onDelete: Action): Kind {
  const half = (name: string, other: string, keys: string[], others: string[]): KindTable => ({
    create: [
      `CREATE TABLE ${name}(id TEXT PRIMARY KEY NOT NULL, other TEXT
         ${references(`${other}(id)`, { onDelete, deferred: true })}, note TEXT)`,
    ],
    rules: rules(name, ['id'], ['other', 'note'], {
      references: [reference(['other'], other, ['id'], onDelete)],
    }),
    domain: { id: keys, other: [...others, 'NULL'], note: WORDS },
    plainUpdates: true,
  });
  return {
    name: `cycle of two tables, ON DELETE ${onDelete}`,
    foreignKeys: 'on',
    start: [["INSERT INTO husband VALUES('p', 'c', 'x')", "INSERT INTO wife VALUES('c', 'p', 'x')"]],
    tables: [half('husband', 'wife', PARENTS, CHILDREN), half('wife', 'husband', CHILDREN, PARENTS)],
  };
}

function threeLevels(onDelete: Action): Kind {
  const { tables } = parentAndChild({ onDelete }, 'on');
  return {
    name: `grandchildren, ON DELETE ${onDelete}`,
    foreignKeys: 'on',
    tables: [
      ...tables,
      {
        create: [
          `CREATE TABLE grandchild(id TEXT PRIMARY KEY NOT NULL, child TEXT
             ${references('child(id)', { onDelete, onUpdate: 'CASCADE' })}, note TEXT)`,
        ],
        rules: rules('grandchild', ['id'], ['child', 'note'], {
          references: [reference(['child'], 'child', ['id'], onDelete)],
        }),
        domain: { id: ["'g'", "'h'"], child: [...CHILDREN, 'NULL'], note: WORDS },
      },
    ],
  };
}

/** A table whose key refers to two parents. */
function junction(onDelete: Action): Kind {
  const clause = { onDelete, onUpdate: 'CASCADE' } as const;
  return {
    name: `junction table, ON DELETE ${onDelete}`,
    foreignKeys: 'on',
    tables: [
      PARENT,
      {
        create: ['CREATE TABLE tag(id TEXT PRIMARY KEY NOT NULL, note TEXT)'],
        rules: rules('tag', ['id'], ['note']),
        domain: { id: CHILDREN, note: WORDS },
      },
      {
        create: [
          `CREATE TABLE tagged(parent TEXT NOT NULL ${references('parent(id)', clause)},
             tag TEXT NOT NULL ${references('tag(id)', clause)}, PRIMARY KEY(parent, tag))`,
        ],
        rules: rules('tagged', ['parent', 'tag'], [], {
          references: [
            reference(['parent'], 'parent', ['id'], onDelete),
            reference(['tag'], 'tag', ['id'], onDelete),
          ],
        }),
        domain: { parent: PARENTS, tag: CHILDREN },
      },
    ],
  };
}

/** SET NULL on a column that must not be NULL: the action itself is refused. */
function impossibleAction(): Kind {
  const { tables } = parentAndChild({ onDelete: 'SET NULL' }, 'on');
  return {
    name: 'ON DELETE SET NULL on a NOT NULL column',
    foreignKeys: 'on',
    tables: [
      tables[0] as KindTable,
      {
        create: [
          `CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
             parent TEXT NOT NULL ${references('parent(id)', { onDelete: 'SET NULL' })}, note TEXT)`,
        ],
        rules: rules('child', ['id'], ['parent', 'note'], {
          accepts: (row) => row('parent').type !== 'null',
          references: [reference(['parent'], 'parent', ['id'], 'SET NULL')],
        }),
        domain: { id: CHILDREN, parent: PARENTS, note: WORDS },
      },
    ],
  };
}

export const REFERENCE_KINDS: readonly Kind[] = [
  ...ACTIONS.map((onDelete) => tree({ onDelete })),
  ...ACTIONS.map(cycle),
  ...ACTIONS.map(compositeKeys),
  ...ACTIONS.map((onUpdate) => uniqueParent({ onDelete: 'CASCADE', onUpdate })),
  uniqueParent({ onDelete: 'SET NULL', onUpdate: 'CASCADE' }),
  uniqueParent({ onDelete: 'RESTRICT', onUpdate: 'CASCADE' }),
  threeLevels('CASCADE'),
  threeLevels('NO ACTION'),
  threeLevels('SET DEFAULT'),
  junction('CASCADE'),
  junction('RESTRICT'),
  junction('SET NULL'),
  impossibleAction(),
  { ...parentAndChild({ onDelete: 'CASCADE' }, 'on'), name: 'CASCADE, aws', algorithm: 'aws' },
  { ...parentAndChild({ onDelete: 'NO ACTION' }, 'on'), name: 'NO ACTION, aws', algorithm: 'aws' },
  { ...parentAndChild({ onDelete: 'CASCADE' }, 'on'), name: 'CASCADE, dws', algorithm: 'dws' },
  { ...parentAndChild({ onDelete: 'NO ACTION' }, 'on'), name: 'NO ACTION, dws', algorithm: 'dws' },
  { ...parentAndChild({ onDelete: 'SET NULL' }, 'on'), name: 'SET NULL, dws', algorithm: 'dws' },
];
