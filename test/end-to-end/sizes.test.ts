/**
 * sizes.test.ts: large amounts through the whole chain: many rows, changes that end exactly where a batch does, values
 * of megabytes, and a value that is too large to travel.
 */
import { expect, test } from 'vitest';
import { expectEqual } from './compare.js';
import { Device } from './device.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title TEXT, body BLOB)';

/** A device with an empty, tracked table, connected to a database of the server. */
function device(name: string, database: string): Device {
  const made = new Device(workspace.path(name)).run(NOTES).connect(workspace.server, database);
  made.value("SELECT cloudsync_init('notes')");
  return made;
}

function insertMany(target: Device, prefix: string, count: number): void {
  target.run(
    `INSERT INTO notes WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})` +
      ` SELECT printf('${prefix}-%06d', i), 'title of ' || i, randomblob(40) FROM n`,
  );
}

/** Syncs the devices in turn until a whole round moves nothing; fails when that does not happen soon. */
function settle(devices: readonly Device[]): void {
  for (let round = 0; round < 4; round++) {
    const reports = devices.map((one) => one.sync());
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the devices keep changing each other');
}

test('two devices exchange 20,000 rows each', () => {
  const [a, b] = [device('a', 'many'), device('b', 'many')];
  insertMany(a, 'a', 20_000);
  insertMany(b, 'b', 20_000);
  const first = a.sync();
  expect(first.sent.batches).toBeGreaterThan(4);
  settle([b, a]);
  a.close();
  b.close();
  const { notes } = expectEqual([a.file, b.file, workspace.serverFile('many')], ['notes']);
  expect(notes).toHaveLength(40_000);
});

test('nothing is lost or sent twice where batches end', () => {
  const [a, b] = [device('a', 'edges'), device('b', 'edges')];
  // The smallest batches: with these rows each takes about ten, so that counts from 1 to 40 end inside and at a batch.
  a.value("SELECT cloudsync_set('batch_bytes', 1024)");
  let rows = 0;
  for (let count = 1; count <= 40; count++) {
    insertMany(a, `round-${String(count).padStart(2, '0')}`, count);
    rows += count;
    a.sync();
    expect(a.status()).toMatchObject({ waiting: false, unsent: false });
    expect(b.sync().received.rows, `round ${count}`).toBe(count);
  }
  expect(a.status().batch).toBeGreaterThan(60);
  a.close();
  b.close();
  const { notes } = expectEqual([a.file, b.file, workspace.serverFile('edges')], ['notes']);
  expect(notes).toHaveLength(rows);
});

test('values of 10 MB travel, one that no packet can carry stays and is reported', () => {
  const [a, b] = [device('a', 'large'), device('b', 'large')];
  a.run(
    "INSERT INTO notes VALUES('ten', 'ten megabytes', randomblob(10000000)), ('text', hex(randomblob(5000000)), x'')",
  );
  a.run(
    "INSERT INTO notes VALUES('huge', 'seventeen', zeroblob(17 * 1024 * 1024)), ('small', 'after it', x'01')",
  );
  const sent = a.sync();
  expect(sent.held).toBe(1);
  expect(a.rows('SELECT tbl, columns, reason FROM cloudsync_held')).toEqual([
    'notes|body|a value of 17825792 bytes is larger than a packet can carry; it stays on this device',
  ]);
  b.sync();
  const digest = (one: Device) =>
    one.rows("SELECT id, title = 'ten megabytes', length(title), length(body) FROM notes ORDER BY id");
  expect(digest(b)).toEqual(['huge|0|9|', 'small|0|8|1', 'ten|1|13|10000000', 'text|0|10000000|0']);
  const value = (one: Device, id: string) =>
    one.value('SELECT title || hex(body) FROM notes WHERE id = ?', id);
  for (const id of ['ten', 'text', 'small']) expect(value(b, id) === value(a, id), id).toBe(true);
  expect(a.value("SELECT length(body) FROM notes WHERE id = 'huge'")).toBe(17_825_792);

  // Once the value is small enough it travels, and the rest of the row still does.
  a.run("UPDATE notes SET body = x'02', title = 'small now' WHERE id = 'huge'");
  a.sync();
  b.sync();
  expect(b.value("SELECT title || hex(body) FROM notes WHERE id = 'huge'")).toBe('small now02');
  a.close();
  b.close();
});
