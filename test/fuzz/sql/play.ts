/** play.ts: the child that plays the band fuzz-sql: each case is one program on one new database. */
import Database from 'better-sqlite3';
import { load } from '../../../src/node/index.js';
import { type Connection, encodePayload } from '../../support/database.js';
import { attempt } from '../api.js';
import { type Case, playCases } from '../child/cases.js';
import { Random } from '../child/random.js';
import { prepareAnswers } from '../curl/answers.js';
import { connect, trackAll, write } from '../world.js';
import { Program, type SqlFunction } from './programs.js';

const STATEMENTS = 40;

/** All functions that the extension registers on a connection, in all their forms. */
function registeredFunctions(): SqlFunction[] {
  const db = connect();
  const list = db
    .prepare("SELECT name, narg AS arity FROM pragma_function_list WHERE name LIKE 'cloudsync%'")
    .all() as Array<{ name: string; arity: bigint }>;
  db.close();
  if (list.length < 40) throw new Error(`only ${list.length} functions`);
  return list.map(({ name, arity }) => ({ name, arity: Number(arity) }));
}

function packetsOfOthers(): Buffer[] {
  const db = connect();
  trackAll(db);
  write(db, '44');
  db.exec("CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b, c); INSERT INTO t VALUES('k', 1, 'two', 3)");
  attempt(db, "SELECT cloudsync_init('t')");
  const packet = encodePayload(db);
  db.close();
  return [packet, packet.subarray(0, packet.length - 3), Buffer.alloc(0)];
}

/** SQLite does not understand SQL that the extension has made: a name or value is not quoted. */
const MISQUOTED = /^cloudsync: .*(near "|unrecognized token|incomplete input|no such column)/;
/** Users give parts of SQL to these, whose mistakes are theirs. */
const WITH_SQL = /set_filter/;

/** A program may put a trigger on our own tables; SQLite's complaints about it come with our statements. */
function hasForeignTrigger(db: Connection): boolean {
  const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE '%cloudsync%'";
  return db.prepare(sql).get() !== undefined;
}

const functions = registeredFunctions();
const packets = packetsOfOthers();

function open(random: Random): Connection {
  const db = new Database(':memory:');
  db.defaultSafeIntegers(true);
  // better-sqlite3 sets DEFENSIVE; the unsafe mode takes it away.
  if (random.oneIn(2)) db.unsafeMode(true);
  load(db);
  db.exec('CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b, c)');
  return db;
}

function play(each: Case): void {
  const random = new Random(each.seed);
  prepareAnswers([]);
  const db = open(random);
  if (random.oneIn(2)) attempt(db, "SELECT cloudsync_init('t')");
  const program = new Program(random, functions, packets);
  for (let left = STATEMENTS; left > 0; left--) {
    const { sql, values } = program.next();
    const message = attempt(db, sql, ...values);
    each.add(message === undefined ? 'statements that worked' : 'statements refused');
    const isMisquoted = message !== undefined && MISQUOTED.test(message);
    if (isMisquoted && !WITH_SQL.test(sql) && !hasForeignTrigger(db)) throw new Error(`${sql}: ${message}`);
  }
  if (db.inTransaction) attempt(db, 'ROLLBACK');
  attempt(db, 'PRAGMA query_only = OFF');
  const integrity = db.pragma('integrity_check', { simple: true }) as string;
  if (integrity !== 'ok') throw new Error(`integrity_check: ${integrity}`);
  attempt(db, 'SELECT cloudsync_status()');
  db.close();
}

playCases(play);
