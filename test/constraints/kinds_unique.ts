/** Kinds of unique keys. */
import type { Values } from '../model/constraints.js';
import { text, type Value } from '../packet/value.js';
import { type Kind, type KindTable, type RuleOptions, rules } from './kind.js';

const KEYS = ["'a'", "'b'", "'c'"];
const WORDS = ["'x'", "'y'"];
const WORDS_OR_NULL = [...WORDS, 'NULL'];
const NUMBERS = ['1', '2', '3'];

/** ASCII letters in lower case, as lower() and NOCASE see them. */
export function lower(value: Value): Value {
  if (value.type !== 'text') return value;
  return text(value.bytes.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
}

function single(
  name: string,
  create: string[],
  columns: string[],
  domain: KindTable['domain'],
  options: RuleOptions = {},
) {
  const table: KindTable = {
    create,
    rules: rules('t', ['id'], columns, options),
    domain: { id: KEYS, ...domain },
  };
  return { name, tables: [table] } satisfies Kind;
}

const EMAIL = { email: WORDS_OR_NULL, note: WORDS };
const oneEmail: RuleOptions = { uniqueKeys: [{ columns: ['email'] }] };

function oneColumn(name: string, suffix = ''): Kind {
  const create = [`CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, note TEXT)${suffix}`];
  return single(name, create, ['email', 'note'], EMAIL, oneEmail);
}

const lowerEmail = { columns: ['email'], terms: (row: Values) => [lower(row('email'))] };

export const UNIQUE_KINDS: readonly Kind[] = [
  single(
    'nothing that can be violated',
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT, note TEXT)'],
    ['email', 'note'],
    EMAIL,
  ),
  oneColumn('UNIQUE on one column'),
  oneColumn('UNIQUE, WITHOUT ROWID', ' WITHOUT ROWID'),
  oneColumn('UNIQUE, STRICT', ' STRICT'),
  { ...oneColumn('UNIQUE, recursive triggers'), recursiveTriggers: true },
  { ...oneColumn('UNIQUE, dws'), algorithm: 'dws' },
  { ...oneColumn('UNIQUE, aws'), algorithm: 'aws' },
  { ...oneColumn('UNIQUE, gos'), algorithm: 'gos' },
  single(
    'UNIQUE on two columns, with NULLs',
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a TEXT, b INTEGER, note TEXT, UNIQUE(a, b))'],
    ['a', 'b', 'note'],
    { a: ["'x'", "'y'", 'NULL'], b: ['1', '2', 'NULL'], note: WORDS },
    { uniqueKeys: [{ columns: ['a', 'b'] }] },
  ),
  single(
    'UNIQUE with COLLATE NOCASE',
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT COLLATE NOCASE UNIQUE, note TEXT)'],
    ['email', 'note'],
    { email: ["'x'", "'X'", "'y'", "'Y'"], note: WORDS },
    { uniqueKeys: [lowerEmail] },
  ),
  single(
    'partial unique index',
    [
      'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, code TEXT, active INTEGER, note TEXT)',
      'CREATE UNIQUE INDEX one_active ON t(code) WHERE active = 1',
    ],
    ['code', 'active', 'note'],
    { code: WORDS_OR_NULL, active: ['0', '1', '1', 'NULL'], note: WORDS },
    {
      uniqueKeys: [
        {
          columns: ['code', 'active'],
          terms: (row) => [row('code')],
          covers: (row) => isNumber(row('active'), 1n),
        },
      ],
    },
  ),
  single(
    'unique index over an expression',
    [
      'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT, note TEXT)',
      'CREATE UNIQUE INDEX one_email ON t(lower(email))',
    ],
    ['email', 'note'],
    { email: ["'x'", "'X'", "'y'", 'NULL'], note: WORDS },
    { uniqueKeys: [lowerEmail] },
  ),
  single(
    'several unique keys that contradict',
    [
      'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a TEXT UNIQUE, b INTEGER UNIQUE, c INTEGER, d TEXT, UNIQUE(c, d))',
    ],
    ['a', 'b', 'c', 'd'],
    { a: WORDS_OR_NULL, b: [...NUMBERS, 'NULL'], c: ['1', '2'], d: WORDS },
    { uniqueKeys: [{ columns: ['a'] }, { columns: ['b'] }, { columns: ['c', 'd'] }] },
  ),
  single(
    'UNIQUE with a DEFAULT that takes part',
    ["CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, code TEXT DEFAULT 'x' UNIQUE, note TEXT)"],
    ['code', 'note'],
    { code: WORDS, note: WORDS },
    { fallbacks: { code: text('x') }, uniqueKeys: [{ columns: ['code'] }] },
  ),
  single(
    'UNIQUE and NOT NULL without a default',
    ['CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE, note TEXT)'],
    ['email', 'note'],
    { email: WORDS, note: WORDS },
    { uniqueKeys: [{ columns: ['email'] }], accepts: (row) => row('email').type !== 'null' },
  ),
  single(
    'UNIQUE on a generated column',
    [
      `CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, email TEXT, note TEXT,
         folded TEXT GENERATED ALWAYS AS (lower(email)) VIRTUAL)`,
      'CREATE UNIQUE INDEX one_email ON t(folded)',
    ],
    ['email', 'note'],
    { email: ["'x'", "'X'", "'y'", 'NULL'], note: WORDS },
    { uniqueKeys: [{ columns: ['email', 'note'], terms: (row) => [lower(row('email'))] }] },
  ),
  {
    name: 'UNIQUE with a part of the key, and on a part of the key alone',
    tables: [
      {
        create: [
          `CREATE TABLE t(tenant TEXT NOT NULL, id TEXT NOT NULL, code TEXT, note TEXT, PRIMARY KEY(tenant, id),
             UNIQUE(tenant, code), UNIQUE(id, tenant, note))`,
        ],
        rules: rules('t', ['tenant', 'id'], ['code', 'note'], {
          uniqueKeys: [{ columns: ['tenant', 'code'] }],
        }),
        domain: { tenant: ["'t'", "'u'"], id: KEYS, code: WORDS, note: WORDS },
      },
      {
        create: [
          'CREATE TABLE k(a TEXT NOT NULL, b TEXT NOT NULL, note TEXT, other TEXT, PRIMARY KEY(a, b), UNIQUE(b))',
        ],
        rules: rules('k', ['a', 'b'], ['note', 'other'], { uniqueKeys: [{ columns: ['b'] }] }),
        domain: { a: ["'t'", "'u'", "'v'"], b: WORDS, note: WORDS, other: WORDS },
      },
    ],
  },
  {
    name: 'UNIQUE in a table of keys alone',
    tables: [
      {
        create: ['CREATE TABLE k(a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY(a, b), UNIQUE(b))'],
        rules: rules('k', ['a', 'b'], [], { uniqueKeys: [{ columns: ['b'] }] }),
        domain: { a: ["'t'", "'u'", "'v'"], b: WORDS },
      },
    ],
  },
];

export function isNumber(value: Value, wanted: bigint): boolean {
  return value.type === 'integer' && value.integer === wanted;
}
