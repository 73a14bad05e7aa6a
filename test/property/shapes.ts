/**
 * The tables that the histories use: every kind of key and column that cloudsync promises, each with few
 * keys, so that replicas often touch the same row, and with values that the column stores unchanged.
 */
import { blob, integer, NULL, real, text, type Value } from '../packet/value.js';

export interface ShapeColumn {
  name: string;
  /** What the column shows when nobody has given it a value. */
  fallback: Value;
  values: readonly Value[];
}

export interface Shape {
  table: string;
  create: string;
  /** In the order of the PRIMARY KEY. */
  keyColumns: readonly string[];
  keys: readonly Value[][];
  columns: readonly ShapeColumn[];
  /** A lone INTEGER key must be forced. */
  force: boolean;
}

const WORDS = [NULL, text(''), text('one'), text('two'), text("it's \u00e9 \u{1f600}")];
const INTEGERS = [0n, 1n, -1n, 200n, 2n ** 63n - 1n, -(2n ** 63n)].map(integer);
const REALS = [0.5, 1e308, 5e-324, -1.7976931348623157e308, Infinity, -Infinity, 3].map(real);
const BLOBS = [NULL, blob(''), blob('00'), blob('ff00ff')];
const ANYTHING = [
  NULL,
  ...INTEGERS,
  ...REALS,
  // Not 0.0 beside it: no SQL expression tells the two apart, so a trigger cannot see such an update.
  real(-0),
  real(1),
  text('1'),
  text('a\0b'),
  text('a\0c'),
  text('00000000-0000-4000-8000-00000000000a'),
  text('00000000-0000-4000-8000-00000000000A'),
  text(Buffer.from('c328ff', 'hex')),
  ...BLOBS,
];

function column(name: string, values: readonly Value[], fallback: Value = NULL): ShapeColumn {
  return { name, values, fallback };
}

const TEXT_KEYS = ['a', 'b', 'a\0b', '00000000-0000-4000-8000-000000000001'].map((key) => [text(key)]);

const WIDE_COLUMNS = Array.from({ length: 70 }, (_, i) => `c${i}`);

export const SHAPES: readonly Shape[] = [
  {
    table: 'todos',
    create: `CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0,
             price REAL DEFAULT 1.5)`,
    keyColumns: ['id'],
    keys: TEXT_KEYS,
    columns: [
      column('title', WORDS),
      column('done', INTEGERS, integer(0)),
      column('price', REALS, real(1.5)),
    ],
    force: false,
  },
  {
    table: 'pairs',
    create: 'CREATE TABLE pairs(x TEXT NOT NULL, note, y INTEGER NOT NULL, z BLOB, PRIMARY KEY(y, x))',
    keyColumns: ['y', 'x'],
    keys: [
      [integer(1), text('p')],
      [integer(1), text('q')],
      [integer(-(2n ** 63n)), text('p')],
      [integer(2), text('1')],
    ],
    columns: [column('note', ANYTHING), column('z', BLOBS)],
    force: false,
  },
  {
    table: 'without',
    create: 'CREATE TABLE without(a TEXT, k BLOB NOT NULL PRIMARY KEY, b) WITHOUT ROWID',
    keyColumns: ['k'],
    keys: [[blob('')], [blob('00')], [blob('0000')], [blob('ff')]],
    columns: [column('a', WORDS), column('b', ANYTHING)],
    force: false,
  },
  {
    table: 'strict',
    create:
      "CREATE TABLE strict(id TEXT NOT NULL PRIMARY KEY, i INT, r REAL, t TEXT DEFAULT 't', b BLOB, a ANY) STRICT",
    keyColumns: ['id'],
    keys: TEXT_KEYS,
    columns: [
      column('i', INTEGERS),
      column('r', REALS),
      column('t', WORDS, text('t')),
      column('b', BLOBS),
      column('a', ANYTHING),
    ],
    force: false,
  },
  {
    table: 'tags',
    create: 'CREATE TABLE tags(a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY(a, b))',
    keyColumns: ['a', 'b'],
    keys: [
      [text('x'), text('y')],
      [text('y'), text('x')],
      [text(''), text('x')],
    ],
    columns: [],
    force: false,
  },
  {
    table: 'numbered',
    create: "CREATE TABLE numbered(id INTEGER PRIMARY KEY, a, b TEXT NOT NULL DEFAULT 'd')",
    keyColumns: ['id'],
    keys: [[integer(0)], [integer(1)], [integer(2n ** 63n - 1n)], [integer(-5)]],
    columns: [column('a', ANYTHING), column('b', WORDS.slice(1), text('d'))],
    force: true,
  },
  {
    table: `we"ird 'n\u00e4me' \u{1f600}_cloudsync`,
    create: `CREATE TABLE "we""ird 'n\u00e4me' \u{1f600}_cloudsync"
             ("select" , "order" TEXT NOT NULL PRIMARY KEY, "a b" , "%" TEXT, "_" , "it's" , "x""y" , seq, cl, site)`,
    keyColumns: ['order'],
    keys: TEXT_KEYS,
    columns: ['select', 'a b', '%', '_', "it's", 'x"y', 'seq', 'cl', 'site'].map((name) =>
      column(name, WORDS),
    ),
    force: false,
  },
  {
    table: 'wide',
    create: `CREATE TABLE wide(${WIDE_COLUMNS.slice(0, 35)}, id TEXT NOT NULL PRIMARY KEY, ${WIDE_COLUMNS.slice(35)})`,
    keyColumns: ['id'],
    keys: TEXT_KEYS.slice(0, 2),
    columns: WIDE_COLUMNS.map((name) => column(name, WORDS.slice(0, 3))),
    force: false,
  },
];
