/**
 * workload.mjs: the table and the rows that every system writes: a task list with a random UUID (version 4) as key and
 * five more columns of text, integers and a real number; about 134 bytes per row in the database file, key index
 * included. The rows are made beforehand from a fixed seed, so that making them is not measured and every run writes
 * the same.
 */

export const TABLE = 'todos';

export const CREATE_TABLE = `CREATE TABLE ${TABLE}(
  id TEXT PRIMARY KEY NOT NULL, title TEXT, status TEXT, priority INTEGER, estimate REAL, due INTEGER)`;

export const INSERT = `INSERT INTO ${TABLE} VALUES(?,?,?,?,?,?)`;
export const UPDATE_ONE = `UPDATE ${TABLE} SET status=? WHERE id=?`;
export const UPDATE_FIVE = `UPDATE ${TABLE} SET title=?, status=?, priority=?, estimate=?, due=? WHERE id=?`;
export const DELETE = `DELETE FROM ${TABLE} WHERE id=?`;

const VERBS = ['buy', 'call', 'write', 'repair', 'return', 'order', 'clean', 'visit', 'plan', 'paint'];
const OBJECTS = [
  'milk',
  'Anna',
  'report',
  'bicycle',
  'book',
  'tickets',
  'kitchen',
  'dentist',
  'holiday',
  'fence',
];
const FIRST_STATES = ['not started', 'in progress'];
const LATER_STATES = ['waiting', 'finished'];
const SECONDS_PER_YEAR = 31_536_000;
const FIRST_DUE = 1_767_225_600;

/** A small generator of random 32-bit numbers (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function uuidVersion4(random) {
  const words = [random(), random(), random(), random()];
  words[1] = ((words[1] & 0xffff0fff) | 0x4000) >>> 0;
  words[2] = ((words[2] & 0x3fffffff) | 0x80000000) >>> 0;
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The five columns behind the key; `changed` gives values that differ from the first ones in every column. */
function columns(random, changed) {
  const verb = VERBS[random() % VERBS.length];
  const object = OBJECTS[random() % OBJECTS.length];
  return [
    `${verb} ${object} ${random() % 1000}${changed ? ' again' : ''}`,
    FIRST_STATES[random() % 2],
    (random() % 5) + (changed ? 5 : 0),
    (random() % 32) / 4 + (changed ? 8 : 0),
    FIRST_DUE + (random() % SECONDS_PER_YEAR) + (changed ? SECONDS_PER_YEAR : 0),
  ];
}

/** Makes rows one after another, for tables that are too large to be kept in memory: parameters of INSERT. */
export function rowMaker(seed = 1) {
  const random = randomNumbers(seed);
  return () => [uuidVersion4(random), ...columns(random, false)];
}

/**
 * Makes the parameters of all statements. They are meant to run in this order: inserts, updates of one column (the
 * state), updates of five columns, deletes; then every update changes every column that it names.
 * @param {number} count number of rows
 * @param {number} seed another seed makes other keys and values
 * @returns parameters per row: `inserts`, `updatesOfOne`, `updatesOfFive`, `deletes`
 */
export function makeWorkload(count, seed = 1) {
  const random = randomNumbers(seed);
  const workload = { inserts: [], updatesOfOne: [], updatesOfFive: [], deletes: [] };
  for (let i = 0; i < count; i++) {
    const key = uuidVersion4(random);
    workload.inserts.push([key, ...columns(random, false)]);
    workload.updatesOfOne.push([LATER_STATES[random() % 2], key]);
    workload.updatesOfFive.push([...columns(random, true), key]);
    workload.deletes.push([key]);
  }
  return workload;
}
