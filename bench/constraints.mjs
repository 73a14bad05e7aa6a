/**
 * constraints.mjs: the task list with constraints that real tables have beside their key. A secondary unique
 * index makes our triggers look for rows that a REPLACE would remove, and a foreign key makes SQLite look
 * for the parent; so these inserts have figures of their own, against plain SQLite with the same table.
 */
const COLUMNS =
  'id TEXT PRIMARY KEY NOT NULL, title TEXT, status TEXT, priority INTEGER, estimate REAL, due INTEGER';

const LISTS = 100;

/** Parents for all rows; the application has the lists before the tasks. */
const PARENTS = [
  'CREATE TABLE lists(id TEXT PRIMARY KEY NOT NULL, name TEXT)',
  `INSERT INTO lists WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${LISTS - 1})
   SELECT 'list ' || i, 'name ' || i FROM n`,
];

function taskTable(constraints) {
  const further = 'slug TEXT NOT NULL, list_id TEXT NOT NULL, number INTEGER NOT NULL';
  return `CREATE TABLE tasks(${COLUMNS}, ${further}${constraints})`;
}

const ONE_UNIQUE = ', UNIQUE(slug)';
const TWO_UNIQUE = ', UNIQUE(slug), UNIQUE(list_id, number)';
const REFERENCE = ', FOREIGN KEY(list_id) REFERENCES lists(id)';
const CHILD_INDEX = 'CREATE INDEX tasks_by_list ON tasks(list_id)';

const BOTH = [taskTable(TWO_UNIQUE + REFERENCE), CHILD_INDEX];

/**
 * By the name of the phase: the statements that make the tables. SQLite keeps a journal of each INSERT that
 * fires triggers, and moves it to a temporary file for the rest of the transaction as soon as one INSERT has
 * changed more than 64 KiB of pages; with six B-trees that happens when several of them split. Hence the
 * last one.
 */
export const CONSTRAINED = {
  insertOneUnique: [taskTable(ONE_UNIQUE)],
  insertTwoUnique: [taskTable(TWO_UNIQUE)],
  insertReference: [taskTable(REFERENCE), CHILD_INDEX],
  insertBoth: BOTH,
  insertBothInMemory: ['PRAGMA temp_store = MEMORY', ...BOTH],
};

export const INSERT_TASK = 'INSERT INTO tasks VALUES(?,?,?,?,?,?,?,?,?)';

/**
 * Rows of tasks from rows of the plain table: a slug in random order, a list, a number that is unique in the
 * list.
 */
export function taskRows(inserts) {
  return inserts.map((row, i) => [
    ...row,
    `${row[0].slice(0, 8)}-${row[1]}`,
    `list ${i % LISTS}`,
    Math.floor(i / LISTS),
  ]);
}

/** Makes the tables of a phase in an empty database and tracks them. */
export function createTasks(db, adapter, phase) {
  for (const sql of [...PARENTS, ...CONSTRAINED[phase]]) db.exec(sql);
  db.pragma('foreign_keys = ON');
  adapter?.init(db, 'lists');
  adapter?.init(db, 'tasks');
}
