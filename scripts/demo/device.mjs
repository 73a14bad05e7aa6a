/**
 * device.mjs: a device of the demo: an SQLite file opened with better-sqlite3, with the extension loaded.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { load } from '../../dist/node/index.js';

export class Device {
  /**
   * @param {string} name shown in the output, and the name of the file
   * @param {string} folder where the file is made
   */
  constructor(name, folder) {
    this.name = name;
    this.database = new Database(join(folder, `${name}.db`));
    this.database.pragma('journal_mode = WAL');
    load(this.database);
  }

  /** The first value of a query's first row. */
  value(sql, ...parameters) {
    return this.database
      .prepare(sql)
      .pluck()
      .get(...parameters);
  }

  /** Names the server's database; the key stays in memory. */
  connect(server, databaseName) {
    this.value('SELECT cloudsync_network_init(?)', `${server.url}/${databaseName}`);
    this.value('SELECT cloudsync_network_set_apikey(?)', server.key);
  }

  /** Sends, receives, merges. Returns the milliseconds that it took. */
  sync() {
    const start = performance.now();
    const report = JSON.parse(this.value('SELECT cloudsync_network_sync()'));
    if (report.held > 0 || report.refused > 0) {
      throw new Error(
        `${this.name}: ${report.held} changes are held, ${report.refused} refused; see cloudsync_held`,
      );
    }
    return performance.now() - start;
  }

  /** The newest arrival number: what comes after it is new. */
  version() {
    return this.value('SELECT cloudsync_db_version()');
  }

  /** Bytes of the packets that carry all changes after `since`. */
  packetBytes(since) {
    return this.value('SELECT length(cloudsync_payload_encode(?))', since);
  }

  /** All rows of a table in the order of its primary key, each value with its storage class. */
  rows(table) {
    const columns = this.database.pragma(`table_info("${table}")`);
    const cells = columns.map(({ name }) => `"${name}", typeof("${name}")`);
    const keys = columns.filter(({ pk }) => pk > 0).sort((left, right) => left.pk - right.pk);
    const order = keys.map(({ name }) => `"${name}"`);
    return this.database.prepare(`SELECT ${cells} FROM "${table}" ORDER BY ${order}`).raw().all();
  }

  close() {
    this.database.close();
  }
}

/**
 * Compares a table on two devices row by row.
 * @returns {number} how many rows were compared
 * @throws {Error} that shows the first difference
 */
export function requireEqual(left, right, table) {
  const [rows, others] = [left.rows(table), right.rows(table)].map((list) =>
    list.map((row) => JSON.stringify(row)),
  );
  const count = Math.max(rows.length, others.length);
  for (let i = 0; i < count; i++) {
    if (rows[i] === others[i]) continue;
    const [here, there] = [rows[i] ?? 'no row', others[i] ?? 'no row'];
    throw new Error(`${table} differs\n  ${left.name}: ${here}\n  ${right.name}: ${there}`);
  }
  return count;
}
