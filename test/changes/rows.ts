/**
 * Rows of cloudsync_changes as lines, read from the table, and the same lines made of packets, which carry
 * the same changes in another form.
 */
import { writeItem } from '../packet/msgpack.js';
import { compareStamps, type Packet, type Row, type Stamp } from '../packet/packet.js';
import { blob, integer, literal, NULL, real, text, type Value } from '../packet/value.js';
import { type Connection, single } from '../support/database.js';

/** The aggregate over the columns of cloudsync_changes. */
export const ENCODE =
  'cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)';

export interface ChangeRow {
  tbl: string;
  pk: Buffer;
  col_name: string | null;
  col_version: bigint;
  db_version: bigint;
  site_id: Buffer;
  cl: bigint;
  seq: bigint;
  type: string;
  value: bigint | number | Buffer | null;
}

/** Reads the table; `rest` is what follows FROM cloudsync_changes. */
export function readChanges(db: Connection, rest = '', ...parameters: unknown[]): ChangeRow[] {
  const sql = `SELECT tbl, pk, col_name, col_version, db_version, site_id, cl, seq, typeof(col_value) AS type,
    CASE typeof(col_value) WHEN 'text' THEN CAST(col_value AS BLOB) ELSE col_value END AS value
    FROM cloudsync_changes ${rest}`;
  return db.prepare(sql).all(...parameters) as ChangeRow[];
}

function shownValue({ type, value }: ChangeRow): Value {
  if (type === 'integer') return integer(value as bigint);
  if (type === 'real') return real(value as number);
  if (type === 'text') return text(value as Buffer);
  return type === 'blob' ? blob(value as Buffer) : NULL;
}

/** One line for each row, without the numbers of arrival, sorted. */
export function changeLines(rows: readonly ChangeRow[]): string[] {
  return rows
    .map((row) => {
      const stamp = `${row.col_version}@${row.site_id.toString('hex')}`;
      return `${row.tbl} ${row.pk.toString('hex')} ${row.col_name} = ${literal(shownValue(row))} ${stamp} cl=${row.cl}`;
    })
    .sort();
}

/** What the deletions of a row have seen, as the value of its deletion. */
function deletedValue(row: Row): Value {
  if (row.deleted.size === 0) return NULL;
  const items = [...row.deleted].flatMap(([name, { clock, site }]) => [
    text(Buffer.from(name)),
    integer(clock),
    blob(Buffer.from(site, 'hex')),
  ]);
  return blob(Buffer.concat(items.map(writeItem)));
}

/** Inserts one row: all nine cells. */
export const INSERT = 'INSERT INTO cloudsync_changes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** How many inserted rows are not merged yet. */
export function inboxSize(db: Connection): unknown {
  return single(db, 'SELECT count(*) FROM cloudsync_inbox');
}

/** Inserts rows into the table, in one transaction. */
export function offerChanges(db: Connection, rows: readonly ChangeRow[]): void {
  const insert = db.prepare(`INSERT INTO cloudsync_changes
    VALUES(:tbl, :pk, :col_name, CASE :type WHEN 'text' THEN CAST(:value AS TEXT) ELSE :value END,
      :col_version, :db_version, :site_id, :cl, :seq)`);
  db.transaction(() => {
    for (const row of rows) insert.run(row);
  })();
}

/** Inserts rows into the table and lets them be merged. */
export function insertChanges(db: Connection, rows: readonly ChangeRow[]): void {
  offerChanges(db, rows);
  db.prepare('SELECT cloudsync_db_version()').get();
}

/** The lines of the changes in packets. */
export function packetLines(packets: readonly Packet[]): string[] {
  const lines: string[] = [];
  for (const table of packets.flatMap((packet) => packet.tables)) {
    for (const row of table.rows) {
      const pk = Buffer.concat(row.key.map(writeItem)).toString('hex');
      const line = (column: string, value: Value, { clock, site }: Stamp, cl = row.cl) =>
        lines.push(`${table.name} ${pk} ${column} = ${literal(value)} ${clock}@${site} cl=${cl}`);
      if (row.columns.size === 0) line('null', deletedValue(row), row.stamp);
      for (const [name, cell] of row.columns) line(name, cell.value, cell.stamp);
      if (row.columns.size > 0 && row.deleted.size > 0) {
        const newest = [...row.deleted.values()].sort(compareStamps).at(-1) ?? row.stamp;
        line('null', deletedValue(row), newest, 2n);
      }
    }
  }
  return lines.sort();
}
