/**
 * play.ts: the child that plays the band fuzz-bits: bits and bytes of a database file are changed: anywhere, in the
 * header, in the page of the schema, in the roots and inner pages of our tables, in the list of free pages.
 */
import { type Connection, openDatabase } from '../../support/database.js';
import { attempt, callEverything } from '../api.js';
import { type Case, playCases } from '../child/cases.js';
import { Random } from '../child/random.js';
import { connect, makeWorld } from '../world.js';

const PAGE_SIZE = 512;

/** A file with small pages, so that there are inner pages, and with free ones. */
function paged(): Buffer {
  const world = makeWorld();
  world.exec(
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
      INSERT INTO events SELECT 'e' || i, hex(i) FROM n`,
  );
  world.exec('INSERT INTO plain SELECT zeroblob(400) FROM events');
  const db = openDatabase({ extension: false, source: world.serialize() });
  world.close();
  db.unsafeMode(true);
  db.pragma(`page_size = ${PAGE_SIZE}`);
  db.exec('VACUUM; DELETE FROM plain');
  const bytes = db.serialize();
  db.close();
  return bytes;
}

interface Target {
  name: string;
  /** Numbers of pages, from 1. */
  pages: number[];
}

/** Which pages there are to damage. */
function targetsOf(bytes: Buffer): Target[] {
  const db = openDatabase({ extension: false, source: bytes });
  const roots = db
    .prepare("SELECT DISTINCT rootpage FROM sqlite_schema WHERE rootpage > 0 AND tbl_name LIKE '%cloudsync%'")
    .pluck()
    .all() as bigint[];
  db.close();
  const count = bytes.length / PAGE_SIZE;
  const all = Array.from({ length: count }, (_, i) => i + 1);
  const kind = (page: number) => bytes[(page - 1) * PAGE_SIZE + (page === 1 ? 100 : 0)] as number;
  return [
    { name: 'anywhere', pages: all },
    { name: 'first page', pages: [1] },
    { name: 'roots of our tables', pages: roots.map(Number) },
    { name: 'inner pages', pages: all.filter((page) => kind(page) === 2 || kind(page) === 5) },
    { name: 'free list', pages: [bytes.readUInt32BE(32)] },
  ];
}

const base = paged();
const targets = targetsOf(base);

function change(bytes: Buffer, random: Random, { pages }: Target): void {
  for (let left = 1 + random.below(random.oneIn(3) ? 16 : 2); left > 0; left--) {
    // The head of a page, where its structure is, as often as the rest of it.
    const within = random.oneIn(2) ? random.below(32) : random.below(PAGE_SIZE);
    const at = (random.pick(pages) - 1) * PAGE_SIZE + within;
    bytes[at] = random.oneIn(3) ? random.below(256) : (bytes[at] as number) ^ (1 << random.below(8));
  }
}

/** SQLite may refuse the file as a whole. */
function open(bytes: Buffer): Connection | undefined {
  try {
    return connect(bytes);
  } catch {
    return undefined;
  }
}

function play(each: Case): void {
  const random = new Random(each.seed);
  const bytes = Buffer.from(base);
  const target = random.pick(targets);
  change(bytes, random, target);
  each.add(`in ${target.name}`);
  const db = open(bytes);
  if (db === undefined) {
    each.add('refused by SQLite');
    return;
  }
  const { failed, calls } = callEverything(db, []);
  each.add('calls', calls);
  each.add('errors', failed);
  if (db.inTransaction) throw new Error(`${target.name}: a transaction was left open`);
  attempt(db, 'PRAGMA quick_check');
  db.close();
}

playCases(play);
