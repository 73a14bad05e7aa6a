/**
 * device.ts: the device whose sessions are fuzzed, and what a server would have that got everything that the device
 * takes for acknowledged.
 */
import { type Item, readItem } from '../../packet/msgpack.js';
import { type Connection, encodePayload, initTable, single } from '../../support/database.js';
import { type Kind, PROTOCOL_TYPE, type Request } from '../curl/answers.js';
import { connect, trackAll, write } from '../world.js';
import type { PlannedAnswer, ServerState } from './answers.js';

const EPOCH = Buffer.alloc(16, 0xab);

/** Packets that pages bring: of devices with the same tables, and with others. */
export function packetsOfOthers(): Buffer[] {
  const packets = ['44', '55', '66'].map((who) => {
    const db = connect();
    trackAll(db);
    write(db, who);
    const packet = encodePayload(db);
    db.close();
    return packet;
  });
  const stranger = connect();
  stranger.exec("CREATE TABLE far(id TEXT PRIMARY KEY NOT NULL, v); INSERT INTO far VALUES('x', 1)");
  initTable(stranger, 'far', 'aws');
  packets.push(encodePayload(stranger));
  stranger.close();
  return packets;
}

export class Device {
  readonly db = connect();
  /** What a server has that keeps what it acknowledges. */
  readonly server = connect();
  #writes = 0;

  constructor() {
    trackAll(this.db);
    write(this.db, '11');
    trackAll(this.server);
    this.server.pragma('foreign_keys = OFF');
    single(this.db, "SELECT cloudsync_network_init('http://127.0.0.1:9/fuzz')");
    single(this.db, "SELECT cloudsync_network_set_token('secret')");
  }

  close(): void {
    this.db.close();
    this.server.close();
  }

  setting(key: string): unknown {
    return single(this.db, 'SELECT value FROM cloudsync_settings WHERE key = ?', key);
  }

  /** A server that has exactly what this device believes that it has. */
  serverState(packets: readonly Buffer[]): ServerState {
    const batch = (this.setting('network.batch') as bigint | undefined) ?? 0n;
    const epoch = (this.setting('network.epoch') as Buffer | undefined) ?? EPOCH;
    return { epoch, batch: batch < 0n ? 0n : batch, packets };
  }

  writeLocally(): void {
    this.#writes++;
    const insert = this.db.prepare('INSERT INTO notes(id, body) VALUES(?, ?)');
    insert.run(`mine-${this.#writes}`, `written ${this.#writes}`);
    const update = this.db.prepare('UPDATE notes SET body = body || ? WHERE id = ?');
    update.run('!', `mine-${1 + ((this.#writes * 7) % this.#writes)}`);
  }

  #own(db: Connection): string[] {
    return db
      .prepare("SELECT id || ' ' || body FROM notes WHERE id GLOB 'mine-*' ORDER BY id")
      .pluck()
      .all() as string[];
  }

  /** No answer takes away what was written here. */
  checkOwnRows(): void {
    const rows = this.#own(this.db).length;
    if (rows !== this.#writes)
      throw new Error(`${rows} of ${this.#writes} rows that were written here are left`);
  }

  /** After a session with a sound server: it has all that was written here. */
  checkEverythingSent(): void {
    if (single(this.db, 'SELECT cloudsync_network_has_unsent_changes()') !== 0n)
      throw new Error('changes are unsent');
    const [own, sent] = [this.#own(this.db), this.#own(this.server)];
    const lost = own.filter((row) => !sent.includes(row));
    if (lost.length > 0) throw new Error(`acknowledged, and not on the server: ${lost.join(', ')}`);
  }
}

/** The items of a body that is one array; undefined for anything else. */
export function itemsOf(body: Buffer): readonly Item[] | undefined {
  try {
    const item = readItem(body);
    return item.type === 'array' ? item.items : undefined;
  } catch {
    return undefined;
  }
}

/** An exchange of which both sides are known. */
export interface Exchange {
  request: Request;
  /** Undefined when there was none left. */
  answer: PlannedAnswer | undefined;
}

/** The client takes the body for what it is by status and type. */
export function isSuccess({ answer }: Exchange, kind: Kind): boolean {
  const type = answer?.contentType ?? PROTOCOL_TYPE;
  const isOurs = type === PROTOCOL_TYPE || type.startsWith(`${PROTOCOL_TYPE};`);
  return answer !== undefined && answer.kind === kind && answer.status === 200 && !answer.transport && isOurs;
}
