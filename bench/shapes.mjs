/**
 * shapes.mjs: work of unusual shape: one row updated many times between two syncs, the fold of logs of growing length,
 * rows of 200 columns, a value of 10 MB. Each function returns what it measured.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CLOCKS } from './phases.mjs';
import { chooseSystems, createDatabase, openDatabase } from './systems.mjs';
import { INSERT, rowMaker, TABLE } from './workload.mjs';

const [, own] = await chooseSystems({});
const HOT_UPDATES = 10_000;
const WIDE_COLUMNS = 200;
const WIDE_ROWS = 2000;

/** Processor time, so that other programs on the machine disturb little. */
function seconds(work) {
  const start = CLOCKS.cpu();
  work();
  return CLOCKS.cpu() - start;
}

/** One row updated 10,000 times: microseconds of an update, milliseconds of the sync's fold, bytes that are sent. */
export function measureHotRow(folder) {
  const db = createDatabase(own, join(folder, 'hot.db'));
  db.prepare(INSERT).run(rowMaker()());
  const since = own.adapter.version(db);
  const update = db.prepare(`UPDATE ${TABLE} SET title = ?`);
  const writing = seconds(() => {
    db.exec('BEGIN');
    for (let i = 0; i < HOT_UPDATES; i++) update.run(`title ${i}`);
    db.exec('COMMIT');
  });
  const folding = seconds(() => own.adapter.fold(db));
  const bytes = own.adapter.encode(db, since).length;
  db.close();
  return { microsecondsPerUpdate: (writing / HOT_UPDATES) * 1e6, foldMilliseconds: folding * 1e3, bytes };
}

/** Microseconds per entry that the fold of a log takes, by the number of its entries. */
export function measureFold(folder, lengths) {
  return lengths.map((entries) => {
    const db = createDatabase(own, join(folder, `fold-${entries}.db`));
    const insert = db.prepare(INSERT);
    const makeRow = rowMaker(entries);
    db.exec('BEGIN');
    for (let i = 0; i < entries; i++) insert.run(makeRow());
    db.exec('COMMIT');
    const folding = seconds(() => own.adapter.fold(db));
    db.close();
    return { entries, microseconds: (folding / entries) * 1e6 };
  });
}

/** Rows of 200 columns: microseconds per row of each step, bytes per row of the packet. */
export function measureWideRows(folder) {
  const names = Array.from({ length: WIDE_COLUMNS }, (_, i) => `column_${i}`);
  const open = (name) => {
    const db = openDatabase(own, join(folder, name));
    db.exec(
      `CREATE TABLE ${TABLE}(id TEXT PRIMARY KEY NOT NULL, ${names.map((n) => `${n} TEXT`).join(', ')})`,
    );
    own.adapter.init(db, TABLE);
    return db;
  };
  const source = open('wide-source.db');
  const target = open('wide-target.db');
  const insert = source.prepare(`INSERT INTO ${TABLE} VALUES (?${', ?'.repeat(WIDE_COLUMNS)})`);
  const rows = Array.from({ length: WIDE_ROWS }, (_, row) => [
    randomUUID(),
    ...names.map((_, i) => `value ${(row * 7919 + i * 104_729) % 10_000}`),
  ]);
  const inserting = seconds(() =>
    source.transaction(() => {
      for (const row of rows) insert.run(row);
    })(),
  );
  let payload;
  const encoding = seconds(() => {
    payload = own.adapter.encode(source);
  });
  const applying = seconds(() => own.adapter.apply(target, payload));
  const update = source.prepare(`UPDATE ${TABLE} SET column_100 = 'changed'`);
  const since = own.adapter.version(source);
  update.run();
  const changes = own.adapter.encode(source, since).length;
  source.close();
  target.close();
  const perRow = (time) => (time / WIDE_ROWS) * 1e6;
  return {
    insert: perRow(inserting),
    encode: perRow(encoding),
    apply: perRow(applying),
    bytes: payload.length / WIDE_ROWS,
    bytesOfOneColumn: changes / WIDE_ROWS,
  };
}

/** A row with a value of `size` random bytes, which nothing compresses. */
export function insertLargeValue(db, size) {
  db.prepare(`INSERT INTO ${TABLE}(id, title) VALUES (?, ?)`).run(randomUUID(), randomBytes(size));
}
