/**
 * edits.mjs: random edits of any schema with foreign keys, from a seed: updates of one column, copies of rows under new
 * keys, deletes of rows that no other table refers to (so that the two devices never contradict a foreign key).
 */

/** Seeded numbers in [0, 1): the generator mulberry32. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function describeTable(database, name, allTables) {
  const columns = database.pragma(`table_info("${name}")`);
  const references = new Set(database.pragma(`foreign_key_list("${name}")`).map(({ from }) => from));
  const isReferredTo = allTables.some((other) =>
    database.pragma(`foreign_key_list("${other}")`).some(({ table }) => table === name),
  );
  return {
    name,
    keys: columns.filter(({ pk }) => pk > 0).map((column) => column.name),
    plain: columns.filter((column) => column.pk === 0 && !references.has(column.name)),
    isReferredTo,
  };
}

class Editor {
  made = { updates: 0, inserts: 0, deletes: 0 };

  constructor(database, random, firstKey) {
    this.database = database;
    this.random = random;
    this.nextKey = firstKey;
  }

  edit(table) {
    const row = this.anyRow(table);
    const choice = this.random();
    if (choice < 0.6 && table.plain.length > 0) this.update(table, row);
    else if (choice < 0.8 && table.keys.length === 1) this.insert(table, row);
    else if (!table.isReferredTo) this.remove(table, row);
  }

  below(limit) {
    return Math.floor(this.random() * limit);
  }

  anyRow({ name, keys }) {
    const size = this.database.prepare(`SELECT count(*) FROM "${name}"`).pluck().get();
    const order = keys.map((key) => `"${key}"`);
    return this.database
      .prepare(`SELECT * FROM "${name}" ORDER BY ${order} LIMIT 1 OFFSET ?`)
      .get(this.below(size));
  }

  update(table, row) {
    const column = table.plain[this.below(table.plain.length)];
    const isText = /char|text/i.test(column.type);
    const value = isText ? `edit ${this.below(1e6)}` : this.below(1e6);
    const sql = `UPDATE "${table.name}" SET "${column.name}" = ? WHERE ${whereKey(table)}`;
    this.made.updates += this.database.prepare(sql).run(value, ...keyOf(table, row)).changes;
  }

  insert(table, row) {
    const copy = { ...row, [table.keys[0]]: this.nextKey++ };
    const names = Object.keys(copy).map((name) => `"${name}"`);
    const sql = `INSERT INTO "${table.name}"(${names}) VALUES(${names.map(() => '?')})`;
    this.made.inserts += this.database.prepare(sql).run(...Object.values(copy)).changes;
  }

  remove(table, row) {
    const sql = `DELETE FROM "${table.name}" WHERE ${whereKey(table)}`;
    this.made.deletes += this.database.prepare(sql).run(...keyOf(table, row)).changes;
  }
}

function whereKey({ keys }) {
  return keys.map((key) => `"${key}" = ?`).join(' AND ');
}

function keyOf({ keys }, row) {
  return keys.map((key) => row[key]);
}

/**
 * Edits all tables in turn, all edits in one transaction.
 * @param {import('./device.mjs').Device} device
 * @param {string[]} tables
 * @param {{ seed: number, count: number, firstKey: number }} options firstKey: new rows get keys from here on
 * @returns {{ updates: number, inserts: number, deletes: number }} what was done
 */
export function editAtRandom(device, tables, { seed, count, firstKey }) {
  const { database } = device;
  const described = tables.map((name) => describeTable(database, name, tables));
  const editor = new Editor(database, randomNumbers(seed), firstKey);
  database.transaction(() => {
    for (let i = 0; i < count; i++) editor.edit(described[i % described.length]);
  })();
  return editor.made;
}
