/**
 * play.ts: the child that plays the band fuzz-apply: each case applies one changed packet to the database that the
 * cases before have left, and now and then begins with another one.
 */
import { decodePayload } from '../../packet/decode.js';
import { type Connection, single } from '../../support/database.js';
import { type Case, playCases } from '../child/cases.js';
import { Random } from '../child/random.js';
import { connect } from '../world.js';
import { checkDatabase, contents } from './checks.js';
import { mutatedPacket } from './mutations.js';
import { sourcePackets, targetDatabases } from './sources.js';

/** Packets for one database. A case plays all of them up to its own, so that it can be repeated alone. */
const PACKETS_PER_DATABASE = 10;

const sources = sourcePackets();
const targets = targetDatabases();

/** What the independent decoder refuses; undefined where it accepts, or where the core may be more lenient. */
function refusalOf(payload: Buffer): string | undefined {
  try {
    decodePayload(payload);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return LENIENT.test(message) ? undefined : message;
  }
}

/** Rules for producers whose breach harms nobody. */
const LENIENT = /twice in one group|nothing/;

/** The error message, or undefined. */
function apply(db: Connection, payload: Buffer): string | undefined {
  try {
    single(db, 'SELECT cloudsync_payload_apply(?)', payload);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith('cloudsync: ') || /internal error/.test(message)) throw error;
    return message;
  }
}

function applyOne(db: Connection, payload: Buffer, each: Case): void {
  const before = contents(db);
  const refused = apply(db, payload);
  if (db.inTransaction) throw new Error('a transaction was left open');
  checkDatabase(db);
  each.add(refused === undefined ? 'accepted' : 'refused');
  if (refused !== undefined) {
    if (contents(db) !== before) throw new Error(`refused (${refused}), but something has changed`);
    return;
  }
  const reason = refusalOf(payload);
  if (reason !== undefined) throw new Error(`accepted; the independent decoder says: ${reason}`);
  const after = contents(db);
  const again = apply(db, payload);
  if (again !== undefined) throw new Error(`accepted, and refused when it comes again: ${again}`);
  if (contents(db) !== after) throw new Error('the same packet once more has changed something');
}

let current: { db: Connection; from: number } | undefined;

/** The database of the case, with the packets of those before it. */
function databaseFor({ seed }: Case): Connection {
  const from = seed - (seed % PACKETS_PER_DATABASE);
  if (current?.from === from) return current.db;
  current?.db.close();
  const db = connect(targets[(from / PACKETS_PER_DATABASE) % targets.length]);
  // What is in the log becomes clocks before the first packet, so that a refusal can be compared.
  apply(db, Buffer.alloc(0));
  current = { db, from };
  for (let earlier = from; earlier < seed; earlier++) apply(db, packetOf(earlier));
  return db;
}

function packetOf(seed: number): Buffer {
  return mutatedPacket(new Random(seed), sources);
}

playCases((each) => applyOne(databaseFor(each), packetOf(each.seed), each));
