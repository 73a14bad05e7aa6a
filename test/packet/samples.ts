/**
 * The packet that the hostile tests spoil, and the database that they throw it at. The packet uses every
 * feature of the format: several sites, stamps per column, partial rows, deletions, deletion stamps, every
 * type of value.
 */
import { type Connection, initTable, openDatabase } from '../support/database.js';
import type { Packet, Row, Stamp } from './packet.js';
import { blob, integer, NULL, real, text, type Value } from './value.js';

export const SITES = ['11'.repeat(16), '22'.repeat(16), 'ee'.repeat(16)] as const;
export const TABLES = ['notes', 'marks'] as const;

export function stamp(clock: bigint | number, site = 0): Stamp {
  return { clock: BigInt(clock), site: SITES[site] as string };
}

/** A row whose columns carry the row's stamp. */
export function row(key: Value[], at: Stamp, columns: Record<string, Value>, cl = 1n): Row {
  const cells = Object.entries(columns).map(([name, value]) => [name, { stamp: at, value }] as const);
  return { key, cl, stamp: at, columns: new Map(cells), deleted: new Map() };
}

/** A valid packet, new on every call. */
export function samplePacket(): Packet {
  const mixed = row([text('mixed'), integer(-1)], stamp(900, 2), { title: text('t'), body: real(-0) });
  mixed.columns.set('title', { stamp: stamp(2, 1), value: text('00000000-0000-4000-8000-000000000001') });
  const revived = row([text('revived')], stamp(5000), { value: blob('00ff'), extra: integer(2n ** 62n) });
  revived.deleted.set('value', stamp(4000, 1));
  mixed.bases = new Map([['body', { floor: 5n, stamps: [stamp(800, 1), stamp(300)] }]]);
  revived.bases = new Map(['value', 'extra'].map((name) => [name, { floor: 0n, stamps: [] }]));
  const dead = row([text('dead'), integer(2)], stamp(2 ** 40, 1), {}, 2n);
  dead.bases = new Map([['body', { floor: 0n, stamps: [stamp(7, 2)] }]]);
  return {
    site: SITES[0],
    since: 3n,
    upto: 9n,
    tables: [
      {
        name: 'notes',
        algorithm: 'cls',
        keyColumns: ['id', 'part'],
        columns: ['title', 'body'],
        rows: [
          row([text('whole'), integer(1)], stamp(1000), {
            title: text('a\0b'),
            body: text('longer '.repeat(12)),
          }),
          row([text('partial'), integer(300)], stamp(70000, 1), { body: NULL }, 3n),
          mixed,
          dead,
        ],
      },
      {
        name: 'marks',
        algorithm: 'aws',
        keyColumns: ['id'],
        columns: ['value', 'extra'],
        rows: [revived],
      },
    ],
  };
}

/** A database with both tables and one row of its own in each. */
export function sampleDatabase(): Connection {
  const db = openDatabase();
  db.exec('CREATE TABLE notes(id TEXT NOT NULL, title, part INTEGER NOT NULL, body, PRIMARY KEY(id, part))');
  db.exec('CREATE TABLE marks(id TEXT NOT NULL PRIMARY KEY, value, extra)');
  initTable(db, 'notes', 'cls');
  initTable(db, 'marks', 'aws');
  db.exec(`INSERT INTO notes VALUES('own', 'mine', 1, x'00'), ('dead', 'still here', 2, 1.5)`);
  db.exec(`INSERT INTO marks VALUES('own', 1, 2), ('revived', 'old', NULL)`);
  return db;
}
