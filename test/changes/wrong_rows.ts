/**
 * Rows of cloudsync_changes with something wrong in them, for everything that takes such rows: the aggregate and the
 * INSERT. They belong to the tables todos(id, title) and tags(id).
 */

/** A good row. 'SITE' stands for the site id of the database. */
export const GOOD: readonly unknown[] = [
  'todos',
  Buffer.from('a161', 'hex'),
  'title',
  5n,
  10n,
  1n,
  'SITE',
  1n,
  1n,
];

/** The good row with some cells exchanged. */
export function rowWith(site: Buffer, changed: Record<number, unknown>): unknown[] {
  return GOOD.map((cell, i) => (i in changed ? changed[i] : cell)).map((cell) =>
    cell === 'SITE' ? site : cell,
  );
}

/** What is wrong, the cells to exchange, the error. */
export const WRONG: ReadonlyArray<[string, Record<number, unknown>, RegExp]> = [
  ['tbl NULL', { 0: null }, /tbl of a change must be a text/],
  ['tbl a number', { 0: 5n }, /tbl of a change must be a text/],
  ['tbl too long', { 0: 'x'.repeat(2000) }, /larger than a packet can carry/],
  ['pk NULL', { 1: null }, /pk of a change/],
  ['pk a text', { 1: 'a' }, /pk of a change/],
  ['pk empty', { 1: Buffer.alloc(0) }, /pk of a change/],
  ['pk nil', { 1: Buffer.from('c0', 'hex') }, /pk of a change/],
  ['pk of two values', { 1: Buffer.from('a161a162', 'hex') }, /pk of a change/],
  ['pk cut off', { 1: Buffer.from('a961', 'hex') }, /pk of a change/],
  ['pk a map', { 1: Buffer.from('80', 'hex') }, /pk of a change/],
  ['col_name a number', { 2: 5n }, /col_name of a change/],
  ['col_name a key column', { 2: 'id' }, /has no column 'id'/],
  ['col_name NULL in a living row', { 2: null, 3: null }, /col_name of a change/],
  ['col_name in a deletion', { 7: 2n }, /col_name of a change/],
  ['col_value without a column', { 2: null, 7: 2n }, /col_value of a change/],
  ['col_value too large', { 3: Buffer.alloc(17 * 1024 * 1024) }, /larger than a packet can carry/],
  ['col_version 0', { 4: 0n }, /col_version of a change/],
  ['col_version negative', { 4: -1n }, /col_version of a change/],
  ['col_version 2^53', { 4: 2n ** 53n }, /col_version of a change/],
  ['col_version 2^63-1', { 4: 2n ** 63n - 1n }, /col_version of a change/],
  ['col_version a real', { 4: 1.5 }, /col_version of a change/],
  ['col_version a text', { 4: '10' }, /col_version of a change/],
  ['site_id NULL', { 6: null }, /site_id of a change must be a blob/],
  ['site_id short', { 6: Buffer.alloc(15) }, /site_id of a change must be a blob/],
  ['cl 0', { 7: 0n }, /cl of a change/],
  ['cl 2^41', { 7: 2n ** 41n + 1n }, /cl of a change/],
  ['cl NULL', { 7: null }, /cl of a change/],
  ['col_value a text without a column', { 2: null, 3: 'x', 7: 2n }, /col_value of a change/],
  [
    'col_value a blob without a column',
    { 2: null, 3: Buffer.from('a161', 'hex'), 7: 2n },
    /col_value of a change/,
  ],
  ['tbl not UTF-8', { 0: 'a\0b' }, /tbl of a change must be a text/],
  ['col_name with NUL', { 2: 'a\0b' }, /col_name of a change/],
  ['site_id a text', { 6: 'sixteen letters.' }, /site_id of a change must be a blob/],
];
