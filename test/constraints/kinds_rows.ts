/**
 * Kinds of rules that a row breaks by itself: CHECK, NOT NULL, types, RAISE; and tables that triggers of the
 * application derive from such rows.
 */
import type { Values } from '../model/constraints.js';
import { text, type Value } from '../packet/value.js';
import type { Connection } from '../support/database.js';
import { type Kind, type KindTable, type RuleOptions, rules } from './kind.js';

const KEYS = ["'a'", "'b'"];
const WORDS = ["'x'", "'y'", "'z'"];
const NUMBERS = ['1', '2', '3'];

function table(
  create: string[],
  columns: string[],
  domain: KindTable['domain'],
  options: RuleOptions,
): KindTable {
  return { create, rules: rules('t', ['id'], columns, options), domain: { id: KEYS, ...domain } };
}

/** True when a comparison of two integers is not false; NULL is not false. */
function isNotAbove(low: Value, high: Value): boolean {
  return low.type !== 'integer' || high.type !== 'integer' || low.integer <= high.integer;
}

const lowToHigh = (row: Values) => isNotAbove(row('low'), row('high'));
const rangeDomain = { low: NUMBERS, high: NUMBERS, note: WORDS };

const CHECK = table(
  ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, note TEXT, CHECK (low <= high))'],
  ['low', 'high', 'note'],
  rangeDomain,
  { accepts: lowToHigh },
);

const RAISE_CONDITION = "WHEN NEW.low > NEW.high BEGIN SELECT RAISE(ABORT, 'low above high'); END";

const NOTHING: RuleOptions = {};
const STRICT_COLUMNS = ['amount', 'note'];
const STRICT_DOMAIN = { amount: ['1', '2', "'many'", 'NULL'], note: WORDS };
const LOOSE_TABLES = [
  table(
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, amount INTEGER, note TEXT)'],
    STRICT_COLUMNS,
    STRICT_DOMAIN,
    NOTHING,
  ),
];
const STRICT_TABLES = [
  table(
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, amount INTEGER, note TEXT) STRICT'],
    STRICT_COLUMNS,
    STRICT_DOMAIN,
    { accepts: (row) => row('amount').type !== 'text' },
  ),
];

const MIRROR = 'CREATE TABLE mirror(id TEXT, email TEXT, low INTEGER, high INTEGER)';

/** The table that triggers keep must be equal to the one that it is derived from. */
function expectMirror(db: Connection): void {
  const differences = db
    .prepare(
      `SELECT * FROM (SELECT id, email, low, high FROM t EXCEPT SELECT * FROM mirror)
       UNION ALL SELECT * FROM (SELECT * FROM mirror EXCEPT SELECT id, email, low, high FROM t)
       UNION ALL SELECT id, count(*), NULL, NULL FROM mirror GROUP BY id HAVING count(*) > 1`,
    )
    .all();
  if (differences.length > 0)
    throw new Error(`the derived table differs: ${JSON.stringify(differences, asText)}`);
}

function asText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

const DERIVED = table(
  [
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, low INTEGER, high INTEGER, CHECK (low <= high))',
    `CREATE TRIGGER mirror_insert AFTER INSERT ON t BEGIN
       INSERT INTO mirror VALUES(NEW.id, NEW.email, NEW.low, NEW.high); END`,
    `CREATE TRIGGER mirror_update AFTER UPDATE ON t BEGIN
       UPDATE mirror SET id = NEW.id, email = NEW.email, low = NEW.low, high = NEW.high WHERE id = OLD.id; END`,
    'CREATE TRIGGER mirror_delete AFTER DELETE ON t BEGIN DELETE FROM mirror WHERE id = OLD.id; END',
  ],
  ['email', 'low', 'high'],
  { email: WORDS, low: NUMBERS, high: NUMBERS },
  { accepts: lowToHigh, uniqueKeys: [{ columns: ['email'] }] },
);

/** The words that the index finds are those of the table. FTS5 says itself when entries are missing or too many. */
function expectIndex(db: Connection): void {
  db.exec("INSERT INTO words(words, rank) VALUES('integrity-check', 1)");
}

const INDEXED = table(
  [
    'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE, body TEXT)',
    `CREATE TRIGGER index_insert AFTER INSERT ON t BEGIN
       INSERT INTO words(rowid, title, body) VALUES(NEW.rowid, NEW.title, NEW.body); END`,
    `CREATE TRIGGER index_delete AFTER DELETE ON t BEGIN
       INSERT INTO words(words, rowid, title, body) VALUES('delete', OLD.rowid, OLD.title, OLD.body); END`,
    `CREATE TRIGGER index_update AFTER UPDATE ON t BEGIN
       INSERT INTO words(words, rowid, title, body) VALUES('delete', OLD.rowid, OLD.title, OLD.body);
       INSERT INTO words(rowid, title, body) VALUES(NEW.rowid, NEW.title, NEW.body); END`,
  ],
  ['title', 'body'],
  { title: ["'one'", "'two'", "'three'", 'NULL'], body: WORDS },
  { uniqueKeys: [{ columns: ['title'] }] },
);

export const ROW_KINDS: readonly Kind[] = [
  { name: 'CHECK over two columns', tables: [CHECK] },
  { name: 'CHECK over two columns, aws', tables: [CHECK], algorithm: 'aws' },
  { name: 'CHECK over two columns, dws', tables: [CHECK], algorithm: 'dws' },
  {
    name: 'CHECK and UNIQUE',
    tables: [
      table(
        [
          'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, low INTEGER UNIQUE, high INTEGER, CHECK (low <= high))',
        ],
        ['low', 'high'],
        { low: NUMBERS, high: NUMBERS },
        { accepts: lowToHigh, uniqueKeys: [{ columns: ['low'] }] },
      ),
    ],
  },
  {
    name: 'NOT NULL without a default',
    tables: [
      table(
        [
          "CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL DEFAULT 'd', c TEXT NOT NULL)",
        ],
        ['a', 'b', 'c'],
        { a: WORDS, b: WORDS, c: WORDS },
        {
          fallbacks: { b: text('d') },
          accepts: (row) => row('a').type !== 'null' && row('c').type !== 'null',
        },
      ),
    ],
  },
  {
    name: 'STRICT types on one replica only',
    tables: LOOSE_TABLES,
    tablesOf: (replica) => (replica === 1 ? STRICT_TABLES : LOOSE_TABLES),
  },
  {
    name: 'RAISE in triggers of the application',
    tables: [
      table(
        [
          'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, note TEXT)',
          `CREATE TRIGGER guard_insert BEFORE INSERT ON t ${RAISE_CONDITION}`,
          `CREATE TRIGGER guard_update BEFORE UPDATE ON t ${RAISE_CONDITION}`,
        ],
        ['low', 'high', 'note'],
        rangeDomain,
        { accepts: lowToHigh },
      ),
    ],
  },
  {
    name: 'RAISE after the write, and UNIQUE',
    tables: [
      table(
        [
          'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, note TEXT UNIQUE)',
          `CREATE TRIGGER guard_insert AFTER INSERT ON t ${RAISE_CONDITION}`,
          `CREATE TRIGGER guard_update AFTER UPDATE ON t ${RAISE_CONDITION}`,
        ],
        ['low', 'high', 'note'],
        rangeDomain,
        { accepts: lowToHigh, uniqueKeys: [{ columns: ['note'] }] },
      ),
    ],
  },
  {
    name: 'deletes that a trigger refuses, and UNIQUE',
    tables: [
      table(
        [
          'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, low INTEGER, high INTEGER, note TEXT UNIQUE)',
          `CREATE TRIGGER guard_delete BEFORE DELETE ON t WHEN OLD.low = 1
             BEGIN SELECT RAISE(ABORT, 'this row stays'); END`,
        ],
        ['low', 'high', 'note'],
        rangeDomain,
        { uniqueKeys: [{ columns: ['note'] }] },
      ),
    ],
  },
  {
    name: 'a derived table, UNIQUE and CHECK',
    prepare: [MIRROR],
    tables: [DERIVED],
    recursiveTriggers: true,
    invariant: expectMirror,
  },
  {
    name: 'a full-text index, and UNIQUE',
    prepare: ["CREATE VIRTUAL TABLE words USING fts5(title, body, content='t', content_rowid='rowid')"],
    tables: [INDEXED],
    recursiveTriggers: true,
    invariant: expectIndex,
  },
];
