/**
 * shopping.mjs: the small part of the demo: a shopping list on a phone and a laptop, edited while both are offline.
 */
import { setTimeout } from 'node:timers/promises';
import { Device, requireEqual } from './device.mjs';

const CREATE = 'CREATE TABLE items(id TEXT PRIMARY KEY NOT NULL, what TEXT, amount INTEGER, bought INTEGER)';

const FIRST =
  "INSERT INTO items VALUES('a1', 'bread', 1, 0), ('a2', 'apples', 6, 0), ('a3', 'coffee', 1, 0), ('a4', 'salt', 1, 0)";

/** What happens offline: [device, SQL, what it shows]. */
const OFFLINE = [
  ['phone', "UPDATE items SET bought = 1 WHERE id = 'a1'", 'one row, different columns: both count'],
  ['laptop', "UPDATE items SET what = 'rye bread' WHERE id = 'a1'", ''],
  ['phone', "UPDATE items SET amount = 8 WHERE id = 'a2'", 'one cell: the later write counts'],
  ['laptop', "UPDATE items SET amount = 12 WHERE id = 'a2'", ''],
  ['laptop', "DELETE FROM items WHERE id = 'a3'", 'edited here, deleted there: it stays deleted'],
  ['phone', "UPDATE items SET amount = 2 WHERE id = 'a3'", ''],
  ['phone', "INSERT INTO items VALUES('p1', 'milk', 2, 0)", 'new rows on both'],
  ['laptop', "INSERT INTO items VALUES('l1', 'tea', 1, 0)", ''],
];

/**
 * Plays the part and shows both tables.
 * @throws {Error} when the tables differ in the end
 */
export async function shoppingDemo(folder, server) {
  console.log('1. A shopping list');
  const devices = { phone: new Device('phone', folder), laptop: new Device('laptop', folder) };
  for (const device of Object.values(devices)) {
    device.database.exec(CREATE);
    device.value("SELECT cloudsync_init('items')");
    device.connect(server, 'shopping');
  }
  const { phone, laptop } = devices;
  phone.database.exec(FIRST);
  phone.sync();
  laptop.sync();
  console.log('   Both devices have the same four rows. Then both are offline and edit:\n');
  for (const [name, sql, meaning] of OFFLINE) {
    // People are slower than this; two writes of one millisecond would be told apart by site id only.
    await setTimeout(5);
    devices[name].database.exec(sql);
    console.log(`   ${name.padEnd(7)} ${sql.padEnd(56)} ${meaning}`.trimEnd());
  }
  console.log('\n   Before they sync:\n');
  showBoth(phone, laptop);
  for (const device of [phone, laptop, phone]) device.sync();
  console.log('\n   After phone, laptop and phone have called cloudsync_network_sync():\n');
  showBoth(phone, laptop);
  const rows = requireEqual(phone, laptop, 'items');
  console.log(`\n   Equal: ${rows} rows.\n`);
  phone.close();
  laptop.close();
}

function showBoth(left, right) {
  const [lines, others] = [left, right].map((device) => [
    device.name,
    ...device.database
      .prepare('SELECT * FROM items ORDER BY id')
      .raw()
      .all()
      .map(
        ([id, what, amount, bought]) => `${id}  ${what.padEnd(10)} ${String(amount).padStart(2)}  ${bought}`,
      ),
  ]);
  for (let i = 0; i < Math.max(lines.length, others.length); i++) {
    console.log(`   ${(lines[i] ?? '').padEnd(24)}| ${others[i] ?? ''}`.trimEnd());
  }
}
