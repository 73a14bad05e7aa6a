/**
 * chinook.mjs: the large part of the demo: the chinook database (a music shop, 11 tables) goes from one device to an
 * empty one; then both edit every table at random, also the same rows, and become equal again. The tables have INTEGER
 * keys, so they are tracked with `force`; each device takes its new keys from a range of its own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { at } from '../tools.mjs';
import { Device, requireEqual } from './device.mjs';
import { editAtRandom } from './edits.mjs';

const EDITS_PER_DEVICE = 500;

function sourceFile() {
  return process.env.CLOUDSYNC_CHINOOK ?? at('..', 'shared', 'data', 'chinook.sql');
}

/**
 * Plays the part, or says why not.
 * @throws {Error} when a table differs in the end
 */
export function chinookDemo(folder, server) {
  console.log('2. The chinook database');
  const file = sourceFile();
  if (!existsSync(file)) {
    console.log(`   Skipped: there is no ${file}; set CLOUDSYNC_CHINOOK to the path of Chinook_Sqlite.sql.`);
    return;
  }
  const [north, south] = [new Device('north', folder), new Device('south', folder)];
  north.database.exec(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  south.database.exec(schemaOf(north));
  const tables = tablesOf(north);
  for (const device of [north, south]) {
    for (const table of tables) device.value("SELECT cloudsync_init(?, 'cls', 1)", table);
    device.connect(server, 'chinook');
  }
  copyToEmpty(north, south, tables);
  editBoth(north, south, tables);
  north.close();
  south.close();
}

function schemaOf(device) {
  const sql =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid";
  return device.database.prepare(sql).pluck().all().join(';\n');
}

function tablesOf(device) {
  const sql =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid";
  return device.database.prepare(sql).pluck().all();
}

function copyToEmpty(north, south, tables) {
  const bytes = north.packetBytes(0);
  const sent = north.sync();
  const received = south.sync();
  const rows = compare(north, south, tables);
  console.log(
    `   From north to the empty south: ${count(rows)} rows, ${count(bytes)} bytes of packets,`,
    `sent in ${count(sent)} ms, received in ${count(received)} ms.`,
  );
}

function editBoth(north, south, tables) {
  const seed = Number(process.env.CLOUDSYNC_SEED ?? Date.now() % 2 ** 31);
  const versions = [north, south].map((device) => device.version());
  const edits = [north, south].map((device, i) => {
    return editAtRandom(device, tables, {
      seed: seed + i,
      count: EDITS_PER_DEVICE,
      firstKey: (i + 1) * 1_000_000,
    });
  });
  const [updates, inserts, deletes] = ['updates', 'inserts', 'deletes'].map((kind) =>
    edits.reduce((sum, one) => sum + one[kind], 0),
  );
  console.log(
    `   Both offline: ${updates} updates, ${inserts} inserts, ${deletes} deletes (CLOUDSYNC_SEED=${seed}).`,
  );
  const bytes = [north, south].map((device, i) => device.packetBytes(versions[i]));
  const milliseconds = [north, south, north].map((device) => device.sync());
  console.log(
    `   Synced again: ${count(bytes[0] + bytes[1])} bytes of packets,`,
    `three calls of cloudsync_network_sync() in ${milliseconds.map(count).join(', ')} ms.\n`,
  );
  const rows = compare(north, south, tables, (table, size) => {
    console.log(`   ${table.padEnd(14)} ${count(size).padStart(6)} rows equal`);
  });
  console.log(`   ${tables.length} tables, ${count(rows)} rows: all equal.`);
}

function compare(left, right, tables, show = () => undefined) {
  let rows = 0;
  for (const table of tables) {
    const size = requireEqual(left, right, table);
    rows += size;
    show(table, size);
  }
  return rows;
}

function count(number) {
  return Math.round(number).toLocaleString('en-US');
}
