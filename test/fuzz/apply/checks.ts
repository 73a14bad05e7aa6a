/**
 * checks.ts: what must hold after a packet, whatever was in it: the file is sound; a row is in its table exactly when
 * its causal length is odd or it is held.
 */
import { type Connection, quoted } from '../../support/database.js';

interface Tracked {
  name: string;
  clock_table: string;
  id: bigint;
}

/** Everything in the database, ours and the user's, as one text. */
export function contents(db: Connection): string {
  const names = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
    )
    .pluck()
    .all() as string[];
  const spelled = (value: unknown) =>
    value instanceof Buffer ? value.toString('hex') : `${typeof value} ${value}`;
  return names
    .map((name) => {
      const rows = db
        .prepare(`SELECT * FROM ${quoted(name)}`)
        .raw()
        .all() as unknown[][];
      return `${name}\n${rows
        .map((row) => row.map(spelled).join('|'))
        .sort()
        .join('\n')}`;
    })
    .join('\n');
}

export function checkDatabase(db: Connection): void {
  const integrity = db.pragma('integrity_check', { simple: true });
  if (integrity !== 'ok') throw new Error(`integrity_check: ${integrity}`);
  const catalog = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cloudsync_tables'").get();
  if (catalog === undefined) return;
  const tracked = db
    .prepare(`SELECT name, clock_table, id FROM cloudsync_tables
      WHERE name IN (SELECT name FROM sqlite_schema) AND enabled AND id NOT IN (${ALTERING})`)
    .all() as Tracked[];
  for (const table of tracked) checkRows(db, table);
}

/** Tables that are being altered say nothing about their rows. */
const ALTERING = "SELECT substr(key, 7) FROM cloudsync_settings WHERE key GLOB 'alter.[0-9]*'";

function checkRows(db: Connection, { name, clock_table, id }: Tracked): void {
  const keys = db
    .prepare('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk')
    .pluck()
    .all(name) as string[];
  const same = keys.map((key, i) => `c.pk${i} = d.${quoted(key)}`).join(' AND ');
  const count = (sql: string) => db.prepare(`SELECT count(*) FROM ${sql}`).pluck().get() as bigint;
  const alive = `${quoted(clock_table)} c WHERE cl % 2 = 1`;
  const without = count(`${quoted(name)} d WHERE NOT EXISTS (SELECT 1 FROM ${alive} AND ${same})`);
  if (without !== 0n) throw new Error(`${without} rows of ${name} have no living clock`);
  const hidden = count(`${alive} AND NOT EXISTS (SELECT 1 FROM ${quoted(name)} d WHERE ${same})`);
  const held = count(`cloudsync_held WHERE table_id = ${id}`);
  if (hidden !== held)
    throw new Error(`${hidden} living rows of ${name} are not in their table, ${held} are held`);
}
