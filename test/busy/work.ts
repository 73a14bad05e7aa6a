/**
 * work.ts: what each of the processes on one file does in the band busy, and what may come of each step.
 */

/** One step and what it leaves behind when it succeeds. */
export interface Piece {
  sql: string;
  /** Keys of the rows that are there afterwards; all of them or, when the step failed, none. */
  rows: readonly string[];
}

export interface Job {
  name: string;
  settings: string;
  pieces: Piece[];
}

type Numbers = () => number;

const pick = <Item>(random: Numbers, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)] as Item;

/** Holds a snapshot for some tenths of a second, so that no checkpoint can finish and no journal be committed. */
const LONG_READ =
  'BEGIN; SELECT count(*) FROM notes; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n' +
  ' WHERE i < 400000) SELECT max(i) FROM n; SELECT count(*) FROM notes; COMMIT';

/** Writes pairs of rows, sometimes in a transaction that reads first and so meets others when it wants to write. */
function writer(tag: string, count: number, random: Numbers): Piece[] {
  return Array.from({ length: count }, (_, i) => {
    const rows = [`${tag}-${i}-a`, `${tag}-${i}-b`];
    const begin = random() < 0.3 ? 'BEGIN; SELECT max(n) FROM notes' : 'BEGIN IMMEDIATE';
    const inserts = rows.map((id) => `INSERT INTO notes VALUES('${id}', ${i}, 'x')`).join('; ');
    return { sql: `${begin}; ${inserts}; UPDATE notes SET n = n + 1 WHERE id = 'shared'; COMMIT`, rows };
  });
}

const without = (sql: string): Piece => ({ sql, rows: [] });

/** The jobs of one round, for two to four processes. */
export function jobsOf(round: number, steps: number, random: Numbers): Job[] {
  const timeout = () => `PRAGMA busy_timeout = ${pick(random, [0, 0, 20, 500])}`;
  const sync = 'SELECT cloudsync_network_sync(0, 0)';
  const calls = [
    'SELECT length(cloudsync_payload_encode())',
    'SELECT cloudsync_db_version()',
    'PRAGMA wal_checkpoint(TRUNCATE)',
    "UPDATE notes SET text = text || 'y' WHERE id = 'shared'",
    'SELECT cloudsync_network_has_unsent_changes()',
    'SELECT cloudsync_status()',
  ];
  const others: Job[] = [
    { name: 'second writer', settings: timeout(), pieces: writer(`s${round}`, steps, random) },
    { name: 'syncer', settings: timeout(), pieces: Array.from({ length: steps >> 1 }, () => without(sync)) },
    {
      name: 'folder',
      settings: timeout(),
      pieces: Array.from({ length: steps >> 1 }, () => without(pick(random, calls))),
    },
    {
      name: 'reader',
      settings: timeout(),
      pieces: [...Array(6).fill(without(LONG_READ)), ...writer(`r${round}`, steps >> 2, random)],
    },
  ];
  const jobs: Job[] = [{ name: 'writer', settings: timeout(), pieces: writer(`w${round}`, steps, random) }];
  const count = 1 + Math.floor(random() * 3);
  while (jobs.length <= count) jobs.push(...others.splice(Math.floor(random() * others.length), 1));
  return jobs;
}
