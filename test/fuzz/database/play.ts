/**
 * play.ts: the child that plays the band fuzz-database: case n is the n-th single damage; behind the last one come
 * random groups of two to five.
 */
import { type Connection, encodePayload, openDatabase } from '../../support/database.js';
import { callEverything } from '../api.js';
import { type Case, playCases } from '../child/cases.js';
import { Random } from '../child/random.js';
import { connect, makeWorld, trackAll, write } from '../world.js';
import { allDamages, type Damage } from './damages.js';

/** A database file to which everything may be done: its tables have lost their NOT NULL. */
function looseWorld(): Buffer {
  const world = makeWorld();
  const db = openForDamage(world.serialize());
  world.close();
  db.pragma('writable_schema = ON');
  db.exec(`UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')
    WHERE type = 'table' AND name LIKE '%cloudsync%' AND sql NOT LIKE '%WITHOUT ROWID%'`);
  const bytes = db.serialize();
  db.close();
  return bytes;
}

function openForDamage(bytes: Buffer): Connection {
  const db = openDatabase({ extension: false, source: bytes });
  db.unsafeMode(true);
  return db;
}

/** What others send meanwhile: changes that touch everything. */
function packetsOfOthers(): Buffer[] {
  return ['44', '22'].map((who) => {
    const db = connect();
    trackAll(db);
    write(db, who);
    const packet = encodePayload(db);
    db.close();
    return packet;
  });
}

/** Columns that the core takes apart byte by byte, and damages that are made for what it reads there. */
const STRUCTURED = /\.(cols|content|packet|change) /;
const AIMED = /\.cols .*a column that cannot be|_sites\.id .*(negative|the least)/;

/**
 * The same list in an order in which any beginning of it has damages of every table, those of the structured columns
 * more often, and those that are aimed at something first; the order is always the same.
 */
function spread(list: readonly Damage[]): Damage[] {
  const random = new Random(1);
  const weight = (name: string) => (AIMED.test(name) ? 1000 : STRUCTURED.test(name) ? 10 : 1);
  const places = list.map((one) => ({ one, place: random.below(2 ** 30) / weight(one.name) }));
  return places.sort((a, b) => a.place - b.place).map(({ one }) => one);
}

const base = looseWorld();
const packets = packetsOfOthers();
const damages = (() => {
  const db = openForDamage(base);
  const list = spread(allDamages(db));
  db.close();
  return list;
})();

function chosenDamages({ number, seed }: Case): Damage[] {
  const single = damages[number];
  if (single) return [single];
  const random = new Random(seed);
  return Array.from({ length: 2 + random.below(4) }, () => random.pick(damages));
}

/** True when the damage could be done; constraints that are left may refuse it. */
function damage(db: Connection, { sql }: Damage): boolean {
  try {
    db.exec(`SAVEPOINT damage; ${sql.join(';')}; RELEASE damage`);
    return true;
  } catch {
    db.exec('ROLLBACK TO damage; RELEASE damage');
    return false;
  }
}

function play(each: Case): void {
  const chosen = chosenDamages(each);
  const damaged = openForDamage(base);
  const done = chosen.filter((one) => damage(damaged, one)).length;
  const bytes = damaged.serialize();
  damaged.close();
  each.add(done > 0 ? 'damaged' : 'damages refused by SQLite');
  try {
    const db = connect(bytes);
    const { failed, calls } = callEverything(db, packets);
    each.add('calls', calls);
    each.add('errors', failed);
    checkAfterwards(db);
    db.close();
  } catch (error) {
    throw new Error(`${chosen.map(({ name }) => name).join(' and ')}: ${(error as Error).message}`);
  }
}

function checkAfterwards(db: Connection): void {
  if (db.inTransaction) throw new Error('a transaction was left open');
  const integrity = db.pragma('quick_check', { simple: true }) as string;
  // NULLs in columns that were NOT NULL are the damage itself; pages and indexes must be sound.
  if (integrity !== 'ok' && !/NULL value|CHECK constraint/.test(integrity)) throw new Error(integrity);
}

if (process.argv.includes('--list')) console.log(damages.length);
else playCases(play);
